'use client';
import { useId } from 'react';
import { asSettings, type Path, type Settings } from '../lib/experiment-document.ts';
import { type FieldKind, fieldKind, inWords, type JsonSchema, jsonSchemas } from '../lib/json-schema.ts';
import { ChoiceField, type FieldProps, ListField, NumberField, TextField, YamlField } from './schema-fields.tsx';

export type OnOption = (path: Path, value: unknown) => void;

const fields: Record<Exclude<FieldKind, 'object' | 'boolean'>, (props: FieldProps) => React.ReactNode> = {
  text: TextField,
  number: NumberField,
  choice: ChoiceField,
  list: ListField,
  yaml: YamlField,
};

function CheckBox({ label, schema, value, fallback, onChange }: FieldProps) {
  const id = useId();
  const usual = (fallback ?? false) === true;
  return (
    <div>
      <label className="flex items-center gap-2 font-medium">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={value === undefined ? usual : value === true}
          aria-describedby={id}
          onChange={(event) => onChange(event.target.checked === usual ? undefined : event.target.checked)}
        />
        {label}
      </label>
      <p id={id} className="mt-1 text-xs text-muted">
        {schema.description}
      </p>
    </div>
  );
}

function Field({ onOption, path, ...rest }: Omit<FieldProps, 'onChange'> & { onOption: OnOption; path: Path }) {
  const kind = fieldKind(rest.schema);
  if (kind === 'object') {
    return (
      <fieldset className="min-w-0 rounded-md border border-line p-3">
        <legend className="px-1 font-medium">{rest.label}</legend>
        {rest.schema.description === undefined ? null : (
          <p className="mb-2 text-xs text-muted">{rest.schema.description}</p>
        )}
        <SchemaForm
          schema={rest.schema}
          value={asSettings(rest.value)}
          inherited={asSettings(rest.fallback)}
          path={path}
          onOption={onOption}
        />
      </fieldset>
    );
  }
  const Control = kind === 'boolean' ? CheckBox : fields[kind];
  return <Control {...rest} onChange={(value) => onOption(path, value)} />;
}

/** Controls for what a JSON Schema of an object allows. The required ones stand first, the others may be folded away. */
export function SchemaForm({
  schema,
  value,
  inherited = {},
  path = [],
  fold,
  onOption,
}: {
  schema: JsonSchema;
  value: Settings;
  /** Options that hold where none is set here. */
  inherited?: Settings;
  path?: Path;
  /** The title under which the optional ones are folded. */
  fold?: string;
  onOption: OnOption;
}) {
  const required = schema.required ?? [];
  const options = Object.entries(jsonSchemas(schema.properties));
  const draw = ([key, option]: (typeof options)[number]) => (
    <Field
      key={key}
      label={inWords(key)}
      schema={option}
      value={value[key]}
      fallback={inherited[key] ?? option.default}
      required={required.includes(key) && inherited[key] === undefined}
      path={[...path, key]}
      onOption={onOption}
    />
  );
  const first = options.filter(([key]) => required.includes(key));
  const others = options.filter(([key]) => !required.includes(key));
  const set = others.filter(([key]) => value[key] !== undefined).length;
  return (
    <div className="grid gap-3">
      {first.map(draw)}
      {others.length === 0 || fold === undefined ? (
        others.map(draw)
      ) : (
        <details className="rounded-md border border-line">
          <summary className="px-3 py-2 text-muted hover:text-ink">
            {fold} {set === 0 ? `(${others.length})` : `(${set} of ${others.length} set)`}
          </summary>
          <div className="grid gap-3 border-t border-line p-3">{others.map(draw)}</div>
        </details>
      )}
    </div>
  );
}
