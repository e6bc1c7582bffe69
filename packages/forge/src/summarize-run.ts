import { numberList } from './lib/number-list.ts';
import { inSampleOrder } from './lib/sample-examples.ts';
import type { MetricDescription, ScoreUnit } from './metric.ts';
import { anytimeMeanEstimate } from './statistics/confidence-sequence.ts';
import {
  clusteredMeanEstimate,
  clusterKeys,
  type Estimate,
  meanEstimate,
  roundingError,
  wilsonEstimate,
} from './statistics/estimate.ts';
import { type Histogram, histogram } from './statistics/histogram.ts';
import { quantileEstimate } from './statistics/quantile.ts';
import type { ScoredRow } from './store.ts';
import { type ToolFigures, toolCounter } from './tool-figures.ts';

/** A metric's mean. Without a unit it is a share of 1. */
interface ScoreEstimate extends Estimate {
  readonly unit?: ScoreUnit;
}

/** The figures of one run. JSON. Failed examples count as 0 on every metric and are left out of the latencies. */
export interface RunSummary {
  readonly n: number;
  readonly failed: { readonly total: number; readonly byKind: Readonly<Record<string, number>> };
  readonly flags: Readonly<Record<string, number>>;
  /** What agents did with their tools; null where none was at work. */
  readonly tools: ToolFigures | null;
  readonly metrics: Readonly<Record<string, ScoreEstimate>>;
  /** null where no example was answered. */
  readonly latencyMs: {
    readonly p50: Estimate;
    readonly p95: Estimate;
    readonly p99: Estimate;
    readonly mean: Estimate;
    readonly histogram: Histogram;
  } | null;
  /** Over the run's wall time; of what was measured live, not of answers from the cache. */
  readonly throughput: { readonly examplesPerSecond: number; readonly completionTokensPerSecond: number };
  readonly tokens: {
    readonly prompt: number;
    readonly cachedPrompt: number;
    readonly completion: number;
    readonly promptPerExample: number;
    readonly cachedPromptPerExample: number;
    readonly completionPerExample: number;
    /** Prompt and completion tokens of the run for each right example of the first metric; null where there is none. */
    readonly perCorrect: number | null;
  };
  /** Of the engine; 0 where it cannot tell. perCorrect: per right example of the first metric, null where there is none. */
  readonly computeSeconds: { readonly total: number; readonly perCorrect: number | null };
  /** US dollars; null without pricing. */
  readonly cost: { readonly total: number | null; readonly perCorrect: number | null };
  readonly calls: number;
  readonly cachedCalls: number;
  readonly retries: number;
  /** Examples none of whose calls came from the cache. */
  readonly liveExamples: number;
  readonly wallMs: number;
}

export interface SummaryInfo {
  /** The first one decides what "correct" means: its scores are added up, where they are shares of 1. */
  readonly metrics: readonly MetricDescription[];
  readonly wallMs: number;
  readonly pricing?: {
    readonly inputPerMillion: number;
    readonly outputPerMillion: number;
    readonly computePerHour: number;
  };
  /** Where scores may have stopped the run before all `total` examples: intervals of shares of 1 then hold whenever one stops. */
  readonly stop?: { readonly total: number; readonly sampleSeed: string };
}

/**
 * An interval for a metric's mean: clustered where the examples are, Wilson's for 0/1 scores, else t. Clusters of 0/1 scores that show
 * no variation (all wrong, say) get Wilson's interval with the clusters as observations: a width of 0 would claim certainty.
 */
export function estimateScores(
  scores: Float64Array,
  clusters: readonly (string | number)[] | null,
  binary: boolean,
  level = 0.95,
): Estimate {
  const proportion = binary || scores.every((score) => score === 0 || score === 1);
  if (clusters === null) {
    if (!proportion) return meanEstimate(scores, level);
    const right = scores.reduce((sum, score) => sum + score, 0);
    return wilsonEstimate(right, scores.length, level);
  }
  const estimate = clusteredMeanEstimate(scores, clusters, level);
  if (!proportion) return estimate;
  if (estimate.high - estimate.low < roundingError)
    return wilsonEstimate(estimate.value * estimate.n, estimate.n, level);
  return { ...estimate, low: Math.max(0, estimate.low), high: Math.min(1, estimate.high) };
}

function latencyFigures(latencies: Float64Array): RunSummary['latencyMs'] {
  if (latencies.length === 0) return null;
  const mean = meanEstimate(latencies);
  const sorted = Float64Array.from(latencies).sort();
  return {
    p50: quantileEstimate(sorted, 0.5),
    p95: quantileEstimate(sorted, 0.95),
    p99: quantileEstimate(sorted, 0.99),
    mean,
    histogram: histogram(sorted),
  };
}

const increment = (counts: Record<string, number>, key: string) => {
  counts[key] = (counts[key] ?? 0) + 1;
};

