import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingRunSpec } from './expand-training.ts';
import { resultPaths } from './export-training.ts';
import { modelCard } from './lib/model-card.ts';
import { isEncoderObjective } from './lib/objective-kind.ts';
import { replaceFile } from './lib/replace-file.ts';
import { fileSha256 } from './lib/row-source.ts';
import type { TrainingProvenance } from './run-training.ts';
import type { Artifact, TrainingRecord, TrainingRunRecord } from './training-record.ts';
import type { TrainingReport } from './training-report.ts';
import type { TrainingSpec } from './training-spec.ts';

type Plain = string | number | boolean;

/** Nested settings as dotted keys. */
function flattened(value: object, prefix = ''): Record<string, Plain> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): [string, Plain][] => {
      const name = `${prefix}${key}`;
      if (Array.isArray(inner)) return [[name, inner.join(', ')]];
      if (inner !== null && typeof inner === 'object') return Object.entries(flattened(inner, `${name}.`));
      return inner === undefined || inner === null ? [] : [[name, inner as Plain]];
    }),
  );
}

function limitationsOf({ data }: TrainingReport): string[] {
  const { pairs } = (data.report ?? {}) as { pairs?: { chosenLonger: { value: number } } | null };
  const longer = pairs?.chosenLonger.value;
  return [
    'It was measured on what the table names and on nothing else.',
    ...(longer !== undefined && Math.abs(longer - 0.5) > 0.25
      ? [
          `The chosen answer is the longer one in ${(100 * longer).toFixed(0)} % of the training pairs: length alone tells them apart.`,
        ]
      : []),
  ];
}

/** Writes README.md into the folder of what a run made, with its figures. The run is finished. */
export async function writeTrainingCard(
  training: TrainingRecord,
  run: TrainingRunRecord,
  report: TrainingReport,
): Promise<Artifact> {
  const spec = training.config as TrainingSpec;
  const { settings, varied } = run.spec as TrainingRunSpec;
  const { codeRevision, forgeVersion, model, trainer } = run.provenance as TrainingProvenance;
  const kind = isEncoderObjective(settings.objective) ? 'encoder' : settings.lora === false ? 'model' : 'adapter';
  const { seed } = settings;
  const variation = [...Object.entries(varied).map(([key, value]) => `${key}=${value}`), `seed=${seed}`].join(', ');
  const { name, ...objective } = settings.objective;
  const text = modelCard({
    title: `${spec.name}, ${variation}`,
    summary: spec.description === '' ? `A ${kind} made by the training ${spec.name}.` : spec.description,
    kind,
    base: spec.model,
    objective: name,
    settings: flattened({ ...settings, objective }),
    data: { name: spec.data.name, rows: report.data.counts, fingerprint: report.data.fingerprint },
    figures: report.figures.filter((figure) => figure.variant === run.variant).map(({ variant: _, ...rest }) => rest),
    lineage: {
      training: training.id,
      run: run.id,
      'experiments of the pairs': report.data.sourceExperiments?.join(', ') ?? 'none named',
      'base model, sha256': model.fingerprint,
      ...(model.revision === undefined ? {} : { 'base model, commit': model.revision }),
      trainer,
      'LLM Forge': `${forgeVersion}, commit ${codeRevision}`,
    },
    negativeResults: (run.spec as TrainingRunSpec).main ? report.negatives : [],
    limitations: limitationsOf(report),
  });
  const path = join(kind === 'adapter' ? resultPaths.adapter : resultPaths.model, 'README.md');
  const file = join(run.folder ?? '', path);
  await replaceFile(file, (write) => write(Buffer.from(text)));
  return { kind: 'model-card', path, sha256: await fileSha256(file), sizeBytes: (await stat(file)).size };
}
