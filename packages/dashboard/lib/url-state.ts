'use client';
import { useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useState } from 'react';

export type Change = Readonly<Record<string, string | undefined>>;

/** The query of the address as the state of a page: what is in it can be shared. undefined takes a key out. */
export function useUrlState(): { get: (key: string) => string; set: (change: Change) => void } {
  const search = useSearchParams();
  const set = useCallback((change: Change) => {
    // From the address itself: two changes in one moment must not undo each other.
    const next = new URLSearchParams(window.location.search);
    for (const [key, value] of Object.entries(change)) {
      if (value === undefined || value === '') next.delete(key);
      else next.set(key, value);
    }
    const query = next.toString();
    // At once, unlike the router's own replace; the router takes it over from there.
    window.history.replaceState(null, '', query === '' ? window.location.pathname : `?${query}`);
  }, []);
  return { get: (key) => search.get(key) ?? '', set };
}

/** A text that is typed, handed on once the typing pauses. */
export function useTypedText(value: string, onSettled: (text: string) => void, delayMs = 250) {
  const [text, setText] = useState(value);
  const [settled, setSettled] = useState(value);
  // Changed from outside, e.g. by "clear filters".
  if (value !== settled) {
    setSettled(value);
    setText(value);
  }
  useEffect(() => {
    if (text === settled) return;
    const timer = setTimeout(() => {
      setSettled(text);
      onSettled(text);
    }, delayMs);
    return () => clearTimeout(timer);
  }, [text, settled, onSettled, delayMs]);
  return [text, setText] as const;
}
