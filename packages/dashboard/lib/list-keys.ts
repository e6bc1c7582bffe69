'use client';
import { useEffect } from 'react';

interface Handlers {
  /** Where the selection may go; -1 is none. */
  readonly count: number;
  readonly selected: number;
  readonly select: (index: number) => void;
  readonly open: (index: number) => void;
  /** While what `open` opened is on the page: j and k go on to the next one. */
  readonly isOpen?: boolean;
  /** Further keys, e.g. x to mark. */
  readonly keys?: Readonly<Record<string, (index: number) => void>>;
}

/** Whether keys are text at the moment. */
export const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.closest('input, textarea, select, [role=textbox]') !== null);

/** j and k move through a list, Enter opens: anywhere on the page, but not while somebody types or a dialog is open. */
export function useListKeys({ count, selected, select, open, isOpen = false, keys = {} }: Handlers): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || (!isOpen && document.querySelector('[role="dialog"]') !== null)) return;
      const move = event.key === 'j' ? 1 : event.key === 'k' ? -1 : 0;
      if (move !== 0 && count > 0) {
        event.preventDefault();
        const next = Math.min(count - 1, Math.max(0, selected + move));
        select(next);
        if (isOpen) open(next);
        return;
      }
      if (isOpen) return;
      const onControl = event.target instanceof HTMLElement && event.target.closest('a, button, summary') !== null;
      if (event.key === 'Enter' && selected >= 0 && !onControl) open(selected);
      else if (selected >= 0 || event.key === '/') keys[event.key]?.(selected);
      if (event.key === '/' && keys['/'] !== undefined) event.preventDefault();
    }
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [count, selected, select, open, isOpen, keys]);
}