function emptyTotals() {
  return {
    prompt: 0,
    cachedPrompt: 0,
    completion: 0,
    liveCompletion: 0,
    computeMs: 0,
    calls: 0,
    cachedCalls: 0,
    retries: 0,
    liveExamples: 0,
    failed: 0,
  };
}

function addRow(totals: ReturnType<typeof emptyTotals>, row: ScoredRow): void {
  totals.prompt += row.promptTokens;
  totals.cachedPrompt += row.cachedPromptTokens;
  totals.completion += row.completionTokens;
  totals.computeMs += row.computeMs;
  totals.calls += row.calls;
  totals.cachedCalls += row.cachedCalls;
  totals.retries += row.retries;
  if (row.failureKind !== null) totals.failed++;
  if (row.cachedCalls > 0) return;
  totals.liveExamples++;
  totals.liveCompletion += row.completionTokens;
}

/** US dollars. */
function costOf(totals: ReturnType<typeof emptyTotals>, pricing: SummaryInfo['pricing']): number | null {
  if (pricing === undefined) return null;
  const tokens = totals.prompt * pricing.inputPerMillion + totals.completion * pricing.outputPerMillion;
  return tokens / 1e6 + (totals.computeMs / 3.6e6) * pricing.computePerHour;
}

/** The places of rows in the order of their sample. */
const sampleOrderOf = (indices: readonly number[], seed: string) =>
  inSampleOrder([...indices.keys()], (place) => indices[place] as number, seed);

/** Streams a run's rows into its figures; 100,000 rows take a few megabytes. */
export async function summarizeRun(
  batches: AsyncIterable<readonly ScoredRow[]>,
  info: SummaryInfo,
): Promise<RunSummary> {
  const scores = info.metrics.map(numberList);
  const latencies = numberList();
  const clusters: (string | null)[] = [];
  const indices: number[] = [];
  const byKind: Record<string, number> = {};
  const flags: Record<string, number> = {};
  const totals = emptyTotals();
  const tools = toolCounter();
  for await (const rows of batches) {
    for (const row of rows) {
      for (const [i, { name }] of info.metrics.entries()) scores[i]?.push(row.scores[name] ?? 0);
      clusters.push(row.cluster);
      indices.push(row.index);
      addRow(totals, row);
      for (const flag of row.flags) increment(flags, flag);
      if (row.toolUse !== null) tools.add(row.toolUse);
      if (row.failureKind === null) latencies.push(row.latencyMs);
      else increment(byKind, row.failureKind);
    }
  }
  const n = clusters.length;
  const clustered = clusterKeys(clusters);
  const inOrder = info.stop !== undefined && n < info.stop.total ? sampleOrderOf(indices, info.stop.sampleSeed) : null;
  const metrics = Object.fromEntries(
    info.metrics.map(({ name, binary, unit }, i) => {
      const values = scores[i]?.values() ?? new Float64Array();
      if (unit === undefined && inOrder !== null)
        return [name, anytimeMeanEstimate(inOrder.map((place) => values[place] as number))];
      const estimate = estimateScores(values, clustered, binary);
      return [name, unit === undefined ? estimate : { ...estimate, unit }];
    }),
  );
  const countable = info.metrics[0]?.unit === undefined ? scores[0]?.values() : undefined;
  const correct = (countable ?? new Float64Array()).reduce((a, b) => a + b, 0);
  const perCorrect = (amount: number) => (correct > 0 ? amount / correct : null);
  const perExample = (amount: number) => (n === 0 ? 0 : amount / n);
  const cost = costOf(totals, info.pricing);
  const perSecond = (amount: number) => (info.wallMs > 0 ? (amount / info.wallMs) * 1000 : 0);
  return {
    n,
    failed: { total: totals.failed, byKind },
    flags,
    tools: tools.figures(),
    metrics,
    latencyMs: latencyFigures(latencies.values()),
    throughput: {
      examplesPerSecond: perSecond(totals.liveExamples),
      completionTokensPerSecond: perSecond(totals.liveCompletion),
    },
    tokens: {
      prompt: totals.prompt,
      cachedPrompt: totals.cachedPrompt,
      completion: totals.completion,
      promptPerExample: perExample(totals.prompt),
      cachedPromptPerExample: perExample(totals.cachedPrompt),
      completionPerExample: perExample(totals.completion),
      perCorrect: perCorrect(totals.prompt + totals.completion),
    },
    computeSeconds: { total: totals.computeMs / 1000, perCorrect: perCorrect(totals.computeMs / 1000) },
    cost: { total: cost, perCorrect: cost === null ? null : perCorrect(cost) },
    calls: totals.calls,
    cachedCalls: totals.cachedCalls,
    retries: totals.retries,
    liveExamples: totals.liveExamples,
    wallMs: info.wallMs,
  };
}
