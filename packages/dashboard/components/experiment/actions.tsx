'use client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Dialog } from 'radix-ui';
import { useState } from 'react';
import { api, type ExperimentDetail } from '../../lib/api.ts';
import { useMay } from '../../lib/session.ts';
import { PageLink } from '../page-link.tsx';
import { Button, buttonClass, ErrorState } from '../parts.tsx';

function ConfirmDelete({ name, onDelete }: { name: string; onDelete: () => void }) {
  return (
    <Dialog.Root>
      <Dialog.Trigger asChild>
        <Button look="danger">Delete</Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content className="fixed top-1/3 left-1/2 z-50 w-[min(26rem,calc(100vw-2rem))] -translate-x-1/2 rounded-lg border border-line bg-surface p-5 shadow-xl">
          <Dialog.Title className="font-semibold">Delete {name}?</Dialog.Title>
          <Dialog.Description className="my-3 text-muted">
            It is hidden from the lists and can be restored. What runs is stopped.
          </Dialog.Description>
          <div className="flex justify-end gap-2">
            <Dialog.Close asChild>
              <Button>Keep it</Button>
            </Dialog.Close>
            <Dialog.Close asChild>
              <Button look="danger" onClick={onDelete}>
                Delete
              </Button>
            </Dialog.Close>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Exports({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const formats = [
    ['csv', 'CSV (rows)'],
    ['jsonl', 'JSON Lines (rows)'],
    ['markdown', 'Markdown (finding)'],
  ] as const;
  return (
    <details className="relative" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={`${buttonClass()} list-none`}>Export</summary>
      <div className="absolute end-0 z-20 mt-1 grid w-48 rounded-md border border-line bg-surface p-1 shadow-lg">
        {formats.map(([format, label]) => (
          <a
            key={format}
            href={api.exportUrl(id, format)}
            download
            className="rounded px-2 py-1.5 hover:bg-raised"
            onClick={() => setOpen(false)}
          >
            {label}
          </a>
        ))}
      </div>
    </details>
  );
}

/** What can be done with an experiment in its state. */
export function Actions({ experiment }: { experiment: ExperimentDetail }) {
  const client = useQueryClient();
  const { id, state, deletedAt } = experiment;
  const act = useMutation({
    mutationFn: async (run: () => Promise<unknown>) => run(),
    onSettled: () => client.invalidateQueries({ queryKey: ['experiment', id] }),
  });
  const finished = experiment.runs.filter((run) => run.status === 'finished');
  const mayEdit = useMay('editor');
  const canRun = !act.isPending && deletedAt === null;
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {state === 'draft' && mayEdit ? (
          <>
            <PageLink href={`/experiments/new?edit=${id}`} className={buttonClass()}>
              Edit
            </PageLink>
            <Button look="primary" disabled={!canRun} onClick={() => act.mutate(() => api.start(id))}>
              Start
            </Button>
          </>
        ) : null}
        {(state === 'cancelled' || state === 'failed') && mayEdit ? (
          <Button look="primary" disabled={!canRun} onClick={() => act.mutate(() => api.start(id))}>
            Resume
          </Button>
        ) : null}
        {(state === 'running' || state === 'queued') && mayEdit ? (
          <Button disabled={act.isPending} onClick={() => act.mutate(() => api.cancel(id))}>
            {act.isPending ? 'Stopping' : 'Cancel'}
          </Button>
        ) : null}
        {finished.length >= 2 && finished.length <= 10 ? (
          <PageLink href={`/compare?runs=${finished.map((run) => run.id).join(',')}`} className={buttonClass()}>
            Compare runs
          </PageLink>
        ) : null}
        {mayEdit ? (
          <PageLink href={`/experiments/new?from=${id}`} className={buttonClass()}>
            Duplicate
          </PageLink>
        ) : null}
        <Exports id={id} />
        {deletedAt === null && mayEdit ? (
          <ConfirmDelete name={experiment.name} onDelete={() => act.mutate(() => api.remove(id))} />
        ) : null}
      </div>
      {act.error === null ? null : (
        <div className="w-full">
          <ErrorState error={act.error} />
        </div>
      )}
      {deletedAt === null ? null : (
        <p role="status" className="flex w-full items-center gap-3 rounded-lg bg-warning-soft px-4 py-2 text-warning">
          This experiment is deleted.
          {mayEdit ? (
            <Button disabled={act.isPending} onClick={() => act.mutate(() => api.restore(id))}>
              Restore it
            </Button>
          ) : null}
        </p>
      )}
    </>
  );
}
