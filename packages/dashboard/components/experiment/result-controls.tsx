'use client';
import { useCallback } from 'react';
import { count } from '../../lib/format.ts';
import { useTypedText, useUrlState } from '../../lib/url-state.ts';
import { inputClass } from '../parts.tsx';

/** Which examples are shown, by what and in which order: all of it in the address. */
export function ResultControls({
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
