'use client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import { api, type Training } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { useListKeys } from '../../lib/list-keys.ts';
import { goesOn } from '../../lib/live-training.ts';
import { PageLink } from '../page-link.tsx';
import { Button, EmptyState, ErrorState, Loading, PageTitle, StateBadge, VerdictBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';

function Runs({ item }: { item: Training }) {
  const ended = item.runs.filter(({ status }) => status === 'finished').length;
  const done = item.runs.reduce(
    (sum, { status, step, totalSteps }) =>
      sum + (status === 'finished' ? 1 : totalSteps === null || totalSteps === 0 ? 0 : step / totalSteps),
    0,
  );
  const text = `${ended} of ${item.runs.length} finished`;
  return (
    <span className="grid max-w-56 gap-1.5">
      <span className="tabular-nums">{text}</span>
      {goesOn(item.state) ? (
        <ProgressBar label={`Progress of ${item.name}`} share={done / Math.max(1, item.runs.length)} text={text} />
      ) : null}
    </span>
  );
}

function Verdicts({ item }: { item: Training }) {
  if (item.verdicts.length === 0) return <span className="text-muted">–</span>;
  return (
    <ul className="grid max-w-2xl gap-1.5">
      {item.verdicts.slice(0, 3).map(({ sentence, kind }) => (
        <li key={sentence} className="flex items-baseline gap-2">
          <VerdictBadge verdict={kind} />
          <span className="line-clamp-2 min-w-0 break-words">{sentence}</span>
        </li>
      ))}
      {item.verdicts.length > 3 ? <li className="text-muted">and {item.verdicts.length - 3} more</li> : null}
    </ul>
  );
}

/** A table from 640 px, cards below. */
function TrainingTable({ items, selected }: { items: readonly Training[]; selected: number }) {
  const headClass = 'px-4 py-2 font-medium';
  const cellClass = 'mt-2 block sm:mt-0 sm:table-cell sm:px-4 sm:py-3';
  return (
    <div className="overflow-clip rounded-lg border border-line bg-surface">
      <table className="block w-full sm:table">
        <caption className="sr-only">Trainings, newest first; j and k move, Enter opens</caption>
        <thead className="hidden bg-raised text-left text-xs text-muted sm:table-header-group">
          <tr>
            {['Name', 'Runs', 'Finding', 'Created'].map((name) => (
              <th key={name} scope="col" className={headClass}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="block divide-y divide-line sm:table-row-group">
          {items.map((item, index) => (
            <tr
              key={item.id}
              data-row={index}
              aria-selected={index === selected}
              className="block px-4 py-3 align-top aria-selected:bg-accent-soft sm:table-row"
            >
              <td className="block sm:table-cell sm:px-4 sm:py-3">
                <span className="flex flex-wrap items-center gap-2">
                  <PageLink
                    href={`/training?id=${item.id}`}
                    className="font-medium break-words text-accent hover:underline"
                  >
                    {item.name}
                  </PageLink>
                  <StateBadge state={item.state} />
                </span>
                <span className="mt-1 line-clamp-2 max-w-md text-muted">{item.description}</span>
                <span className="mt-1 block text-xs break-words text-muted">
                  {[item.objective, item.trainer, item.model].filter((part) => part !== '').join(' · ')}
                </span>
              </td>
              <td className={cellClass}>
                <Runs item={item} />
              </td>
              <td className={cellClass}>
                <Verdicts item={item} />
              </td>
              <td className={`${cellClass} text-muted sm:whitespace-nowrap`}>{moment(item.createdAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function TrainingList() {
  const router = useRouter();
  const [selected, setSelected] = useState(-1);
  const list = useInfiniteQuery({
    queryKey: ['trainings'],
    queryFn: ({ pageParam, signal }) => api.trainings(pageParam === '' ? {} : { after: pageParam }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some(({ state }) => goesOn(state))) ? 3000 : 15_000,
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  useListKeys({
    count: items.length,
    selected,
    select: (index) => {
      setSelected(index);
      document.querySelector(`[data-row="${index}"]`)?.scrollIntoView({ block: 'nearest' });
    },
    open: (index) => {
      const item = items[index];
      if (item !== undefined) router.push(`/training?id=${item.id}`);
    },
  });
  return (
    <>
      <PageTitle>Training</PageTitle>
      {list.error === null ? null : <ErrorState error={list.error} retry={() => void list.refetch()} />}
      {list.isPending ? <Loading height={360} label="Loading trainings" /> : null}
      {list.isSuccess && items.length === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <EmptyState title="No model has been trained yet">
            Start one from a terminal, and watch it here:
            <code className="mt-2 block rounded-md bg-raised px-3 py-2 font-mono text-xs break-words">
              forge train experiments/dpo-lab.yaml
            </code>
          </EmptyState>
        </div>
      ) : null}
      {items.length > 0 ? <TrainingTable items={items} selected={selected} /> : null}
      {list.hasNextPage ? (
        <div className="mt-4 text-center">
          <Button disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {list.isFetchingNextPage ? 'Loading' : 'Load more'}
          </Button>
        </div>
      ) : null}
    </>
  );
}
