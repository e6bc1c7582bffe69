import { z } from 'zod';
import type { TrainingRecord, TrainingRunRecord } from '../training-record.ts';
import { listOf, objectOf } from './read-stored.ts';
import type * as shapes from './training-schemas.ts';
import {
  evaluationSchema,
  trainingDataSchema,
  trainingFigureSchema,
  trainingGroupSchema,
  trainingVerdictSchema,
} from './training-schemas.ts';

/** Stored trainings as the API shows them. What they were made of is JSON of any version: a part that cannot be read is left out. */

const configReader = z.object({
  description: z.string().catch(''),
  model: z.string().catch(''),
  trainer: z.object({ name: z.string() }).catch({ name: '' }),
});
const settingsReader = z.object({
  objective: z.object({ name: z.string() }).catch({ name: '' }),
  seed: z.number().nullable().catch(null),
});
const runReader = z.object({
  group: z.string().nullable().catch(null),
  varied: z.record(z.string(), z.union([z.string(), z.number()])).catch({}),
  settings: settingsReader.catch({ objective: { name: '' }, seed: null }),
});

/** Where a training stands, from where its runs stand. */
export function trainingStateOf(
  runs: readonly Pick<TrainingRunRecord, 'status'>[],
  hasReport: boolean,
): shapes.TrainingState {
  const some = (status: TrainingRunRecord['status']) => runs.some((run) => run.status === status);
  if (some('running')) return 'running';
  if (runs.every((run) => run.status === 'pending')) return 'pending';
  // A run that failed is a part of what was found.
  if (hasReport && !some('pending')) return 'finished';
  if (some('failed')) return 'failed';
  if (some('cancelled')) return 'cancelled';
  // Between two runs.
  return some('pending') ? 'running' : 'evaluating';
}

function reportView(stored: unknown): shapes.TrainingReport | null {
  if (stored === null) return null;
  const report = objectOf(stored) as Record<string, unknown>;
  const data = trainingDataSchema.safeParse(report.data);
  return {
    data: data.success ? data.data : null,
    figures: listOf(trainingFigureSchema, report.figures),
    groups: listOf(trainingGroupSchema, report.groups),
    evaluations: listOf(evaluationSchema, report.evaluations),
    verdicts: verdictsOf(stored),
    negatives: listOf(z.string(), report.negatives),
  };
}

const verdictsOf = (report: unknown) =>
  listOf(trainingVerdictSchema, (objectOf(report) as Record<string, unknown>).verdicts);

function trainingFields(training: TrainingRecord, runs: readonly TrainingRunRecord[]) {
  const { description, model, trainer } = configReader.parse(objectOf(training.config));
  return {
    id: training.id,
    name: training.name,
    description,
    configHash: training.configHash,
    createdAt: training.createdAt,
    state: trainingStateOf(runs, training.report !== null),
    trainer: trainer.name,
    objective: runReader.parse(objectOf(runs[0]?.spec)).settings.objective.name,
    model,
    verdicts: verdictsOf(training.report),
  };
}

/** For lists. `runs`: the training's own. */
export function trainingView(training: TrainingRecord, runs: readonly TrainingRunRecord[]): shapes.Training {
  return {
    ...trainingFields(training, runs),
    runs: runs.map(({ id, variant, status, step, totalSteps, startedAt, finishedAt, wallMs }) => ({
      id,
      variant,
      status,
      step,
      totalSteps,
      startedAt,
      finishedAt,
      wallMs,
    })),
  };
}

/** A run of a training as the API shows it. */
export function trainingRunView(run: TrainingRunRecord): shapes.TrainingRun {
  const { group, varied, settings } = runReader.parse(objectOf(run.spec));
  return { ...run, artifacts: [...run.artifacts], group: group ?? run.variant, varied, seed: settings.seed };
}

/** A training with its runs and its report as the API shows it. */
export function trainingDetailView(
  training: TrainingRecord,
  runs: readonly TrainingRunRecord[],
): shapes.TrainingDetail {
  return {
    ...trainingFields(training, runs),
    source: training.source,
    runs: runs.map(trainingRunView),
    report: reportView(training.report),
  };
}
