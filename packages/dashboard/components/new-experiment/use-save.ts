'use client';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ApiError, api } from '../../lib/api.ts';
import type { Draft } from './use-draft.ts';

export interface Save {
  readonly busy: boolean;
  readonly error: unknown;
  /** Somebody else saved the draft since it was loaded. */
  readonly conflict: boolean;
  readonly save: (start: boolean) => Promise<void>;
  readonly loadTheirs: () => Promise<void>;
  readonly keepAsNew: () => Promise<void>;
}

/** Sends the draft; `editing` is the experiment that it belongs to. Afterwards the page of the experiment opens. */
export function useSave(draft: Draft, editing: string | undefined): Save {
  const router = useRouter();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function attempt(work: () => Promise<string | undefined>): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const id = await work();
      if (id === undefined) return;
      draft.forget();
      router.push(`/experiment?id=${encodeURIComponent(id)}`);
      // Not what this page still shows while it goes.
      const own = ['validate', 'plan', 'catalog', 'experiment to edit'];
      void client.invalidateQueries({ predicate: ({ queryKey }) => !own.includes(String(queryKey[0])) });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  }

  async function update(id: string, start: boolean): Promise<string> {
    if (draft.changed && draft.revision !== undefined) {
      const { source, revision } = draft;
      const updated = await api.updateExperiment(id, { source, revision });
      // Should the start fail, the next attempt builds on what was saved.
      draft.saved({ source, revision: updated.revision });
    }
    if (start) await api.start(id);
    return id;
  }

  const create = async (start: boolean) => (await api.createExperiment({ source: draft.source, start })).id;
  return {
    busy,
    error,
    conflict: editing !== undefined && error instanceof ApiError && error.status === 409,
    save: (start) => attempt(() => (editing === undefined ? create(start) : update(editing, start))),
    loadTheirs: () =>
      attempt(async () => {
        if (editing === undefined) return undefined;
        const { source, revision } = await api.experiment(editing);
        draft.reset({ source, revision });
        return undefined;
      }),
    keepAsNew: () => attempt(() => create(false)),
  };
}
