'use client';
import { Dialog } from 'radix-ui';
import { Button } from './parts.tsx';

const shortcuts = [
  { keys: ['Ctrl K', 'Cmd K'], does: 'Search and commands' },
  { keys: ['g h'], does: 'Go to the home page' },
  { keys: ['g e'], does: 'Go to the experiments' },
  { keys: ['g t'], does: 'Go to the trainings' },
  { keys: ['g b'], does: 'Go to the benchmarks' },
  { keys: ['n'], does: 'New experiment' },
  { keys: ['j', 'k'], does: 'Next and previous row of a table' },
  { keys: ['Enter'], does: 'Open the row' },
  { keys: ['Escape'], does: 'Close what is open' },
  { keys: ['?'], does: 'This list' },
];

export default function ShortcutsDialog({
  onClose,
  onCloseAutoFocus,
}: {
  onClose: () => void;
  onCloseAutoFocus: (event: Event) => void;
}) {
  return (
    <Dialog.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={onCloseAutoFocus}
          className="fixed top-[12vh] left-1/2 z-50 max-h-[80vh] w-[min(26rem,calc(100vw-2rem))] -translate-x-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-xl"
        >
          <Dialog.Title className="mb-3 text-base font-semibold">Keyboard shortcuts</Dialog.Title>
          <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2">
            {shortcuts.map(({ keys, does }) => (
              <div key={does} className="contents">
                <dt className="flex gap-1">
                  {keys.map((key) => (
                    <kbd key={key} className="rounded border border-line bg-raised px-1.5 py-0.5 font-mono text-xs">
                      {key}
                    </kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
          <p className="mt-3 text-xs text-muted">Shortcuts rest while you type.</p>
          <Button className="mt-4" onClick={onClose}>
            Close
          </Button>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
