'use client';
import { useQuery } from '@tanstack/react-query';
import type { Ref } from 'react';
import { api } from '../../lib/api.ts';
import { type Change, useTypedText } from '../../lib/url-state.ts';
import { Button, inputClass } from '../parts.tsx';

const statuses = ['pending', 'running', 'finished', 'cancelled', 'failed'];

export const filterKeys = ['text', 'status', 'method', 'model', 'dataset', 'deleted'] as const;

function Choice({
  label,
  value,
  values,
  onChange,
}: {
  label: string;
  value: string;
  values: readonly string[];
  onChange: (value: string) => void;
}) {
  // A value out of the address that nothing has (any more) stays to be seen and taken out.
  const shown = value === '' || values.includes(value) ? values : [value, ...values];
  return (
    <label className="grid min-w-0 gap-1 text-xs text-muted">
      {label}
      <select className={inputClass} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">any</option>
        {shown.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The filters of the list; they live in the address. */
export function Filters({
  get,
  set,
  searchRef,
}: {
  get: (key: string) => string;
  set: (change: Change) => void;
  searchRef: Ref<HTMLInputElement>;
}) {
  const facets = useQuery({ queryKey: ['facets'], queryFn: ({ signal }) => api.facets({ signal }) });
  const [text, setText] = useTypedText(get('text'), (settled) => set({ text: settled }));
  const active = filterKeys.some((key) => get(key) !== '');
  return (
    <search className="mb-4 grid grid-cols-2 items-end gap-3 sm:grid-cols-3 xl:grid-cols-[2fr_repeat(5,1fr)_auto]">
      <label className="col-span-2 grid gap-1 text-xs text-muted sm:col-span-3 xl:col-span-1">
        Search
        <input
          ref={searchRef}
          type="search"
          className={inputClass}
          placeholder="Name or description"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <Choice label="Status" value={get('status')} values={statuses} onChange={(status) => set({ status })} />
      <Choice
        label="Method"
        value={get('method')}
        values={facets.data?.methods ?? []}
        onChange={(method) => set({ method })}
      />
      <Choice
        label="Model"
        value={get('model')}
        values={facets.data?.models ?? []}
        onChange={(model) => set({ model })}
      />
      <Choice
        label="Data set"
        value={get('dataset')}
        values={facets.data?.datasets ?? []}
        onChange={(dataset) => set({ dataset })}
      />
      <label className="flex h-9 items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={get('deleted') === 'only'}
          onChange={(event) => set({ deleted: event.target.checked ? 'only' : undefined })}
        />
        Deleted ones
      </label>
      <Button disabled={!active} onClick={() => set(Object.fromEntries(filterKeys.map((key) => [key, undefined])))}>
        Clear filters
      </Button>
    </search>
  );
}
