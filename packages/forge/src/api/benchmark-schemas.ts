import { z } from '@hono/zod-openapi';
import { runStatusSchema } from './run-schemas.ts';

/** The shapes of benchmarks in the HTTP API. */

export const benchmarkStateSchema = z
  .enum(['pending', 'running', 'loading', 'reporting', 'cancelled', 'finished'])
  .describe(
    'running: cells of the matrix. loading: loads are measured. reporting: everything is measured and there is no report yet. cancelled: stopped, can go on. finished: there is a report.',
  );

const quantitySchema = z
  .object({ value: z.number(), low: z.number(), high: z.number(), n: z.number() })
  .describe('A figure with its interval; n: independent observations.')
  .openapi('Quantity');

const figure = z.number().nullable();

export const arrivalsSchema = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('closed'), concurrency: z.number() }),
    z.object({ kind: z.literal('poisson'), perSecond: z.number() }),
    z.object({ kind: z.literal('constant'), perSecond: z.number() }),
    z.object({ kind: z.literal('trace'), requests: z.number(), perSecond: z.number() }),
  ])
  .describe('closed: so many requests are always under way. The others are sent at their times.')
  .openapi('Arrivals');

const equivalenceSchema = z
  .object({
    difference: quantitySchema.describe("Accuracy minus the baseline's."),
    margin: z.number().describe('Differences inside (-margin, margin) do not matter.'),
    pValue: z.number().describe('Of two one-sided tests (TOST): small means equivalent.'),
    adjustedPValue: figure.describe('Corrected over the optimisations of the method (Holm).'),
    verdict: z.enum(['equivalent', 'better', 'worse', 'undecided']),
    flipRate: quantitySchema.describe('Examples whose rightness changed, either way.'),
    flips: z.object({ toRight: z.number(), toWrong: z.number() }),
    changedRate: quantitySchema.describe('Examples whose answer is another text.'),
  })
  .openapi('Equivalence');

export const matrixCellSchema = z
  .object({
    method: z.string(),
    optimisation: z.string(),
    runIds: z.array(z.string()).describe('One for each repetition.'),
    n: z.number(),
    failed: z.number(),
    accuracy: quantitySchema,
    latencyP50Ms: quantitySchema.nullable(),
    latencyP95Ms: quantitySchema.nullable(),
    examplesPerSecond: quantitySchema,
    completionTokensPerSecond: quantitySchema,
    speedUp: quantitySchema.nullable().describe("Examples per second over the baseline's; null for the baseline."),
    promptTokensPerExample: figure,
    cachedPromptShare: figure,
    responseHitRate: figure.describe('Calls answered from the response cache.'),
    peakMemoryBytes: figure,
    joulesPerExample: figure,
    costPerThousand: figure.describe('US dollars.'),
    costPerCorrect: figure,
    equivalence: equivalenceSchema
      .nullable()
      .describe('Against the baseline of the same method; null for the baseline.'),
  })
  .openapi('MatrixCell');

export const loadPointSchema = z
  .object({
    arrivals: arrivalsSchema,
    repetitions: z.number(),
    requests: figure.describe('Of all repetitions.'),
    requestsPerSecond: quantitySchema,
    completionTokensPerSecond: quantitySchema.nullable(),
    goodputPerSecond: quantitySchema.nullable(),
    ttftP50Ms: quantitySchema.nullable(),
    ttftP95Ms: quantitySchema.nullable(),
    tpotP50Ms: quantitySchema.nullable(),
    interTokenP95Ms: quantitySchema.nullable(),
    totalP50Ms: quantitySchema.nullable(),
    totalP95Ms: quantitySchema.nullable(),
    cachedPromptShare: figure,
    failed: z.number(),
    saturated: z.boolean().describe('Requests came faster than they were answered.'),
  })
  .openapi('LoadPoint');

const loadCurveSchema = z
  .object({
    optimisation: z.string(),
    points: z.array(loadPointSchema),
    sustainedPerSecond: figure.describe('The highest rate that was kept up, requests per second.'),
  })
  .openapi('LoadCurve');

export const paretoPointSchema = z
  .object({
    method: z.string(),
    optimisation: z.string(),
    accuracy: z.number(),
    latencyMs: z.number(),
    cost: z.number(),
    onFrontier: z.boolean(),
    probability: z.number().describe('Share of bootstrap draws in which no other point dominates it.'),
    explanation: z.string().nullable().describe('Of a dominated point: which is better, and in what.'),
  })
  .openapi('ParetoPoint');

export const recommendationSchema = z
  .object({
    useCase: z.string().describe('interactive, batch or cheapest.'),
    title: z.string(),
    choice: z.object({ method: z.string(), optimisation: z.string() }).nullable(),
    reason: z.string(),
  })
  .openapi('Recommendation');

export const goalOutcomeSchema = z
  .object({ method: z.string(), target: z.number(), ratio: quantitySchema, sentence: z.string() })
  .openapi('GoalOutcome');

export const costUnitSchema = z.enum(['usd-per-thousand', 'seconds-per-example']);

