'use client';
import type { ComponentDefinition } from '../../lib/api.ts';
import { type Path, readComponent, setComponent, setOption } from '../../lib/experiment-document.ts';
import { jsonSchemas } from '../../lib/json-schema.ts';
import { Labelled } from '../labelled.tsx';
import { inputClass } from '../parts.tsx';
import { SchemaForm } from '../schema-form.tsx';
import type { Edit } from './use-draft.ts';

/** A component of the catalog by name, and its options. */
export function ComponentField({
  label,
  definitions,
  path,
  reference,
  shared,
  required = false,
  edit,
}: {
  label: string;
  definitions: readonly ComponentDefinition[];
  path: Path;
  /** What the file says at `path`. */
  reference: unknown;
  /** What the file says for all variants. */
  shared?: unknown;
  required?: boolean;
  edit: Edit;
}) {
  const { name, options } = readComponent(reference);
  const above = readComponent(shared);
  const effective = name ?? above.name;
  const definition = definitions.find((one) => one.name === effective);
  const few = Object.keys(jsonSchemas(definition?.options.properties)).length <= 2;
  const unknown = name !== undefined && definition === undefined;
  const none = above.name === undefined ? '(none)' : `as shared: ${above.name}`;
  return (
    <div className="grid gap-3">
      <Labelled
        label={label}
        help={definition?.summary}
        required={required}
        problem={unknown ? `no ${label.toLowerCase()} is called ${name}` : undefined}
        control={(ids) => (
          <select
            {...ids}
            className={inputClass}
            value={name ?? ''}
            onChange={(event) => edit((source) => setComponent(source, path, event.target.value || undefined))}
          >
            <option value="">{none}</option>
            {unknown ? <option value={name}>{name}</option> : null}
            {definitions.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      />
      {definition === undefined ? null : (
        <SchemaForm
          key={definition.name}
          schema={definition.options}
          value={options}
          inherited={above.name === effective ? above.options : {}}
          {...(few ? {} : { fold: `${label} options` })}
          onOption={(option, value) => edit((source) => setOption(source, path, option, value))}
        />
      )}
    </div>
  );
}
