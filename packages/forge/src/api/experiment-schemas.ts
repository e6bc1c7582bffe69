import { z } from '@hono/zod-openapi';
import { estimateSchema, runSchema, runStatusSchema } from './run-schemas.ts';

/** The shapes of experiments, and of what they found, in the HTTP API. */

export const headlineSchema = z.object({
  baseline: z.string(),
  candidate: z.string(),
  verdict: z.string(),
  sentence: z.string(),
});

export const experimentStateSchema = z
  .enum(['draft', 'queued', 'running', 'finished', 'cancelled', 'failed'])
  .describe('draft: no run has started. cancelled, failed: can be resumed.');

export const experimentSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    configHash: z.string(),
    revision: z.number(),
    createdAt: z.number().describe('ms since the epoch.'),
    deletedAt: z.number().nullable(),
    state: experimentStateSchema,
    metric: z.string().describe('The metric that decides.'),
    headline: z.array(headlineSchema),
    runs: z.array(
      z.object({
        id: z.string(),
        variant: z.string(),
        status: runStatusSchema,
        method: z.string(),
        engine: z.string(),
        model: z.string().nullable(),
        dataset: z.string(),
        total: z.number().nullable(),
        n: z.number().nullable(),
        score: estimateSchema.nullable().describe('On the deciding metric.'),
        latencyP50Ms: z.number().nullable(),
        cost: z.number().nullable(),
        startedAt: z.number().nullable(),
        finishedAt: z.number().nullable(),
      }),
    ),
  })
  .openapi('Experiment');

const flipsSchema = z.object({ count: z.number(), ids: z.array(z.string()) });

export const comparisonSchema = z
  .object({
    metric: z.string(),
    unit: z.string().optional().describe('What the scores count; shares of 1 where there is none.'),
    baseline: z.string(),
    candidate: z.string(),
    pairs: z.number(),
    unmatched: z.object({ baseline: z.number(), candidate: z.number() }),
    baselineMean: estimateSchema,
    candidateMean: estimateSchema,
    difference: estimateSchema.describe('Candidate minus baseline.'),
    test: z.object({ name: z.string(), pValue: z.number(), adjustedPValue: z.number() }),
    equivalencePValue: z.number(),
    flips: z.object({ gained: flipsSchema, lost: flipsSchema }),
    verdict: z
      .enum(['better', 'worse', 'higher', 'lower', 'tied', 'underpowered'])
      .describe('higher, lower: on a metric of which neither is better.'),
    minimumEffect: z.number(),
    neededN: z.number().nullable(),
    detectableEffect: z.number().nullable(),
    warnings: z.array(z.string()),
    stop: z
      .object({
        settledAfter: z
          .number()
          .nullable()
          .describe(
            'Examples after which it was settled; null: all left it open, and the figures are the ordinary ones.',
          ),
        most: z.number().describe('Examples that there would have been.'),
      })
      .optional()
      .describe('Where the experiment may stop early (compare.stop).'),
    sentence: z.string().describe('The verdict in words.'),
  })
  .openapi('Comparison');

export const latencyComparisonSchema = z
  .object({
    baseline: z.string(),
    candidate: z.string(),
    pairs: z.number(),
    difference: estimateSchema.describe('Candidate minus baseline, ms per example.'),
  })
  .openapi('LatencyComparison');

export const tokenComparisonSchema = z
  .object({
    baseline: z.string(),
    candidate: z.string(),
    pairs: z.number(),
    ratio: estimateSchema.nullable().describe('Tokens per example, candidate over baseline.'),
  })
  .openapi('TokenComparison');

export const experimentDetailSchema = experimentSchema
  .omit({ runs: true })
  .extend({
    source: z.string().describe('The YAML as it was given.'),
    baseline: z.string(),
    alpha: z.number(),
    minimumEffect: z.number(),
    runs: z.array(runSchema),
    comparisons: z.array(comparisonSchema),
    latency: z.array(latencyComparisonSchema),
    tokens: z.array(tokenComparisonSchema),
  })
  .openapi('ExperimentDetail');

export const comparedRunsSchema = z
  .object({
    metric: z.string(),
    metrics: z.array(z.string()).describe('Measured by all of the runs.'),
    runs: z.array(runSchema.extend({ label: z.string(), experimentName: z.string() })),
    comparisons: z.array(comparisonSchema).describe('Each run against the first.'),
    latency: z.array(latencyComparisonSchema),
    tokens: z.array(tokenComparisonSchema),
  })
  .openapi('ComparedRuns');

export const facetsSchema = z
  .object({
    methods: z.array(z.string()),
    engines: z.array(z.string()),
    models: z.array(z.string()),
    datasets: z.array(z.string()),
  })
  .openapi('Facets');

export const overviewSchema = z
  .object({
    totals: z.object({
      experiments: z.number(),
      runs: z.number(),
      examples: z.number(),
      calls: z.number(),
      promptTokens: z.number(),
      completionTokens: z.number(),
    }),
    active: z.array(experimentSchema).describe('Running now, then waiting.'),
    recent: z.array(experimentSchema),
    findings: z.array(experimentSchema).describe('The latest with a headline.'),
    version: z.string(),
    database: z.enum(['embedded', 'postgres']),
  })
  .openapi('Overview');

/** Data of the server-sent event `progress`. */
export const progressEventSchema = z
  .object({
    state: experimentStateSchema,
    runs: z.array(
      z.object({
        runId: z.string(),
        variant: z.string(),
        status: runStatusSchema,
        total: z.number().nullable(),
        done: z.number(),
        failed: z.number(),
      }),
    ),
    examplesPerSecond: z.number().nullable().describe('Over the last seconds; null until there is something to tell.'),
    etaMs: z.number().nullable(),
    notice: z.string().nullable().describe('What goes on besides examples, e.g. a download.'),
  })
  .openapi('ProgressEvent');

/** Data of the server-sent event `examples`; the id of the event continues after it. */
export const examplesEventSchema = z
  .object({
    items: z.array(
      z.object({
        runId: z.string(),
        exampleId: z.string(),
        index: z.number(),
        failureKind: z.string().nullable(),
        scores: z.record(z.string(), z.number()),
        latencyMs: z.number(),
      }),
    ),
  })
  .openapi('ExamplesEvent');

export type ExperimentState = z.infer<typeof experimentStateSchema>;
export type Experiment = z.infer<typeof experimentSchema>;
export type Comparison = z.infer<typeof comparisonSchema>;
export type LatencyComparison = z.infer<typeof latencyComparisonSchema>;
export type ExperimentDetail = z.infer<typeof experimentDetailSchema>;
export type ComparedRuns = z.infer<typeof comparedRunsSchema>;
export type Facets = z.infer<typeof facetsSchema>;
export type Overview = z.infer<typeof overviewSchema>;
export type ProgressEvent = z.infer<typeof progressEventSchema>;
export type ExamplesEvent = z.infer<typeof examplesEventSchema>;
