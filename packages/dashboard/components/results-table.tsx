// biome-ignore-all lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
// biome-ignore-all lint/a11y/useSemanticElements: a table that holds a few of its rows at a time cannot be one of HTML.
// biome-ignore-all lint/a11y/useFocusableInteractive: the group of rows has the focus.
// biome-ignore-all lint/a11y/useKeyWithClickEvents: j, k and Enter are listened to for the whole page.
'use client';
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { api, type RowQuery, type Run, type TableRow } from '../lib/api.ts';
import { duration } from '../lib/format.ts';
import { useListKeys } from '../lib/list-keys.ts';
import { type Outcome, outcomeMarks, outcomeOf } from '../lib/outcome.ts';
import { calledTools, troubleOf } from '../lib/tool-use.ts';
import { useUrlState } from '../lib/url-state.ts';
import { ExampleDrawer } from './example-drawer.tsx';
import { ResultControls } from './experiment/result-controls.tsx';
import { pageOf, useRows } from './experiment/use-rows.ts';
import { Button, EmptyState, ErrorState } from './parts.tsx';

const rowHeight = 64;
const columns = {
  plain:
    'grid grid-cols-[2.25rem_minmax(0,1fr)_4.5rem] md:grid-cols-[2.25rem_minmax(0,5fr)_minmax(0,2fr)_minmax(0,3fr)_4rem_5rem_5rem]',
  agent:
    'grid grid-cols-[2.25rem_minmax(0,1fr)_4.5rem] md:grid-cols-[2.25rem_minmax(0,5fr)_minmax(0,2fr)_minmax(0,2fr)_minmax(0,2.5fr)_4rem_5rem_5rem]',
};

/** In the address: what leaves examples out. */
const filters = ['outcome', 'search', 'tool', 'toolError'];

function OutcomeMark({ outcome }: { outcome: Outcome }) {
  const { sign, look } = outcomeMarks[outcome];
  return (
    <span className={`inline-grid size-5 place-items-center rounded-full text-xs font-bold ${look}`}>
      <span aria-hidden="true">{sign}</span>
      <span className="sr-only">{outcome}</span>
    </span>
  );
}

/** What an agent called, and what went wrong on the way. */
function Calls({ use }: { use: TableRow['toolUse'] }) {
  if (use === null) return null;
  const trouble = troubleOf(use);
  return (
    <>
      <span className="line-clamp-1 break-all">{calledTools(use)}</span>
      {trouble === '' ? null : (
        <span className="line-clamp-1 text-wrong">
          <span aria-hidden="true">! </span>
          {trouble}
        </span>
      )}
    </>
  );
}

