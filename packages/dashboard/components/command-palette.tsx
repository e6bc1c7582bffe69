'use client';
import { useRouter } from 'next/navigation';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { isTyping } from '../lib/list-keys.ts';

const PaletteDialog = lazy(() => import('./command-palette-dialog.tsx'));
const ShortcutsDialog = lazy(() => import('./shortcuts-dialog.tsx'));

const afterG: Readonly<Record<string, string>> = {
  h: '/',
  e: '/experiments',
  t: '/trainings',
  b: '/benchmarks',
};
const secondKeyMs = 1500;

/** The button of the command palette, and the keyboard shortcuts of all pages. */
export function CommandPaletteButton() {
  const router = useRouter();
  const [open, setOpen] = useState<'palette' | 'shortcuts'>();
  const opener = useRef<Element>(null);
  const show = (which: 'palette' | 'shortcuts') => {
    opener.current = document.activeElement;
    setOpen(which);
  };
  const close = () => setOpen(undefined);
  const giveFocusBack = (event: Event) => {
    event.preventDefault();
    if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus();
  };

  useEffect(() => {
    let pressedG = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.repeat || event.altKey) return;
      const key = event.key.toLowerCase();
      if (document.querySelector('[role=dialog]') !== null) return;
      const command = event.ctrlKey || event.metaKey;
      if (command && key === 'k' && !event.shiftKey) {
        event.preventDefault();
        show('palette');
      }
      if (command || isTyping(event.target)) return;
      const follows = event.timeStamp - pressedG < secondKeyMs;
      pressedG = key === 'g' ? event.timeStamp : Number.NEGATIVE_INFINITY;
      const page = follows ? afterG[key] : key === 'n' ? '/experiments/new' : undefined;
      if (page !== undefined) {
        event.preventDefault();
        router.push(page);
      } else if (key === '?') {
        event.preventDefault();
        show('shortcuts');
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });

  return (
    <>
      <button
        type="button"
        onClick={() => show('palette')}
        aria-keyshortcuts="Control+K Meta+K"
        aria-haspopup="dialog"
        title="Search and commands (Ctrl+K)"
        className="mr-1 flex h-9 min-w-9 items-center justify-center gap-2 rounded-md border border-line px-2 text-muted hover:bg-raised hover:text-ink"
      >
        <svg aria-hidden="true" viewBox="0 0 16 16" className="size-4 fill-none stroke-current" strokeWidth="1.6">
          <circle cx="7" cy="7" r="4.5" />
          <path d="m10.5 10.5 4 4" strokeLinecap="round" />
        </svg>
        <span className="sr-only">Search and commands</span>
        <kbd className="hidden font-sans text-xs md:inline">Ctrl K</kbd>
      </button>
      <Suspense fallback={null}>
        {open === 'palette' ? (
          <PaletteDialog onClose={close} onShortcuts={() => setOpen('shortcuts')} onCloseAutoFocus={giveFocusBack} />
        ) : null}
        {open === 'shortcuts' ? <ShortcutsDialog onClose={close} onCloseAutoFocus={giveFocusBack} /> : null}
      </Suspense>
    </>
  );
}
