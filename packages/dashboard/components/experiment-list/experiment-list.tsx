'use client';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useCallback, useMemo, useRef, useState } from 'react';
import { ApiError, api, type Experiment, type ExperimentQuery } from '../../lib/api.ts';
import { count } from '../../lib/format.ts';
import { useListKeys } from '../../lib/list-keys.ts';
import { useMay } from '../../lib/session.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { PageLink } from '../page-link.tsx';
import { Button, buttonClass, EmptyState, ErrorState, Loading, LoadMore, PageTitle } from '../parts.tsx';
import { May } from '../signed-in.tsx';
import { ExperimentTable } from './experiment-table.tsx';
import { Filters, filterKeys } from './filters.tsx';

const mostCompared = 10;

function NothingHere({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <EmptyState title="Nothing matches these filters">
        <Button onClick={onClear}>Clear filters</Button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="Nothing is stored yet">
      <May atLeast="editor">
        <PageLink href="/experiments/new?example=quickstart" className={buttonClass('primary')}>
          New experiment
        </PageLink>
      </May>
    </EmptyState>
  );
}

function CompareBar({ runs, onClear }: { runs: readonly string[]; onClear: () => void }) {
  const fits = runs.length >= 2 && runs.length <= mostCompared;
  return (
    <section
      aria-label="Chosen runs"
      className="sticky bottom-3 mx-auto mt-4 flex w-fit flex-wrap items-center gap-3 rounded-lg border border-line bg-surface px-4 py-2 shadow-lg"
    >
      <span aria-live="polite">
        {count(runs.length)} {runs.length === 1 ? 'run' : 'runs'} chosen
        {runs.length > mostCompared ? `; ${mostCompared} at most can be compared` : ''}
      </span>
      {fits ? (
        <PageLink href={`/compare?runs=${runs.join(',')}`} className={buttonClass('primary')}>
          Compare
        </PageLink>
      ) : null}
      <Button onClick={onClear}>Clear</Button>
    </section>
  );
}

export function ExperimentList() {
  const { get, set } = useUrlState();
  const router = useRouter();
  const client = useQueryClient();
  const mayEdit = useMay('editor');
  const searchRef = useRef<HTMLInputElement>(null);
  const [selected, setSelected] = useState(-1);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const deleted = get('deleted') === 'only';
  const sort = (get('sort') || 'newest') as NonNullable<ExperimentQuery['sort']>;
  const filters = Object.fromEntries(filterKeys.map((key) => [key, get(key)])) as ExperimentQuery;

  const list = useInfiniteQuery({
    queryKey: ['experiments', filters, sort],
    queryFn: ({ pageParam, signal }) =>
      api.experiments({ ...filters, sort, limit: 30, ...(pageParam === '' ? {} : { after: pageParam }) }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: (before) => before,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) =>
        page.items.some((item) => item.state === 'running' || item.state === 'queued'),
      )
        ? 3000
        : false,
  });
  const restore = useMutation({
    mutationFn: (id: string) => api.restore(id),
    onSuccess: () => client.invalidateQueries({ queryKey: ['experiments'] }),
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);

  const toggle = useCallback((runIds: readonly string[], on: boolean) => {
    setChosen((before) => {
      const next = new Set(before);
      for (const id of runIds) {
        if (on) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);
  const finishedRuns = (item: Experiment) => item.runs.filter((run) => run.status === 'finished').map((run) => run.id);
  const open = (index: number) => {
    const item = items[index];
    if (item !== undefined) router.push(`/experiment?id=${item.id}`);
  };
  const mark = (index: number) => {
    const item = items[index];
    if (item === undefined) return;
    const runs = finishedRuns(item);
    toggle(runs, !runs.every((id) => chosen.has(id)));
  };
  const select = (index: number) => {
    setSelected(index);
    document.querySelector(`[data-row="${index}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  useListKeys({
    count: items.length,
    selected,
    select,
    open,
    keys: { x: mark, '/': () => searchRef.current?.focus() },
  });

  const badFilter = list.error instanceof ApiError && list.error.status === 400;
  const clear = () => set(Object.fromEntries([...filterKeys, 'sort'].map((key) => [key, undefined])));
  return (
    <>
      <PageTitle>{deleted ? 'Deleted experiments' : 'Experiments'}</PageTitle>
      <Filters get={get} set={set} searchRef={searchRef} />
      {list.error === null ? null : (
        <ErrorState error={list.error} retry={badFilter ? clear : () => void list.refetch()} />
      )}
      {list.isPending ? <Loading height={480} label="Loading experiments" /> : null}
      {list.isSuccess && items.length === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <NothingHere filtered={filterKeys.some((key) => get(key) !== '')} onClear={clear} />
        </div>
      ) : null}
      {items.length > 0 ? (
        <ExperimentTable
          items={items}
          sort={sort}
          onSort={(next) => set({ sort: next === 'newest' ? undefined : next })}
          selected={selected}
          chosen={chosen}
          onChoose={(item, on) => toggle(finishedRuns(item), on)}
          onRestore={deleted && mayEdit ? (id) => restore.mutate(id) : undefined}
        />
      ) : null}
      <LoadMore list={list} />
      {chosen.size > 0 ? <CompareBar runs={[...chosen]} onClear={() => setChosen(new Set())} /> : null}
    </>
  );
}