function Line({ row, metric, isAgent }: { row: TableRow | undefined; metric: string; isAgent: boolean }) {
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
        <span className={`break-words ${isAgent ? 'line-clamp-1 md:line-clamp-2' : 'line-clamp-2'}`}>
          {row.question}
        </span>
        <span className="line-clamp-1 text-xs break-words text-muted md:hidden">
          {row.failureKind ?? row.answer} (target: {row.targets.join(' | ')})
        </span>
        {row.toolUse === null ? null : (
          <span className="line-clamp-1 text-xs break-words text-muted md:hidden">
            {[calledTools(row.toolUse), troubleOf(row.toolUse)].filter((part) => part !== '').join('; ')}
          </span>
        )}
      </span>
      <span role="gridcell" className="line-clamp-2 hidden px-2 break-words md:block">
        {row.targets.join(' | ')}
      </span>
      <span role="gridcell" className={`hidden px-2 md:block ${outcome === 'right' ? '' : 'font-medium'}`}>
        <span className="line-clamp-2 break-words">
          {row.failureKind ?? (row.answer === '' ? '(empty)' : row.answer)}
        </span>
      </span>
      {isAgent ? (
        <span role="gridcell" className="hidden px-2 text-xs md:block">
          <Calls use={row.toolUse} />
        </span>
      ) : null}
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

function Header({ metric, isAgent }: { metric: string; isAgent: boolean }) {
  const titles = [
    'Outcome',
    'Question',
    'Targets',
    'Answer',
    ...(isAgent ? ['Tools'] : []),
    metric,
    'Latency',
    'Notes',
  ];
  const ends = [metric, 'Latency'];
  const always = ['Outcome', 'Question', 'Latency'];
  return (
    <div
      role="row"
      aria-rowindex={1}
      className={`${columns[isAgent ? 'agent' : 'plain']} border-b border-line bg-raised py-2 text-xs text-muted`}
    >
      {titles.map((title) => (
        <span
          key={title}
          role="columnheader"
          className={`truncate px-2 ${ends.includes(title) ? 'text-end' : ''} ${always.includes(title) ? '' : 'hidden md:block'}`}
        >
          {title === 'Outcome' ? <span className="sr-only">Outcome</span> : title}
        </span>
      ))}
    </div>
  );
}

/** The examples of a run. Its filters, and the example that is open, are in the address. */
export function ResultsTable({ run, metric: deciding }: { run: Run; metric: string }) {
  const { get, set } = useUrlState();
  const scroller = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState(-1);
  // The place whose example opens once its page is there.
  const [wanted, setWanted] = useState<number>();
  // Whether the open example was opened from here; if not, its place has to be found.
  const [isOurs, setIsOurs] = useState(false);
  const metrics = run.spec.metrics.map((one) => one.name);
  const metric = metrics.includes(get('by')) ? get('by') : deciding;
  const tools = run.summary?.tools ?? null;
  const isAgent = tools !== null;
  const query: Omit<RowQuery, 'offset' | 'limit'> = {
    outcome: (get('outcome') || undefined) as RowQuery['outcome'],
    text: get('search') || undefined,
    // A run without an agent has no such examples; the filter waits for one that has.
    ...(tools === null ? {} : { tool: get('tool') || undefined, toolError: get('toolError') || undefined }),
    sort: get('order') === 'slowest' ? 'slowest' : 'row',
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
  const example = get('example');
  const shown = useQuery({
    queryKey: ['result', run.id, example],
    queryFn: ({ signal }) => api.result(run.id, example, { signal }),
    enabled: example !== '',
  });
  // In the order of the data an example has at most its own number of others before it.
  const place = Math.max(0, Math.min(total - 1, shown.data?.index ?? 0));
  const places = [0, place, ...items.map((item) => item.index)];
  const pages = [...new Set(places.map(pageOf))];
  const rows = useRows(run.id, query, pages);
  useEffect(() => {
    if (rows.total !== undefined) setTotal(rows.total);
  }, [rows.total]);

  const filter = JSON.stringify(query);
  const [filtered, setFiltered] = useState(filter);
  if (filter !== filtered) {
    setFiltered(filter);
    setPicked(-1);
    setWanted(undefined);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows begin at the top.
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = 0;
  }, [filter]);

  const wantedId = wanted === undefined ? undefined : rows.row(wanted)?.exampleId;
  useEffect(() => {
    if (wantedId === undefined) return;
    setWanted(undefined);
    setIsOurs(true);
    set({ run: run.id, example: wantedId, step: undefined });
  }, [wantedId, run.id, set]);

  const isOpen = example !== '';
  const selected = isOpen && !isOurs ? rows.indexOf(example) : picked;
  const open = (index: number) => setWanted(index);
  const select = (index: number) => {
    setPicked(index);
    virtual.scrollToIndex(index);
  };
  const move = (by: -1 | 1) => {
    const next = selected + by;
    if (selected < 0 || next < 0 || next >= total) return undefined;
    return () => {
      select(next);
      open(next);
    };
  };
  const close = () => {
    setPicked(selected);
    setWanted(undefined);
    setIsOurs(false);
    set({ example: undefined, step: undefined });
  };
  useListKeys({ count: isOpen && selected < 0 ? 0 : total, selected, select, open, isOpen });

  return (
    <div>
      <ResultControls metrics={metrics} metric={metric} tools={tools} total={rows.total} />
      {rows.error === null ? null : <ErrorState error={rows.error} retry={rows.retry} />}
      <div
        role="grid"
        aria-label={`Examples of ${run.variant}`}
        aria-rowcount={total + 1}
        className="overflow-hidden rounded-lg border border-line"
      >
        <Header metric={metric} isAgent={isAgent} />
        <div
          ref={scroller}
          tabIndex={0}
          role="rowgroup"
          aria-label="Rows"
          className="h-[32rem] overflow-y-auto focus-visible:-outline-offset-2"
        >
          {total === 0 ? (
            <div role="row">
              <div role="gridcell">
                <EmptyState title={rows.total === undefined ? 'Loading' : 'No example matches'}>
                  {filters.some((name) => get(name) !== '') ? (
                    <Button onClick={() => set(Object.fromEntries(filters.map((name) => [name, undefined])))}>
                      Show all
                    </Button>
                  ) : null}
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
                    setPicked(item.index);
                    open(item.index);
                  }}
                  className={`${columns[isAgent ? 'agent' : 'plain']} absolute inset-x-0 cursor-pointer items-center border-b border-line hover:bg-raised aria-selected:bg-accent-soft`}
                  style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
                >
                  <Line row={rows.row(item.index)} metric={metric} isAgent={isAgent} />
                </div>
              ))}
            </div>
          )}
        </div>
      </div>
      {isOpen ? (
        <ExampleDrawer runId={run.id} exampleId={example} metric={metric} onMove={move} onClose={close} />
      ) : null}
    </div>
  );
}
