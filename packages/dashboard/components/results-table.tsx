// biome-ignore-all lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
// biome-ignore-all lint/a11y/useSemanticElements: a table that holds a few of its rows at a time cannot be one of HTML.
// biome-ignore-all lint/a11y/useFocusableInteractive: the group of rows has the focus.
// biome-ignore-all lint/a11y/useKeyWithClickEvents: j, k and Enter are listened to for the whole page.
'use client';
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, type RowQuery, type Run, type TableRow } from '../lib/api.ts';
import { count, duration } from '../lib/format.ts';
import { useListKeys } from '../lib/list-keys.ts';
import { type Outcome, outcomeMarks, outcomeOf } from '../lib/outcome.ts';
import { useTypedText, useUrlState } from '../lib/url-state.ts';
import { Button, EmptyState, ErrorState, inputClass } from './parts.tsx';

const pageSize = 200;
const rowHeight = 64;
const columns =
  'grid grid-cols-[2.25rem_minmax(0,1fr)_4.5rem] md:grid-cols-[2.25rem_minmax(0,5fr)_minmax(0,2fr)_minmax(0,3fr)_4rem_5rem_5rem]';

function OutcomeMark({ outcome }: { outcome: Outcome }) {
  const { sign, look } = outcomeMarks[outcome];
  return (
    <span className={`inline-grid size-5 place-items-center rounded-full text-xs font-bold ${look}`}>
      <span aria-hidden="true">{sign}</span>
      <span className="sr-only">{outcome}</span>
    </span>
  );
}

function Line({ row, metric }: { row: TableRow | undefined; metric: string }) {
  if (row === undefined) {
    return (
      <>
        <span role="gridcell" className="px-2">
          …
        </span>
        <span role="gridcell" className="h-4 rounded bg-raised" />
        <span role="gridcell" />
      </>
    );
  }
  const outcome = outcomeOf(row, metric);
  const score = row.scores[metric] ?? 0;
  const notes = [...row.flags, ...(row.cachedCalls > 0 ? ['cached'] : [])];
  return (
    <>
      <span role="gridcell" className="grid place-items-center">
        <OutcomeMark outcome={outcome} />
      </span>
      <span role="gridcell" className="min-w-0 px-2">
        <span className="line-clamp-2 break-words">{row.question}</span>
        <span className="line-clamp-1 text-xs break-words text-muted md:hidden">
          {row.failureKind ?? row.answer} (target: {row.targets.join(' | ')})
        </span>
      </span>
      <span role="gridcell" className="line-clamp-2 hidden px-2 break-words md:block">
        {row.targets.join(' | ')}
      </span>
      <span role="gridcell" className={`hidden px-2 md:block ${outcome === 'right' ? '' : 'font-medium'}`}>
        <span className="line-clamp-2 break-words">
          {row.failureKind ?? (row.answer === '' ? '(empty)' : row.answer)}
        </span>
      </span>
      <span role="gridcell" className="hidden px-2 text-end tabular-nums md:block">
        {score === 0 || score === 1 ? score : score.toFixed(2)}
      </span>
      <span role="gridcell" className="px-2 text-end whitespace-nowrap tabular-nums">
        {duration(row.latencyMs)}
      </span>
      <span role="gridcell" className="hidden px-2 text-xs text-muted md:block">
        {notes.join(', ')}
      </span>
    </>
  );
}

/** Pages of rows as they come into view: any place of a long run without what lies before it. */
function useRows(runId: string, query: Omit<RowQuery, 'offset' | 'limit'>, pages: readonly number[]) {
  const results = useQueries({
    queries: pages.map((page) => ({
      queryKey: ['rows', runId, query, page],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.rows(runId, { ...query, offset: page * pageSize, limit: pageSize }, { signal }),
      placeholderData: keepPreviousData,
    })),
  });
  const byPage = new Map(pages.map((page, i) => [page, results[i]?.isPlaceholderData ? undefined : results[i]?.data]));
  return {
    total: results.find((result) => result.data !== undefined)?.data?.total,
    error: results.find((result) => result.error !== null)?.error ?? null,
    retry: () => {
      for (const result of results) void result.refetch();
    },
    row: (index: number) => byPage.get(Math.floor(index / pageSize))?.items[index % pageSize],
  };
}

function Header({ metric }: { metric: string }) {
  const titles = ['', 'Question', 'Targets', 'Answer', metric, 'Latency', 'Notes'];
  return (
    <div role="row" aria-rowindex={1} className={`${columns} border-b border-line bg-raised py-2 text-xs text-muted`}>
      {titles.map((title, i) => (
        <span
          key={title}
          role="columnheader"
          className={`truncate px-2 ${i === 4 || i === 5 ? 'text-end' : ''} ${i === 0 || i === 1 || i === 5 ? '' : 'hidden md:block'}`}
        >
          {title === '' ? <span className="sr-only">Outcome</span> : title}
        </span>
      ))}
    </div>
  );
}

