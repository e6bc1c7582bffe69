'use client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import { api, type Benchmark } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { useListKeys } from '../../lib/list-keys.ts';
import { PageLink } from '../page-link.tsx';
import { Button, EmptyState, ErrorState, Loading, PageTitle, StateBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';

const goesOn = ({ state }: Benchmark) => state === 'running' || state === 'loading' || state === 'reporting';

function Found({ item }: { item: Benchmark }) {
  const { progress, sentences } = item;
  if (progress !== null) {
    const { cells, loads } = progress;
    const text = [
      `${cells.done} of ${cells.total} cells`,
      ...(loads.total === 0 ? [] : [`${loads.done} of ${loads.total} loads`]),
    ].join(', ');
    return (
      <span className="grid max-w-56 gap-1.5">
        <span className="tabular-nums">{text}</span>
        <ProgressBar
          label={`Progress of ${item.name}`}
          share={(cells.done + loads.done) / Math.max(1, cells.total + loads.total)}
          text={text}
        />
      </span>
    );
  }
  if (sentences.length === 0) return <span className="text-muted">–</span>;
  return (
    <ul className="grid max-w-2xl gap-1.5">
      {sentences.map((sentence) => (
        <li key={sentence} className="line-clamp-2 break-words">
          {sentence}
        </li>
      ))}
    </ul>
  );
}

/** A table from 640 px, cards below. */
function BenchmarkTable({ items, selected }: { items: readonly Benchmark[]; selected: number }) {
  const cellClass = 'mt-2 block sm:mt-0 sm:table-cell sm:px-4 sm:py-3';
  return (
    <div className="overflow-clip rounded-lg border border-line bg-surface">
      <table className="block w-full sm:table">
        <caption className="sr-only">Benchmarks, newest first; j and k move, Enter opens</caption>
        <thead className="hidden bg-raised text-left text-xs text-muted sm:table-header-group">
          <tr>
            {['Name', 'Found', 'Created'].map((name) => (
              <th key={name} scope="col" className="px-4 py-2 font-medium">
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
                    href={`/benchmark?id=${item.id}`}
                    className="font-medium break-words text-accent hover:underline"
                  >
                    {item.name}
                  </PageLink>
                  <StateBadge state={item.state} />
                </span>
                <span className="mt-1 line-clamp-2 max-w-md text-muted">{item.description}</span>
                <span className="mt-1 block text-xs break-words text-muted">
                  {item.methods.join(', ')} × {item.optimisations.join(', ')}
                </span>
              </td>
              <td className={cellClass}>
                <Found item={item} />
              </td>
              <td className={`${cellClass} text-muted sm:whitespace-nowrap`}>{moment(item.createdAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function BenchmarkList() {
  const router = useRouter();
  const [selected, setSelected] = useState(-1);
  const list = useInfiniteQuery({
    queryKey: ['benchmarks'],
    queryFn: ({ pageParam, signal }) => api.benchmarks(pageParam === '' ? {} : { after: pageParam }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some(goesOn)) === true ? 3000 : 15_000,
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
      if (item !== undefined) router.push(`/benchmark?id=${item.id}`);
    },
  });
  return (
    <>
      <PageTitle>Benchmarks</PageTitle>
      {list.error === null ? null : <ErrorState error={list.error} retry={() => void list.refetch()} />}
      {list.isPending ? <Loading height={360} label="Loading benchmarks" /> : null}
      {list.isSuccess && items.length === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <EmptyState title="Nothing has been benchmarked yet">
            Start one from a terminal, and watch it here:
            <code className="mt-2 block rounded-md bg-raised px-3 py-2 font-mono text-xs break-words">
              forge bench experiments/bench-lab.yaml
            </code>
          </EmptyState>
        </div>
      ) : null}
      {items.length > 0 ? <BenchmarkTable items={items} selected={selected} /> : null}
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
