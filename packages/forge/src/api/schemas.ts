import { z } from '@hono/zod-openapi';

/** The shapes of the HTTP API: requests are checked with them, the OpenAPI document and the dashboard's client are made from them. */

export const runStatusSchema = z.enum(['pending', 'running', 'finished', 'cancelled', 'failed']);

export const estimateSchema = z
  .object({
    value: z.number(),
    low: z.number(),
    high: z.number(),
    n: z.number().describe('Independent observations: examples, or clusters where they are clustered.'),
    level: z.number().describe('Coverage of the interval, 0.95 where so many values can reach it.'),
    method: z.enum(['wilson', 't', 'clustered-t', 'bonett-price', 'bootstrap', 'order-statistics']),
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

export const variantPlanSchema = z
  .object({
    variant: z.string(),
    rows: z.number(),
    calls: z.number(),
    promptTokens: z.number(),
    completionTokensAtMost: z.number(),
    detectableEffect: z.number(),
    probe: z
      .object({
        examples: z.number(),
        calls: z.number(),
        promptTokens: z.number(),
        completionTokens: z.number(),
        wallMs: z.number(),
      })
      .optional()
      .describe('What a few examples took, measured.'),
  })
  .openapi('VariantPlan');

export const componentDefinitionSchema = z
  .object({
    name: z.string(),
    summary: z.string(),
    options: z.record(z.string(), z.unknown()).describe('JSON Schema of the options.'),
  })
  .openapi('ComponentDefinition');

export const catalogSchema = z
  .object({
    dataset: z.array(componentDefinitionSchema),
    engine: z.array(componentDefinitionSchema),
    method: z.array(componentDefinitionSchema),
    metric: z.array(componentDefinitionSchema),
    retriever: z.array(componentDefinitionSchema),
    'cross-encoder': z.array(componentDefinitionSchema),
    nli: z.array(componentDefinitionSchema),
    index: z.array(componentDefinitionSchema),
    sampling: z.record(z.string(), z.unknown()).describe('JSON Schema of the sampling settings.'),
    examples: z.array(z.object({ name: z.string(), source: z.string() })).describe('Experiment files to start from.'),
  })
  .openapi('Catalog');

export const validationSchema = z
  .object({
    ok: z.boolean(),
    error: z.object({ message: z.string(), line: z.number().nullable().describe('1-based.') }).nullable(),
    name: z.string().nullable(),
    variants: z.array(z.string()),
    configHash: z.string().nullable(),
  })
  .openapi('Validation');

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

export const corpusSchema = z
  .object({
    file: z.string().describe('Path of the corpus file, as an experiment names it.'),
    name: z.string(),
    description: z.string(),
    error: z.string().nullable().describe('What is wrong with the file.'),
    sources: z.array(z.string()),
    chunkTokens: z.number().nullable(),
    overlapTokens: z.number().nullable(),
    embedder: z.string().describe('Its model, or its name.'),
    index: z.string(),
    state: z
      .enum(['broken', 'not-ingested', 'ingesting', 'ingested'])
      .describe(
        '`ingested`: there is a finished index; it may be older than its sources, which a run or an ingestion mends.',
      ),
    progress: z.object({ message: z.string(), done: z.number(), total: z.number() }).nullable(),
    lastError: z.string().nullable().describe('Why the last ingestion from here failed.'),
    documents: z.number().nullable(),
    chunks: z.number().nullable(),
    dimension: z.number().nullable(),
    finishedAt: z.number().nullable().describe('ms since the epoch.'),
  })
  .openapi('Corpus');

export const passageSchema = z
  .object({
    id: z.string(),
    documentId: z.string(),
    title: z.string(),
    url: z.string(),
    text: z.string(),
    score: z.number(),
    stages: z.record(z.string(), z.number()).describe('The score of every stage that saw it.'),
  })
  .openapi('Passage');

export const retrievalSchema = z
  .object({
    label: z.string(),
    passages: z.array(passageSchema),
    tookMs: z.number(),
    error: z.string().nullable(),
  })
  .openapi('Retrieval');

export const facetsSchema = z
  .object({
    methods: z.array(z.string()),
    engines: z.array(z.string()),
    models: z.array(z.string()),
    datasets: z.array(z.string()),
  })
  .openapi('Facets');

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string().describe('What is wrong and what to do, in one line.'),
    field: z.string().optional().describe('The parameter or key that is wrong.'),
    allowed: z.array(z.string()).optional(),
  })
  .openapi('Problem');

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

export type Estimate = z.infer<typeof estimateSchema>;
export type Histogram = z.infer<typeof histogramSchema>;
export type RunSummary = z.infer<typeof runSummarySchema>;
export type VariantSpec = z.infer<typeof variantSpecSchema>;
export type Run = z.infer<typeof runSchema>;
export type RunStatus = z.infer<typeof runStatusSchema>;
export type Experiment = z.infer<typeof experimentSchema>;
export type ExperimentState = z.infer<typeof experimentStateSchema>;
export type ExperimentDetail = z.infer<typeof experimentDetailSchema>;
export type Comparison = z.infer<typeof comparisonSchema>;
export type LatencyComparison = z.infer<typeof latencyComparisonSchema>;
export type ComparedRuns = z.infer<typeof comparedRunsSchema>;
export type TableRow = z.infer<typeof tableRowSchema>;
export type Call = z.infer<typeof callSchema>;
export type Result = z.infer<typeof resultSchema>;
export type VariantPlan = z.infer<typeof variantPlanSchema>;
export type ComponentDefinition = z.infer<typeof componentDefinitionSchema>;
export type Catalog = z.infer<typeof catalogSchema>;
export type Validation = z.infer<typeof validationSchema>;
export type Overview = z.infer<typeof overviewSchema>;
export type Corpus = z.infer<typeof corpusSchema>;
export type Passage = z.infer<typeof passageSchema>;
export type Retrieval = z.infer<typeof retrievalSchema>;
export type Facets = z.infer<typeof facetsSchema>;
export type Problem = z.infer<typeof problemSchema>;
export type ProgressEvent = z.infer<typeof progressEventSchema>;
export type ExamplesEvent = z.infer<typeof examplesEventSchema>;
