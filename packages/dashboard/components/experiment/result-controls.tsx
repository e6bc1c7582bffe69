'use client';
import { useCallback } from 'react';
import { count } from '../../lib/format.ts';
import type { ToolFigures } from '../../lib/tool-use.ts';
import { useTypedText, useUrlState } from '../../lib/url-state.ts';
import { inputClass } from '../parts.tsx';

/** Beside its control; on a narrow page above it, two in a row. */
const selectLabelClass =
  'flex items-center gap-2 text-muted max-sm:w-[calc(50%-0.375rem)] max-sm:flex-col max-sm:items-start max-sm:gap-1';

/** One value of a few, or all of them. A value that is not among them, from an address, is kept. */
function FilterSelect({
  label,
  name,
  counts,
}: {
  label: string;
  /** In the address. */
  name: string;
  counts: Readonly<Record<string, number>>;
}) {
  const { get, set } = useUrlState();
  const value = get(name);
  const known = Object.entries(counts);
  return (
    <label className={selectLabelClass}>
      {label}
      <select
        className={`${inputClass} sm:max-w-44`}
        value={value}
        onChange={(event) => set({ [name]: event.target.value })}
      >
        <option value="">any</option>
        {known.map(([one, calls]) => (
          <option key={one} value={one}>
            {one} ({count(calls)})
          </option>
        ))}
        {value === '' || value in counts ? null : <option value={value}>{value} (0)</option>}
      </select>
    </label>
  );
}

/** By what an agent called, and by how a call failed. */
function ToolFilters({ tools }: { tools: ToolFigures }) {
  const calls = Object.fromEntries(Object.entries(tools.byTool).map(([tool, of]) => [tool, of.calls]));
  return (
    <>
      <FilterSelect label="Tool" name="tool" counts={calls} />
      <FilterSelect label="Failure" name="toolError" counts={tools.byError} />
    </>
  );
}

/** Which examples are shown, by what and in which order: all of it in the address. */
export function ResultControls({
  metrics,
  metric,
  tools,
  total,
}: {
  metrics: readonly string[];
  metric: string;
  /** Of agents; null for other methods. */
  tools: ToolFigures | null;
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
      {tools === null ? null : <ToolFilters tools={tools} />}
      <label className={selectLabelClass}>
        Metric
        <select className={inputClass} value={metric} onChange={(event) => set({ by: event.target.value })}>
          {metrics.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className={selectLabelClass}>
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
        {total === undefined ? '' : `${count(total)} ${total === 1 ? 'example' : 'examples'}`}
      </span>
    </div>
  );
}
