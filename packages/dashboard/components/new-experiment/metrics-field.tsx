'use client';
import { useId } from 'react';
import type { ComponentDefinition } from '../../lib/api.ts';
import { metricsOf, type Settings, setMetric, setOption } from '../../lib/experiment-document.ts';
import { SchemaForm } from '../schema-form.tsx';
import type { Edit } from './use-draft.ts';

export const usualMetrics = ['exact-match', 'contains', 'f1'];

export function MetricsField({
  value,
  definitions,
  edit,
}: {
  value: Settings;
  definitions: readonly ComponentDefinition[];
  edit: Edit;
}) {
  const id = useId();
  const chosen = metricsOf(value);
  const unknown = chosen.flatMap(({ name }) =>
    name === undefined || definitions.some((one) => one.name === name) ? [] : [name],
  );
  return (
    <div className="grid gap-3">
      {chosen.length > 0 ? null : <p className="text-muted">None chosen: {usualMetrics.join(', ')} are measured.</p>}
      {[...definitions, ...unknown.map((name) => ({ name, summary: 'Not in the catalog.', options: {} }))].map(
        (one) => {
          const index = chosen.findIndex(({ name }) => name === one.name);
          return (
            <div key={one.name}>
              <label className="flex items-center gap-2 font-medium">
                <input
                  type="checkbox"
                  className="size-4 accent-accent"
                  checked={index >= 0}
                  aria-describedby={`${id}-${one.name}`}
                  onChange={(event) => edit((source) => setMetric(source, one.name, event.target.checked))}
                />
                {one.name}
              </label>
              <p id={`${id}-${one.name}`} className="mt-0.5 mb-2 ml-6 text-xs text-muted">
                {one.summary}
              </p>
              {index < 0 ? null : (
                <div className="ml-6">
                  <SchemaForm
                    schema={one.options}
                    value={chosen[index]?.options ?? {}}
                    fold={`${one.name} options`}
                    onOption={(option, next) => edit((source) => setOption(source, ['metrics', index], option, next))}
                  />
                </div>
              )}
            </div>
          );
        },
      )}
    </div>
  );
}