export const benchmarkReportSchema = z
  .object({
    methods: z.array(z.string()),
    optimisations: z.array(z.string()),
    baseline: z.string(),
    cells: z.array(matrixCellSchema),
    load: z.array(loadCurveSchema),
    pareto: z.object({ costUnit: costUnitSchema, points: z.array(paretoPointSchema) }),
    recommendations: z.array(recommendationSchema),
    goal: z.array(goalOutcomeSchema),
    findings: z.array(z.string()),
    notes: z.array(z.string()),
  })
  .openapi('BenchmarkReport');

const countSchema = z.object({ done: z.number(), total: z.number() });

const benchmarkFields = {
  id: z.string(),
  name: z.string(),
  description: z.string(),
  configHash: z.string(),
  experimentId: z.string().describe('The experiment whose runs are the cells of the matrix.'),
  createdAt: z.number().describe('ms since the epoch.'),
  state: benchmarkStateSchema,
};

export const benchmarkSchema = z
  .object({
    ...benchmarkFields,
    methods: z.array(z.string()),
    optimisations: z.array(z.string()),
    progress: z
      .object({ cells: countSchema, loads: countSchema })
      .nullable()
      .describe('null once there is a report. cells: runs, one for each cell and repetition.'),
    sentences: z.array(z.string()).describe('What was found, in short.'),
  })
  .openapi('Benchmark');

const askedSchema = z
  .object({
    methods: z.array(z.string()),
    optimisations: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        server: z.string().nullable().describe('The server that is started for it.'),
        rerun: z.boolean().describe('Measured on a second pass.'),
      }),
    ),
    baseline: z.string(),
    repetitions: z.number(),
    compare: z.object({ metric: z.string(), alpha: z.number(), margin: z.number() }),
    load: z
      .object({
        optimisations: z.array(z.string()),
        method: z.string(),
        requests: z.number(),
        warmUp: z.number(),
        repetitions: z.number(),
        arrivals: z.array(arrivalsSchema),
        objective: z.object({
          ttftMs: z.number().optional(),
          tpotMs: z.number().optional(),
          totalMs: z.number().optional(),
        }),
      })
      .nullable(),
    goal: z.object({ optimisation: z.string(), speedUp: z.number() }).nullable(),
    useCases: z.object({ latencyP95Ms: z.number().nullable(), accuracyAtLeast: z.number().nullable() }),
  })
  .openapi('BenchmarkAsked');

export const cellUseSchema = z
  .object({
    wallMs: z.number(),
    peakMemoryBytes: figure,
    peakGpuMemoryBytes: figure,
    energyJoules: figure,
    notes: z.array(z.string()),
  })
  .openapi('CellUse');

const cellRunSchema = z
  .object({
    runId: z.string(),
    method: z.string(),
    optimisation: z.string(),
    repetition: z.number(),
    status: runStatusSchema,
    total: z.number().nullable(),
    done: z.number(),
    failed: z.number(),
    use: cellUseSchema.nullable().describe('What it used while it ran; null until it has ended.'),
  })
  .openapi('CellRun');

const quantilesSchema = z.object({ mean: z.number(), p50: z.number(), p95: z.number(), p99: z.number() });

export const loadMeasurementSchema = z
  .object({
    requests: z.number(),
    failed: z.number(),
    seconds: z.number(),
    requestsPerSecond: z.number(),
    completionTokensPerSecond: z.number(),
    promptTokensPerSecond: z.number(),
    goodputPerSecond: figure,
    ttftMs: quantilesSchema.nullable(),
    interTokenMs: quantilesSchema.nullable(),
    tpotMs: quantilesSchema.nullable(),
    totalMs: quantilesSchema.nullable(),
    cachedPromptShare: figure,
    lateMs: quantilesSchema.nullable(),
    saturated: z.boolean(),
  })
  .openapi('LoadMeasurement');

const loadRunSchema = z
  .object({
    optimisation: z.string(),
    arrivals: arrivalsSchema,
    repetition: z.number(),
    measured: loadMeasurementSchema,
  })
  .openapi('LoadRun');

export const benchmarkDetailSchema = z
  .object({
    ...benchmarkFields,
    source: z.string().describe('The YAML as it was given.'),
    asked: askedSchema,
    cells: z.array(cellRunSchema).describe('In the order in which they are executed.'),
    loads: z.array(loadRunSchema).describe('Measured so far, in the order in which they were.'),
    loadsTotal: z.number(),
    report: benchmarkReportSchema.nullable(),
  })
  .openapi('BenchmarkDetail');

export type BenchmarkState = z.infer<typeof benchmarkStateSchema>;
export type Benchmark = z.infer<typeof benchmarkSchema>;
export type BenchmarkDetail = z.infer<typeof benchmarkDetailSchema>;
export type BenchmarkAsked = z.infer<typeof askedSchema>;
export type BenchmarkReport = z.infer<typeof benchmarkReportSchema>;
export type Arrivals = z.infer<typeof arrivalsSchema>;
export type MatrixCell = z.infer<typeof matrixCellSchema>;
export type CellRun = z.infer<typeof cellRunSchema>;
export type LoadRun = z.infer<typeof loadRunSchema>;
export type LoadPoint = z.infer<typeof loadPointSchema>;
export type LoadCurve = z.infer<typeof loadCurveSchema>;
export type ParetoPoint = z.infer<typeof paretoPointSchema>;
export type Quantity = z.infer<typeof quantitySchema>;
