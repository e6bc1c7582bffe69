import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDataset, buildTrainingSet } from './build.ts';
import { checkLeakage, type Overlap } from './check-leakage.ts';
import { type DataReport, reportData } from './data-report.ts';
import type { Dataset } from './dataset.ts';
import type { Surroundings } from './definition.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import { replaceFile } from './lib/replace-file.ts';
import { readRowFile } from './lib/row-file.ts';
import { sampleRowIndices } from './lib/sample-examples.ts';
import { type RowSplits, splitRows } from './split-rows.ts';
import { isHeldOutPairs } from './training-evaluations.ts';
import type { TrainingData } from './training-report.ts';
import type { TrainingRow } from './training-set.ts';
import type { EvaluationSpec, TrainingSpec } from './training-spec.ts';

/** The rows of one limit on this disk. */
export interface PreparedRows {
  /** Absolute. */
  readonly train: string;
  readonly trainCount: number;
  readonly validation: string | null;
  /** sha256 (hex) by split. */
  readonly digests: Readonly<Record<string, string>>;
}

/** The rows of a training, split once for all its runs. JSON. */
export interface PreparedData {
  /** By `limitKey`. */
  readonly limits: Readonly<Record<string, PreparedRows>>;
  /** Absolute; null where none were wanted. */
  readonly test: string | null;
  readonly data: TrainingData;
}

/** The key of a run's rows: how many it trains on at most. */
export const limitKey = (trainRows: number | null) => (trainRows === null ? 'all' : String(trainRows));

/** Rows whose tokens are counted at most: of more, words. */
const maxCountedRows = 20_000;

export interface PrepareParts {
  /** Absolute; the splits are kept there. */
  readonly folder: string;
  readonly surroundings: Surroundings;
  /** Tokens of a text of the model; words are counted where it cannot tell. */
  readonly countTokens?: (text: string) => number | Promise<number>;
  readonly signal?: AbortSignal | undefined;
}

const digestsOf = ({ train, validation, test }: RowSplits) =>
  Object.fromEntries(
    Object.entries({ train, validation, test }).flatMap(([name, file]) => (file === null ? [] : [[name, file.sha256]])),
  );

/** The examples that an evaluation measures. */
async function* examplesOf(dataset: Dataset, { sample, sampleSeed }: EvaluationSpec, signal?: AbortSignal) {
  const options = signal === undefined ? {} : { signal };
  if (sample === null) return yield* dataset.examples(options);
  const count = await dataset.count(signal);
  const only = sampleRowIndices(count, Math.min(sample, count), sampleSeed);
  yield* dataset.examples({ ...options, only });
}

async function findLeakage(
  spec: TrainingSpec,
  splits: RowSplits,
  { surroundings, signal }: PrepareParts,
): Promise<Overlap[]> {
  const evaluations = [];
  for (const evaluation of spec.evaluation.experiments.filter((one) => !isHeldOutPairs(one))) {
    const dataset = await buildDataset(evaluation.dataset, surroundings);
    evaluations.push({ name: evaluation.name, examples: () => examplesOf(dataset, evaluation, signal) });
  }
  const files = Object.entries({ train: splits.train, validation: splits.validation, test: splits.test });
  return checkLeakage({
    splits: files.flatMap(([name, file]) =>
      file === null ? [] : [{ name, rows: () => readRowFile(file.path, signal) }],
    ),
    evaluations,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Experiments whose answers the pairs were made from. */
async function sourcesOf(rows: AsyncIterable<TrainingRow>): Promise<string[]> {
  const ids = new Set<string>();
  for await (const row of rows) if (row.kind === 'preference' && row.lineage) ids.add(row.lineage.experimentId);
  return [...ids].sort();
}

function dataOf(
  spec: TrainingSpec,
  splits: RowSplits,
  found: { fingerprint: string; leakage: Overlap[]; report: DataReport; sources: string[] },
): TrainingData {
  const { lengths, ...rest } = found.report;
  return {
    set: spec.data,
    fingerprint: found.fingerprint,
    counts: {
      train: splits.train.rows,
      validation: splits.validation?.rows ?? 0,
      test: splits.test?.rows ?? 0,
    },
    files: digestsOf(splits),
    ...(found.sources.length === 0 ? {} : { sourceExperiments: found.sources }),
    leakage: Object.fromEntries(found.leakage.map(({ of, in: within, ...overlap }) => [`${of} in ${within}`, overlap])),
    lengths,
    report: { ...rest, unused: splits.unused, leftOut: splits.leftOut },
  };
}

/**
 * Splits the rows for every run of a training, looks for leakage and says what the rows are like. What an earlier attempt prepared
 * from the same content is taken as it is. Throws ConfigError.
 */
export async function prepareTrainingData(spec: TrainingSpec, parts: PrepareParts): Promise<PreparedData> {
  const { folder, surroundings, countTokens, signal } = parts;
  const set = await buildTrainingSet(spec.data, surroundings);
  const fingerprint = await set.fingerprint(signal);
  const limits = [...new Set(spec.runs.map((run) => run.trainRows))];
  const of = canonicalJson({ fingerprint, split: spec.split, limits });
  const memory = join(folder, 'data.json');
  const known = await readFile(memory, 'utf8').then(
    (text) => JSON.parse(text) as { of: string; prepared: PreparedData },
    () => undefined,
  );
  if (known?.of === of) return known.prepared;

  const counts = { train: spec.split.train, validation: spec.split.validation, test: spec.split.test };
  const split = (limit: number | null) =>
    splitRows(set, {
      folder: join(folder, limitKey(limit)),
      counts,
      seed: spec.split.seed,
      ...(limit === null ? {} : { limit }),
      ...(signal === undefined ? {} : { signal }),
      notify: (notice) => surroundings.notify(notice),
    });
  const all = new Map<string, RowSplits>();
  for (const limit of limits) all.set(limitKey(limit), await split(limit));
  const widest = [...all.values()].reduce((most, one) => (one.train.rows > most.train.rows ? one : most));
  const data = dataOf(spec, widest, {
    fingerprint,
    leakage: await findLeakage(spec, widest, parts),
    report: await reportData(readRowFile(widest.train.path, signal), {
      ...(countTokens === undefined || widest.train.rows > maxCountedRows ? {} : { countTokens }),
      ...(signal === undefined ? {} : { signal }),
    }),
    sources: await sourcesOf(readRowFile(widest.train.path, signal)),
  });
  const prepared: PreparedData = {
    limits: Object.fromEntries(
      [...all].map(([key, splits]) => [
        key,
        {
          train: splits.train.path,
          trainCount: splits.train.rows,
          validation: splits.validation?.path ?? null,
          digests: digestsOf(splits),
        },
      ]),
    ),
    test: widest.test?.path ?? null,
    data,
  };
  await replaceFile(memory, (write) => write(Buffer.from(JSON.stringify({ of, prepared }))));
  return prepared;
}
