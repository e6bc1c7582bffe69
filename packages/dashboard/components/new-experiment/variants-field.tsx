'use client';
import { useRef, useState } from 'react';
import type { Catalog } from '../../lib/api.ts';
import {
  addVariant,
  asSettings,
  removeVariant,
  renameVariant,
  type Settings,
  setValue,
  variantsOf,
} from '../../lib/experiment-document.ts';
import { Labelled } from '../labelled.tsx';
import { Button, buttonClass, inputClass } from '../parts.tsx';
import { SchemaForm } from '../schema-form.tsx';
import { ComponentField } from './component-field.tsx';
import type { Edit } from './use-draft.ts';

/** A name that cannot be taken is shown with the reason and not written. */
function VariantName({ name, others, edit }: { name: string; others: readonly string[]; edit: Edit }) {
  const [typed, setTyped] = useState({ text: name, name });
  const text = typed.name === name ? typed.text : name;
  const problem = text.trim() === '' ? 'needs a name' : others.includes(text) ? 'is taken' : undefined;
  return (
    <Labelled
      label="Variant name"
      required
      problem={problem}
      control={(ids) => (
        <input
          {...ids}
          type="text"
          autoComplete="off"
          maxLength={100}
          className={inputClass}
          value={text}
          onChange={(event) => {
            const next = event.target.value;
            const free = next.trim() !== '' && !others.includes(next);
            setTyped({ text: next, name: free ? next : name });
            if (free) edit((source) => renameVariant(source, name, next) ?? source);
          }}
        />
      )}
    />
  );
}

function Variant({
  name,
  settings,
  value,
  catalog,
  edit,
  onRemove,
}: {
  name: string;
  settings: Settings;
  value: Settings;
  catalog: Catalog;
  edit: Edit;
  onRemove: () => void;
}) {
  const others = variantsOf(value).flatMap((one) => (one.name === name ? [] : [one.name]));
  const own = ['engine', 'sampling'].filter((key) => settings[key] !== undefined);
  return (
    <fieldset className="grid min-w-0 gap-3 rounded-md border border-line p-3">
      <legend className="sr-only">Variant {name}</legend>
      <div className="flex items-start gap-2">
        <div className="min-w-0 grow">
          <VariantName name={name} others={others} edit={edit} />
        </div>
        <Button look="danger" className="mt-6" aria-label={`Remove variant ${name}`} onClick={onRemove}>
          Remove
        </Button>
      </div>
      <ComponentField
        label="Method"
        definitions={catalog.method}
        path={['variants', name, 'method']}
        reference={settings.method}
        shared={value.method}
        edit={edit}
      />
      <details className="rounded-md border border-line">
        <summary className="px-3 py-2 text-muted hover:text-ink">
          Its own engine and sampling {own.length === 0 ? '' : `(${own.join(', ')})`}
        </summary>
        <div className="grid gap-3 border-t border-line p-3">
          <ComponentField
            label="Engine"
            definitions={catalog.engine}
            path={['variants', name, 'engine']}
            reference={settings.engine}
            shared={value.engine}
            edit={edit}
          />
          <SchemaForm
            schema={{ ...catalog.sampling, required: [] }}
            value={asSettings(settings.sampling)}
            inherited={asSettings(value.sampling)}
            onOption={(path, next) => edit((source) => setValue(source, ['variants', name, 'sampling', ...path], next))}
          />
        </div>
      </details>
    </fieldset>
  );
}

export function VariantsField({ value, catalog, edit }: { value: Settings; catalog: Catalog; edit: Edit }) {
  const adding = useRef<HTMLButtonElement>(null);
  const variants = variantsOf(value);
  const shared =
    variants.length === 0 ||
    value.method !== undefined ||
    variants.some(({ settings }) => settings.method === undefined);
  return (
    <div className="grid gap-4">
      {shared ? (
        <ComponentField
          label={variants.length === 0 ? 'Method' : 'Shared method'}
          definitions={catalog.method}
          path={['method']}
          reference={value.method}
          edit={edit}
        />
      ) : null}
      {variants.map(({ name, settings }, index) => (
        <Variant
          // By place: a name changes with every letter typed.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          key={index}
          name={name}
          settings={settings}
          value={value}
          catalog={catalog}
          edit={edit}
          onRemove={() => {
            edit((source) => removeVariant(source, name));
            adding.current?.focus();
          }}
        />
      ))}
      <div>
        <button
          type="button"
          ref={adding}
          className={buttonClass()}
          onClick={() =>
            edit((source) =>
              addVariant(
                source,
                catalog.method.map((one) => one.name),
              ),
            )
          }
        >
          Add a variant
        </button>
      </div>
    </div>
  );
}
