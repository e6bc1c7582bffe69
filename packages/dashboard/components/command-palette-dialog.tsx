'use client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { useRouter } from 'next/navigation';
import { Dialog } from 'radix-ui';
import { useEffect, useState } from 'react';
import { api } from '../lib/api.ts';
import { useMay } from '../lib/session.ts';
import { StateBadge } from './parts.tsx';
import { toggleTheme } from './theme-button.tsx';

const pages = [
  { href: '/', label: 'Home', keys: 'g h' },
  { href: '/experiments', label: 'Experiments', keys: 'g e' },
  { href: '/trainings', label: 'Training', keys: 'g t' },
  { href: '/benchmarks', label: 'Benchmarks', keys: 'g b' },
  { href: '/compare', label: 'Compare', keys: '' },
];

const itemClass =
  'flex min-h-9 cursor-pointer items-center gap-2 rounded-md px-2.5 py-1.5 data-[selected=true]:bg-accent-soft data-[selected=true]:text-accent';
const groupClass =
  '[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted';

function useSearch(text: string) {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return useQuery({
    queryKey: ['palette', settled],
    queryFn: ({ signal }) => api.experiments({ text: settled, limit: 8 }, { signal }),
    placeholderData: keepPreviousData,
  });
}

export default function CommandPaletteDialog({
  onClose,
  onShortcuts,
  onCloseAutoFocus,
}: {
  onClose: () => void;
  onShortcuts: () => void;
  onCloseAutoFocus: (event: Event) => void;
}) {
  const router = useRouter();
  const mayEdit = useMay('editor');
  const [text, setText] = useState('');
  const experiments = useSearch(text.trim());
  const catalog = useQuery({
    queryKey: ['catalog'],
    queryFn: ({ signal }) => api.catalog({ signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const go = (href: string) => () => {
    onClose();
    router.push(href);
  };
  return (
    <Dialog.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={onCloseAutoFocus}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(36rem,calc(100vw-2rem))] -translate-x-1/2 overflow-hidden rounded-xl border border-line bg-surface shadow-xl"
        >
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Command label="Search and commands" loop>
            <Command.Input
              value={text}
              onValueChange={setText}
              placeholder="Search experiments, pages and commands"
              className="h-12 w-full border-b border-line bg-surface px-4 text-base text-ink placeholder:text-muted focus-visible:outline-none"
            />
            <Command.List label="Results" className="max-h-[min(24rem,60vh)] overflow-y-auto p-2">
              <Command.Empty className="px-2.5 py-6 text-center text-muted">
                {experiments.isError
                  ? experiments.error.message
                  : experiments.isFetching
                    ? 'Searching…'
                    : 'Nothing found.'}
              </Command.Empty>
              <Command.Group heading="Go to" className={groupClass}>
                {pages.map(({ href, label, keys }) => (
                  <Command.Item key={href} value={`go to ${label}`} onSelect={go(href)} className={itemClass}>
                    <span className="mr-auto">{label}</span>
                    <kbd className="font-sans text-xs">{keys}</kbd>
                  </Command.Item>
                ))}
                <Command.Item value="go to Guide" onSelect={() => location.assign('/guide')} className={itemClass}>
                  Guide
                </Command.Item>
              </Command.Group>
              <Command.Group heading="Do" className={groupClass}>
                {mayEdit ? (
                  <Command.Item value="new experiment" onSelect={go('/experiments/new')} className={itemClass}>
                    <span className="mr-auto">New experiment</span>
                    <kbd className="font-sans text-xs">n</kbd>
                  </Command.Item>
                ) : null}
                {(mayEdit ? catalog.data?.examples : [])?.map(({ name }) => (
                  <Command.Item
                    key={name}
                    value={`new from the example ${name}`}
                    onSelect={go(`/experiments/new?example=${encodeURIComponent(name)}`)}
                    className={itemClass}
                  >
                    New from the example {name}
                  </Command.Item>
                ))}
                <Command.Item
                  value="light or dark theme"
                  onSelect={() => {
                    toggleTheme();
                    onClose();
                  }}
                  className={itemClass}
                >
                  Switch between light and dark
                </Command.Item>
                <Command.Item value="keyboard shortcuts" onSelect={onShortcuts} className={itemClass}>
                  <span className="mr-auto">Keyboard shortcuts</span>
                  <kbd className="font-sans text-xs">?</kbd>
                </Command.Item>
              </Command.Group>
              {experiments.data === undefined || experiments.data.items.length === 0 ? null : (
                <Command.Group heading="Experiments" className={groupClass}>
                  {experiments.data.items.map(({ id, name, state }) => (
                    <Command.Item
                      key={id}
                      value={`experiment ${id}`}
                      // The server has searched: what it found is shown, whatever the letters.
                      keywords={[name, text]}
                      onSelect={go(`/experiment?id=${encodeURIComponent(id)}`)}
                      className={itemClass}
                    >
                      <span className="mr-auto min-w-0 truncate">{name}</span>
                      <StateBadge state={state} />
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