function Controls({
  metrics,
  metric,
  total,
}: {
  metrics: readonly string[];
  metric: string;
  total: number | undefined;
}) {
  const { get, set } = useUrlState();
  const settle = useCallback((text: string) => set({ search: text }), [set]);
  const [text, setText] = useTypedText(get('search'), settle);
  const outcomes = ['', 'right', 'wrong', 'failed'];
  return (
    <div className="mb-3 flex flex-wrap items-end gap-3">
      <fieldset className="flex rounded-md border border-line">
        <legend className="sr-only">Outcome</legend>
        {outcomes.map((outcome) => (
          <button
            key={outcome}
            type="button"
            aria-pressed={get('outcome') === outcome}
            onClick={() => set({ outcome })}
            className="h-9 px-3 text-muted first:rounded-s-md last:rounded-e-md aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-accent"
          >
            {outcome === '' ? 'all' : outcome}
          </button>
        ))}
      </fieldset>
      <label className="min-w-40 grow sm:max-w-xs">
        <span className="sr-only">Search in questions and answers</span>
        <input
          type="search"
          className={inputClass}
          placeholder="Search questions and answers"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <label className="flex items-center gap-2 text-muted">
        Metric
        <select className={inputClass} value={metric} onChange={(event) => set({ by: event.target.value })}>
          {metrics.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="flex items-center gap-2 text-muted">
        Order
        <select
          className={inputClass}
          value={get('order') || 'row'}
          onChange={(event) => set({ order: event.target.value })}
        >
          <option value="row">as in the data</option>
          <option value="slowest">slowest first</option>
        </select>
      </label>
      <span role="status" className="ms-auto text-muted tabular-nums">
        {total === undefined ? '' : `${count(total)} examples`}
      </span>
    </div>
  );
}

/** The examples of a run. Its filters, and the example that is open, are in the address. */
export function ResultsTable({ run, metric: deciding }: { run: Run; metric: string }) {
  const { get, set } = useUrlState();
  const scroller = useRef<HTMLDivElement>(null);
  const [selected, setSelected] = useState(-1);
  const metrics = run.spec.metrics.map((one) => one.name);
  const metric = metrics.includes(get('by')) ? get('by') : deciding;
  const query = {
    outcome: (get('outcome') || undefined) as RowQuery['outcome'],
    text: get('search') || undefined,
    sort: get('order') === 'slowest' ? ('slowest' as const) : ('row' as const),
    metric,
  };
  const [total, setTotal] = useState(run.done);
  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const pages = [...new Set([0, ...items.map((item) => Math.floor(item.index / pageSize))])];
  const rows = useRows(run.id, query, pages);
  useEffect(() => {
    if (rows.total !== undefined) setTotal(rows.total);
  }, [rows.total]);

  const open = (index: number) => {
    const row = rows.row(index);
    if (row !== undefined) set({ run: run.id, example: row.exampleId });
  };
  const select = (index: number) => {
    setSelected(index);
    virtual.scrollToIndex(index);
  };
  useListKeys({ count: total, selected, select, open, isOpen: get('example') !== '' });

  return (
    <div>
      <Controls metrics={metrics} metric={metric} total={rows.total} />
      {rows.error === null ? null : <ErrorState error={rows.error} retry={rows.retry} />}
      <div
        role="grid"
        aria-label={`Examples of ${run.variant}`}
        aria-rowcount={total + 1}
        className="overflow-hidden rounded-lg border border-line"
      >
        <Header metric={metric} />
        <div ref={scroller} tabIndex={0} role="rowgroup" aria-label="Rows" className="h-[32rem] overflow-y-auto">
          {total === 0 ? (
            <div role="row">
              <div role="gridcell">
                <EmptyState title={rows.total === undefined ? 'Loading' : 'No example matches'}>
                  {get('outcome') === '' && get('search') === '' ? null : (
                    <Button onClick={() => set({ outcome: undefined, search: undefined })}>Show all</Button>
                  )}
                </EmptyState>
              </div>
            </div>
          ) : (
            <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
              {items.map((item) => (
                <div
                  key={item.key}
                  role="row"
                  aria-rowindex={item.index + 2}
                  aria-selected={item.index === selected}
                  onClick={() => {
                    setSelected(item.index);
                    open(item.index);
                  }}
                  className={`${columns} absolute inset-x-0 cursor-pointer items-center border-b border-line hover:bg-raised aria-selected:bg-accent-soft`}
                  style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
                >
                  <Line row={rows.row(item.index)} metric={metric} />
                </div>
              ))}
            </div>
          )}
        </div>
      </div>
    </div>
  );
}
