import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDataset, buildTrainer } from './build.ts';
import type { DataReport, Quantiles } from './data-report.ts';
import type { Surroundings } from './definition.ts';
import { resolveModelFolder } from './lib/model-folder.ts';
import { openTokenCounter } from './lib/token-counter.ts';
import { limitKey, type PreparedRows, prepareTrainingData } from './prepare-training-data.ts';
import type { TrainEvent } from './trainer.ts';
import { isHeldOutPairs } from './training-evaluations.ts';
import type { TrainingData } from './training-report.ts';
import type { TrainingSpec } from './training-spec.ts';

/** What a training will cost, before anything is spent. */
export interface TrainingPlan {
  readonly runs: readonly string[];
  readonly data: TrainingData;
  /** Of one run of the main setting, as its trainer counts. */
  readonly steps: number;
  readonly rows: number;
  /** Rows over maxLength, left out. */
  readonly leftOut: number;
  /** Through the model in one run, roughly; words where the model has no tokenizer. */
  readonly tokens: number;
  readonly tokenUnit: DataReport['unit'];
  readonly parameters: { readonly trained: number; readonly total: number };
  /** null where the trainer cannot tell. */
  readonly memoryBytes: number | null;
  readonly evaluations: readonly { readonly name: string; readonly examples: number; readonly models: number }[];
}

/** Tokens of a row of the training set, by the means of its parts. A pair reads its prompt twice. */
function rowTokens({ lengths, report }: TrainingData): number {
  const mean = (part: string) => (lengths as Record<string, Quantiles>)[part]?.mean ?? 0;
  const isPair = (report as Partial<DataReport> | undefined)?.pairs != null;
  if (isPair) return 2 * mean('prompt') + mean('chosen') + mean('rejected');
  return Object.keys(lengths).reduce((sum, part) => sum + mean(part), 0);
}

/** Starts the trainer and lets it go before its first step: it knows best what it will do. */
async function askTrainer(
  spec: TrainingSpec,
  parts: { folder: string; model: string; rows: PreparedRows; surroundings: Surroundings },
): Promise<Extract<TrainEvent, { type: 'started' }>> {
  const settings = spec.runs[0]?.settings;
  if (settings === undefined) throw new Error('a training has at least one run');
  const trainer = await buildTrainer(spec.trainer, parts.surroundings);
  const { train, trainCount, validation } = parts.rows;
  const job = {
    folder: join(parts.folder, 'run'),
    model: { path: parts.model, reference: spec.model },
    rows: { train, trainCount, validation },
    settings,
  };
  for await (const event of trainer.train(job)) if (event.type === 'started') return event;
  throw new Error(`trainer ${trainer.name} ended without having started`);
}

async function planEvaluations(spec: TrainingSpec, data: TrainingData, surroundings: Surroundings) {
  const { experiments, ablation, ablationSample } = spec.evaluation;
  const main = spec.runs.filter((run) => run.main).length;
  const varied = spec.runs.length - main;
  const plans = [];
  for (const evaluation of experiments) {
    const total = isHeldOutPairs(evaluation)
      ? data.counts.test
      : await (await buildDataset(evaluation.dataset, surroundings)).count();
    const examples = Math.min(evaluation.sample ?? total, total);
    plans.push({ name: evaluation.name, examples, models: main + 1 });
    if (varied === 0 || !ablation.includes(evaluation.name)) continue;
    const fewer = Math.min(examples, ablationSample ?? examples);
    plans.push({ name: `${evaluation.name}-ablation`, examples: fewer, models: varied + 1 });
  }
  return plans;
}

/** Splits the rows into a temporary folder and starts the trainer, without a step. Throws ConfigError. */
export async function planTraining(spec: TrainingSpec, surroundings: Surroundings): Promise<TrainingPlan> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-plan-'));
  try {
    const model = await resolveModelFolder(spec.model, surroundings);
    const countTokens = await openTokenCounter(model.path);
    const { data, limits } = await prepareTrainingData(spec, {
      folder: join(folder, 'data'),
      surroundings,
      ...(countTokens === undefined ? {} : { countTokens }),
    });
    const first = spec.runs[0];
    const rows = limits[limitKey(first?.trainRows ?? null)] as PreparedRows;
    const started = await askTrainer(spec, { folder, model: model.path, rows, surroundings });
    const { totalSteps: steps, leftOut, parameters, memoryBytes } = started;
    const batch = (first?.settings.batch.size ?? 1) * (first?.settings.batch.accumulate ?? 1);
    const passes = first?.settings.maxSteps === undefined ? null : (steps * batch) / Math.max(1, started.rows);
    return {
      runs: spec.runs.map((run) => run.variant),
      data,
      steps,
      rows: started.rows,
      leftOut,
      tokens: Math.round(rowTokens(data) * started.rows * (passes ?? first?.settings.epochs ?? 1)),
      tokenUnit: (data.report as Partial<DataReport> | undefined)?.unit ?? 'tokens',
      parameters,
      memoryBytes,
      evaluations: await planEvaluations(spec, data, surroundings),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
