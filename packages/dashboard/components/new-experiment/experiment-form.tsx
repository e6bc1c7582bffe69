'use client';
import type { Catalog } from '../../lib/api.ts';
import {
  asSettings,
  keysNotInForm,
  metricsOf,
  type Path,
  readComponent,
  type Settings,
  setValue,
  variantsOf,
} from '../../lib/experiment-document.ts';
import { Section } from '../parts.tsx';
import { ChoiceField, NumberField, TextField } from '../schema-fields.tsx';
import { SchemaForm } from '../schema-form.tsx';
import { ComponentField } from './component-field.tsx';
import { MetricsField, usualMetrics } from './metrics-field.tsx';
import type { Edit } from './use-draft.ts';
import { VariantsField } from './variants-field.tsx';

/** Shows what the YAML says and writes into it. */
export function ExperimentForm({
  value,
  catalog,
  variantNames,
  edit,
}: {
  value: Settings;
  catalog: Catalog;
  /** As the server expands them. */
  variantNames: readonly string[];
  edit: Edit;
}) {
  const set = (path: Path) => (next: unknown) => edit((source) => setValue(source, path, next));
  const compare = asSettings(value.compare);
  const chosen = metricsOf(value).flatMap(({ name }) => name ?? []);
  const named = variantsOf(value).map(({ name }) => name);
  const elsewhere = keysNotInForm(value);
  const plain = { required: false, fallback: undefined };
  return (
    <div className="grid gap-4">
      <Section title="About">
        <div className="grid gap-3">
          <TextField
            {...plain}
            label="Name"
            required
            schema={{ type: 'string', description: 'Lower-case letters, digits, dots, dashes and underscores.' }}
            value={value.name}
            onChange={(next) => set(['name'])(next ?? '')}
          />
          <TextField
            {...plain}
            label="Description"
            schema={{ type: 'string', description: 'The question it answers, for people.' }}
            value={value.description}
            onChange={set(['description'])}
          />
          {elsewhere.length === 0 ? null : (
            <p className="rounded-md bg-raised px-3 py-2 break-words">
              Also in the YAML: <span className="font-mono text-xs">{elsewhere.join(', ')}</span>
            </p>
          )}
        </div>
      </Section>
      <Section title="Data">
        <div className="grid gap-3">
          <ComponentField
            label="Data set"
            required
            definitions={catalog.dataset}
            path={['dataset']}
            reference={value.dataset}
            edit={edit}
          />
          <NumberField
            label="Sample size"
            required={false}
            fallback="all"
            schema={{ type: 'integer', minimum: 1, description: 'How many examples; all of them when left out.' }}
            value={value.sample}
            onChange={set(['sample'])}
          />
        </div>
      </Section>
      <Section title="Engine">
        <ComponentField
          label="Engine"
          required
          definitions={catalog.engine}
          path={['engine']}
          reference={value.engine}
          edit={edit}
        />
      </Section>
      <Section title="What is compared">
        <VariantsField value={value} catalog={catalog} edit={edit} />
      </Section>
      <Section title="Metrics">
        <MetricsField value={value} definitions={catalog.metric} edit={edit} />
      </Section>
      <Section title="Sampling">
        <div className="grid gap-3">
          <SchemaForm
            schema={{ ...catalog.sampling, required: [] }}
            value={asSettings(value.sampling)}
            onOption={(path, next) => set(['sampling', ...path])(next)}
          />
          <NumberField
            {...plain}
            label="Seed"
            schema={{ type: 'integer', description: 'Of the engine’s sampling.' }}
            value={value.seed}
            onChange={set(['seed'])}
          />
        </div>
      </Section>
      <Section title="Verdict">
        <div className="grid gap-3">
          <ChoiceField
            label="Baseline"
            required={false}
            fallback={variantNames[0] ?? named[0] ?? readComponent(value.method).name}
            schema={{
              enum: variantNames.length > 0 ? variantNames : named,
              description: 'The variant that the others are compared with.',
            }}
            value={compare.baseline}
            onChange={set(['compare', 'baseline'])}
          />
          <ChoiceField
            label="Deciding metric"
            required={false}
            fallback={chosen[0] ?? usualMetrics[0]}
            schema={{ enum: chosen.length > 0 ? chosen : usualMetrics, description: 'The metric that decides.' }}
            value={compare.metric}
            onChange={set(['compare', 'metric'])}
          />
          <NumberField
            label="Minimum effect"
            required={false}
            fallback={0.05}
            schema={{
              type: 'number',
              exclusiveMinimum: 0,
              maximum: 1,
              description: 'Smallest difference that matters, as a share: 0.05 is 5 points.',
            }}
            value={compare.minimumEffect}
            onChange={set(['compare', 'minimumEffect'])}
          />
        </div>
      </Section>
    </div>
  );
}
