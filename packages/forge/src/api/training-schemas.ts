import { z } from '@hono/zod-openapi';
import { runStatusSchema } from './run-schemas.ts';

/** The shapes of trainings in the HTTP API. */

export const trainingStateSchema = z
  .enum(['pending', 'running', 'evaluating', 'finished', 'cancelled', 'failed'])
  .describe('evaluating: every run has ended and there is no report yet. cancelled, failed: can be resumed.');

const variedSchema = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .describe('What varies, without the seed, e.g. beta and rows.');

const intervalSchema = z.object({ value: z.number(), low: z.number(), high: z.number() }).openapi('Interval');

const figureFields = {
  group: z.string().describe('The variant without its seed: figures of one group are repeats of each other.'),
  varied: variedSchema,
  metric: z.string(),
  label: z.string(),
  n: z.number().describe('Rows or examples behind it.'),
  before: intervalSchema.nullable().describe('Of the model before training.'),
  after: intervalSchema,
  difference: intervalSchema.nullable().describe('After minus before, paired by row.'),
  unit: z.string().describe('share (0 to 1), tokens, nats, reward or score.'),
  better: z.enum(['higher', 'lower', 'neutral']),
};

export const trainingFigureSchema = z.object({ variant: z.string(), ...figureFields }).openapi('TrainingFigure');

export const trainingGroupSchema = z
  .object({
    ...figureFields,
    main: z.boolean().describe('Of the setting that the file states, not of its ablation.'),
    deciding: z.boolean().describe('The metric that the verdict of its evaluation rests on.'),
    seeds: z.number().describe('Runs in the group; each example is averaged over them first.'),
    spread: z
      .object({ low: z.number(), high: z.number(), sd: z.number() })
      .nullable()
      .describe('Over the means of the runs; null for one run.'),
    test: z
      .object({ name: z.string(), pValue: z.number() })
      .nullable()
      .describe('Of the difference, not corrected for other comparisons.'),
  })
  .openapi('TrainingGroup');

export const trainingDataSchema = z
  .object({
    set: z.object({ name: z.string(), options: z.record(z.string(), z.unknown()) }),
    fingerprint: z.string(),
    counts: z.object({ train: z.number(), validation: z.number(), test: z.number() }),
    files: z.record(z.string(), z.string()).describe('sha256 by split.'),
    sourceExperiments: z.array(z.string()).optional().describe('Experiments whose answers the pairs were made from.'),
    leakage: z.record(z.string(), z.unknown()),
    lengths: z.record(z.string(), z.unknown()),
  })
  .openapi('TrainingData');

export const evaluationSchema = z
  .object({ experimentId: z.string(), name: z.string(), variant: z.string(), sentences: z.array(z.string()) })
  .openapi('TrainingEvaluation');

export const trainingVerdictSchema = z
  .object({ sentence: z.string(), kind: z.enum(['better', 'worse', 'higher', 'lower', 'tied', 'underpowered']) })
  .openapi('TrainingVerdict');

export const trainingReportSchema = z
  .object({
    data: trainingDataSchema.nullable(),
    figures: z.array(trainingFigureSchema),
    groups: z.array(trainingGroupSchema).describe('The same by group, the main setting first: the ablation table.'),
    evaluations: z.array(evaluationSchema),
    verdicts: z.array(trainingVerdictSchema),
    negatives: z.array(z.string()),
  })
  .openapi('TrainingReport');

export const artifactSchema = z
  .object({
    kind: z.string().describe('peft-adapter, gguf-adapter, merged-gguf, model, gguf-model or model-card.'),
    path: z.string().describe('Below the folder of the run.'),
    sha256: z.string(),
    sizeBytes: z.number(),
  })
  .openapi('Artifact');

const runFields = {
  id: z.string(),
  variant: z.string(),
  status: runStatusSchema,
  step: z.number().describe('The latest stored one; 0 before the first.'),
  totalSteps: z.number().nullable().describe('null until the run has started.'),
  startedAt: z.number().nullable(),
  finishedAt: z.number().nullable(),
  wallMs: z.number().describe('Sum over attempts that have ended.'),
};

