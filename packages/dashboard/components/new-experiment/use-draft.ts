'use client';
import { useCallback, useEffect, useRef, useState } from 'react';

interface Saved {
  readonly source: string;
  /** Of the experiment that is edited. */
  readonly revision: number | undefined;
}

export type Edit = (change: (source: string) => string) => void;

export interface Draft extends Saved {
  readonly changed: boolean;
  readonly restored: boolean;
  readonly edit: Edit;
  /** Starts over from another text. */
  readonly reset: (start: Saved) => void;
  /** This much is saved; what was written meanwhile stays. */
  readonly saved: (start: Saved) => void;
  readonly forget: () => void;
}

function read(key: string): Saved | undefined {
  try {
    const saved = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Saved | null;
    return typeof saved?.source === 'string' ? saved : undefined;
  } catch {
    return undefined;
  }
}

function write(key: string, saved: Saved | undefined): void {
  try {
    if (saved === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(saved));
  } catch {
    // Storage that is full or switched off: the text is still in the page.
  }
}

/** The text that is written, kept over a reload. Only for components that are never rendered on a server. */
export function useDraft(name: string, given: Saved): Draft {
  const key = `new-experiment:${name}`;
  const [start, setStart] = useState(given);
  const [kept] = useState(() => read(key));
  const [draft, setDraft] = useState<Saved>(kept ?? given);
  const [restored, setRestored] = useState(kept !== undefined && kept.source !== given.source);
  const forgotten = useRef(false);
  const changed = draft.source !== start.source;

  useEffect(() => {
    if (!forgotten.current) write(key, changed ? draft : undefined);
  }, [key, draft, changed]);

  const edit = useCallback<Edit>((change) => setDraft((old) => ({ ...old, source: change(old.source) })), []);
  const reset = useCallback((next: Saved) => {
    setStart(next);
    setDraft(next);
    setRestored(false);
  }, []);
  const saved = useCallback((next: Saved) => {
    setStart(next);
    setDraft(({ source }) => ({ source, revision: next.revision }));
  }, []);
  const forget = useCallback(() => {
    forgotten.current = true;
    write(key, undefined);
  }, [key]);
  return { ...draft, changed, restored, edit, reset, saved, forget };
}
