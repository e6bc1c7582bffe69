import { z } from '@hono/zod-openapi';

/** The shapes of runs and their examples in the HTTP API. */

export const runStatusSchema = z.enum(['pending', 'running', 'finished', 'cancelled', 'failed']);

export const estimateSchema = z
  .object({
    value: z.number(),
    low: z.number(),
    high: z.number(),
    n: z.number().describe('Independent observations: examples, or clusters where they are clustered.'),
    level: z.number().describe('Coverage of the interval, 0.95 where so many values can reach it.'),
    method: z
      .enum(['wilson', 't', 'clustered-t', 'bonett-price', 'bootstrap', 'order-statistics', 'hedged-capital'])
      .describe('hedged-capital: holds whenever one stops.'),
    unit: z.string().optional().describe('Of a metric whose scores are no shares of 1: what they count.'),
  })
  .openapi('Estimate');

export const histogramSchema = z
  .object({
    low: z.number().describe('Left edge of the first bin, ms.'),
    binWidth: z.number().describe('ms.'),
    counts: z.array(z.number()),
    above: z.number().describe('Values right of the last bin: the slowest percent.'),
  })
  .openapi('Histogram');

export const runSummarySchema = z
  .object({
    n: z.number(),
    failed: z.object({ total: z.number(), byKind: z.record(z.string(), z.number()) }),
    flags: z.record(z.string(), z.number()),
    tools: z
      .object({
        examples: z.number().describe('Examples with a trace.'),
        turns: z.number(),
        calls: z.number(),
        failed: z.number(),
        byTool: z.record(z.string(), z.object({ calls: z.number(), errors: z.record(z.string(), z.number()) })),
        byError: z.record(z.string(), z.number()),
        byLimit: z.record(z.string(), z.number()),
      })
      .nullish()
      .describe('What agents did with their tools.'),
    metrics: z.record(z.string(), estimateSchema),
    latencyMs: z
      .object({
        p50: estimateSchema,
        p95: estimateSchema,
        p99: estimateSchema,
        mean: estimateSchema,
        histogram: histogramSchema,
      })
      .nullable(),
    throughput: z.object({ examplesPerSecond: z.number(), completionTokensPerSecond: z.number() }),
    tokens: z.object({
      prompt: z.number(),
      cachedPrompt: z.number(),
      completion: z.number(),
      promptPerExample: z.number(),
      cachedPromptPerExample: z.number(),
      completionPerExample: z.number(),
      perCorrect: z.number().nullish(),
    }),
    computeSeconds: z.object({ total: z.number(), perCorrect: z.number().nullable() }),
    cost: z.object({ total: z.number().nullable(), perCorrect: z.number().nullable() }).describe('US dollars.'),
    calls: z.number(),
    cachedCalls: z.number(),
    retries: z.number(),
    liveExamples: z.number(),
    wallMs: z.number(),
  })
  .openapi('RunSummary');

const componentSchema = z.object({ name: z.string(), options: z.record(z.string(), z.unknown()) });

export const variantSpecSchema = z
  .object({
    variant: z.string(),
    group: z.string().describe('The variant without its seed: runs of one group are repeats of each other.'),
    dataset: componentSchema,
    sample: z.number().nullable(),
    sampleSeed: z.string(),
    engine: componentSchema,
    method: componentSchema,
    metrics: z.array(componentSchema),
    sampling: z.object({
      temperature: z.number(),
      topP: z.number(),
      topK: z.number(),
      maxTokens: z.number(),
      stop: z.array(z.string()),
    }),
    seed: z.number(),
    cache: z.boolean(),
  })
  .openapi('VariantSpec');

const provenanceSchema = z.object({
  configHash: z.string(),
  datasetFingerprint: z.string(),
  datasetRevision: z.string().optional(),
  modelDigest: z.string(),
  engineFingerprint: z.string(),
  engineSettings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  codeRevision: z.string(),
  forgeVersion: z.string(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  seed: z.number(),
});

export const runSchema = z
  .object({
    id: z.string(),
    experimentId: z.string(),
    position: z.number(),
    variant: z.string(),
    status: runStatusSchema,
    total: z.number().nullable().describe('Examples to do; null until the run has started.'),
    done: z.number(),
    failed: z.number(),
    error: z.string().nullable(),
    createdAt: z.number(),
    startedAt: z.number().nullable(),
    finishedAt: z.number().nullable(),
    wallMs: z.number(),
    spec: variantSpecSchema,
    provenance: provenanceSchema.nullable(),
    summary: runSummarySchema.nullable().describe('While the run goes on, of the examples so far.'),
  })
  .openapi('Run');

const toolUseSchema = z
  .object({
    turns: z.number(),
    calls: z.array(z.object({ tool: z.string().optional(), error: z.string().optional() })),
    limit: z.string().optional(),
  })
  .describe('What an agent did; null where none was at work.')
  .openapi('ToolUse');

export const tableRowSchema = z
  .object({
    exampleId: z.string(),
    index: z.number(),
    question: z.string().describe('300 characters at most.'),
    targets: z.array(z.string()),
    answer: z.string(),
    failureKind: z.string().nullable(),
    flags: z.array(z.string()),
    toolUse: toolUseSchema.nullable(),
    scores: z.record(z.string(), z.number()),
    latencyMs: z.number(),
    completionTokens: z.number(),
    cachedCalls: z.number(),
  })
  .openapi('TableRow');

const failureSchema = z.object({ kind: z.string(), message: z.string() });

export const callSchema = z
  .object({
    index: z.number(),
    prompt: z.string(),
    sampling: variantSpecSchema.shape.sampling,
    seed: z.number(),
    output: z.string(),
    finishReason: z.enum(['stop', 'length', 'error']),
    usage: z.object({ promptTokens: z.number(), completionTokens: z.number(), cachedPromptTokens: z.number() }),
    timing: z.object({
      queuedMs: z.number(),
      prefillMs: z.number(),
      decodeMs: z.number(),
      computeMs: z.number(),
      totalMs: z.number(),
    }),
    cached: z.boolean(),
    retries: z.number(),
    error: failureSchema.optional(),
  })
  .openapi('Call');

export const resultSchema = z
  .object({
    exampleId: z.string(),
    index: z.number(),
    question: z.string(),
    targets: z.array(z.string()),
    cluster: z.string().optional(),
    answer: z.string(),
    steps: z.array(z.looseObject({ kind: z.string(), text: z.string() })),
    flags: z.array(z.string()),
    failure: failureSchema.optional(),
    scores: z.record(z.string(), z.number()),
    latencyMs: z.number(),
    calls: z.array(callSchema),
    finishedAt: z.number(),
  })
  .openapi('Result');

export type RunStatus = z.infer<typeof runStatusSchema>;
export type Estimate = z.infer<typeof estimateSchema>;
export type Histogram = z.infer<typeof histogramSchema>;
export type RunSummary = z.infer<typeof runSummarySchema>;
export type VariantSpec = z.infer<typeof variantSpecSchema>;
export type Run = z.infer<typeof runSchema>;
export type TableRow = z.infer<typeof tableRowSchema>;
export type Call = z.infer<typeof callSchema>;
export type Result = z.infer<typeof resultSchema>;