export const trainingSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    configHash: z.string(),
    createdAt: z.number().describe('ms since the epoch.'),
    state: trainingStateSchema,
    trainer: z.string(),
    objective: z.string(),
    model: z.string().describe('The model before training, as the file names it.'),
    runs: z.array(z.object(runFields)),
    verdicts: z.array(trainingVerdictSchema),
  })
  .openapi('Training');

export const trainingRunSchema = z
  .object({
    ...runFields,
    trainingId: z.string(),
    position: z.number(),
    group: z.string(),
    varied: variedSchema,
    seed: z.number().nullable(),
    folder: z.string().nullable().describe('On the machine that trained.'),
    error: z.string().nullable(),
    createdAt: z.number(),
    artifacts: z.array(artifactSchema),
    spec: z.unknown().describe('The resolved settings.'),
    provenance: z.unknown(),
    outcome: z.unknown().describe('Held-out figures; null until it has ended.'),
  })
  .openapi('TrainingRun');

export const trainingDetailSchema = trainingSchema
  .extend({
    source: z.string().describe('The YAML as it was given.'),
    runs: z.array(trainingRunSchema),
    report: trainingReportSchema.nullable(),
  })
  .openapi('TrainingDetail');

const measured = z.number().nullable().describe('null where it was no finite number.');

const preferenceSchema = z.object({
  chosenReward: measured,
  rejectedReward: measured,
  margin: measured,
  accuracy: measured,
  chosenLogprob: measured,
  rejectedLogprob: measured,
});

export const trainEventSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('started'),
      totalSteps: z.number(),
      doneSteps: z.number(),
      rows: z.number(),
      leftOut: z.number(),
      parameters: z.object({ trained: z.number(), total: z.number() }),
      memoryBytes: z.number().nullable(),
      environment: z.record(z.string(), z.union([z.string(), z.number()])),
    }),
    z.object({
      type: z.literal('step'),
      step: z.number(),
      epoch: z.number(),
      loss: measured,
      learningRate: z.number(),
      gradientNorm: measured,
      tokens: z.number(),
      tookMs: z.number(),
      preference: preferenceSchema.optional(),
    }),
    z.object({
      type: z.literal('validation'),
      step: z.number(),
      n: z.number(),
      loss: measured,
      preference: preferenceSchema.optional(),
    }),
    z.object({ type: z.literal('checkpoint'), step: z.number() }),
    z.object({ type: z.literal('warning'), message: z.string() }),
  ])
  .openapi('TrainEvent');

export const trainEventsSchema = z
  .object({
    cursor: z.number().describe('What to ask with next.'),
    items: z.array(trainEventSchema).describe('An event of a type and step that was there before replaces it.'),
  })
  .openapi('TrainEvents');

/** Data of the server-sent event `progress` of a training. */
export const trainingProgressSchema = z
  .object({
    state: trainingStateSchema,
    runs: z.array(
      z.object({
        runId: z.string(),
        status: runStatusSchema,
        step: z.number(),
        totalSteps: z.number().nullable(),
      }),
    ),
  })
  .openapi('TrainingProgress');

/** Data of the server-sent event `steps`: as TrainEvents, of one run. */
export const trainingStepsSchema = trainEventsSchema.extend({ runId: z.string() }).openapi('TrainingSteps');

export type TrainingState = z.infer<typeof trainingStateSchema>;
export type Training = z.infer<typeof trainingSchema>;
export type TrainingDetail = z.infer<typeof trainingDetailSchema>;
export type TrainingRun = z.infer<typeof trainingRunSchema>;
export type TrainingReport = z.infer<typeof trainingReportSchema>;
export type TrainingData = z.infer<typeof trainingDataSchema>;
export type TrainingVerdict = z.infer<typeof trainingVerdictSchema>;
export type TrainingGroup = z.infer<typeof trainingGroupSchema>;
export type Interval = z.infer<typeof intervalSchema>;
export type Artifact = z.infer<typeof artifactSchema>;
export type TrainEvent = z.infer<typeof trainEventSchema>;
export type TrainEvents = z.infer<typeof trainEventsSchema>;
export type TrainingProgress = z.infer<typeof trainingProgressSchema>;
export type TrainingSteps = z.infer<typeof trainingStepsSchema>;
