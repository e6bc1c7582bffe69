import type { MatrixCell } from './benchmark-report.ts';
import { type CellRows, type ExampleIndex, isBinary, pairedScores, type RepetitionRows } from './benchmark-rows.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { clusterKeys, type Estimate, mean, meanEstimate } from './statistics/estimate.ts';
import { quantile, quantileEstimate } from './statistics/quantile.ts';
import { estimateScores } from './summarize-run.ts';

type Pricing = NonNullable<BenchmarkSpec['pricing']>;

/** A cell with what its report keeps to itself: what a speed-up is made of. */
export interface CellFigures extends Omit<MatrixCell, 'equivalence'> {
  readonly inside: {
    readonly rightPerSecond: number;
    readonly completionTokensPerExample: number;
    /** Busy time of the engine; null where it cannot tell. */
    readonly engineMsPerExample: number | null;
    /** Share of the wall time in which the engine was busy; null where it cannot tell. */
    readonly engineBusyShare: number | null;
  };
}

/** From this share on what a cell measured is the response cache, not the engine: its latency and cost hold for repeated requests only. */
const mostlyCached = 0.5;
/** True where answers mostly came from the response cache: no inference was measured. */
export const isReplay = ({ responseHitRate }: CellFigures) => responseHitRate >= mostlyCached;

const sum = (rows: readonly RepetitionRows[], of: (one: RepetitionRows) => number) =>
  rows.reduce((total, one) => total + of(one), 0);
const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0);

/** A t interval may reach beyond what the figure can be. */
export function within(estimate: Estimate, least: number, most: number): Estimate {
  return { ...estimate, low: Math.max(least, estimate.low), high: Math.min(most, estimate.high) };
}

/** Repetitions whose wall time is known; all where none is, and the report says so. */
export function timedRepetitions({ repetitions }: CellRows): readonly RepetitionRows[] {
  const timed = repetitions.filter((one) => !one.interrupted);
  return timed.length === 0 ? repetitions : timed;
}

const answeredPerSecond = (one: RepetitionRows) => share(1000 * (one.n - one.failed), one.wallMs);

/**
 * The median of what repetitions of one example took is not independent evidence: the pooled values are thinned to as many order
 * statistics as there are examples before the interval is drawn from them.
 */
function latencyEstimate(pooled: Float64Array, examples: number, p: number): Estimate {
  const thinned = Float64Array.from({ length: examples }, (_, i) => quantile(pooled, (i + 0.5) / examples));
  return { ...quantileEstimate(thinned, p), value: quantile(pooled, p) };
}

function latencies({ repetitions }: CellRows): { pooled: Float64Array; examples: number } {
  const seen = new Set<number>();
  const values = repetitions.flatMap((one) =>
    [...one.latencies].filter((value, place) => {
      if (Number.isNaN(value)) return false;
      seen.add(place);
      return true;
    }),
  );
  return { pooled: Float64Array.from(values).sort(), examples: seen.size };
}

/**
 * Speed over the baseline's: the geometric mean of the ratios of the repetitions that both have, with a t interval on the log scale
 * (a machine that is slower for a while is so for both). null without such a repetition.
 */
function speedUp(cell: CellRows, baseline: CellRows): Estimate | null {
  const before = new Map(timedRepetitions(baseline).map((one) => [one.repetition, answeredPerSecond(one)]));
  const logs = timedRepetitions(cell).flatMap((one) => {
    const ratio = answeredPerSecond(one) / (before.get(one.repetition) ?? Number.NaN);
    return ratio > 0 && Number.isFinite(ratio) ? [Math.log(ratio)] : [];
  });
  if (logs.length === 0) return null;
  const { value, low, high, ...rest } = meanEstimate(logs);
  return { ...rest, value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) };
}

/** US dollars of a repetition: a machine is rented by wall time, tokens are paid once (not again from the response cache). */
export function costOf(one: RepetitionRows, pricing: Pricing): number {
  const tokens = one.livePromptTokens * pricing.inputPerMillion + one.liveCompletionTokens * pricing.outputPerMillion;
  return tokens / 1e6 + (one.wallMs / 3.6e6) * pricing.computePerHour;
}

function costs(timed: readonly RepetitionRows[], pricing: Pricing | null) {
  if (pricing === null) return { costPerThousand: null, costPerCorrect: null };
  const total = sum(timed, (one) => costOf(one, pricing));
  const right = sum(timed, (one) => one.score);
  return {
    costPerThousand:
      1000 *
      share(
        total,
        sum(timed, (one) => one.n),
      ),
    costPerCorrect: right > 0 ? total / right : null,
  };
}

const known = (values: readonly (number | null | undefined)[]) => values.filter((value) => value != null);

function engineTime(timed: readonly RepetitionRows[]) {
  const computeMs = sum(timed, (one) => one.computeMs);
  if (computeMs === 0) return { engineMsPerExample: null, engineBusyShare: null };
  return {
    engineMsPerExample: share(
      computeMs,
      sum(timed, (one) => one.n),
    ),
    engineBusyShare: share(
      computeMs,
      sum(timed, (one) => one.wallMs),
    ),
  };
}

/** The figures of one cell; `baseline` is null for the baseline itself and where there is none. */
export function cellFigures(
  cell: CellRows,
  baseline: CellRows | null,
  pricing: Pricing | null,
  index: ExampleIndex,
): CellFigures {
  const { method, optimisation, repetitions } = cell;
  const paired = pairedScores(cell, index, '');
  const examples = [...paired.scores.values()];
  const scores = Float64Array.from(examples, ({ score }) => score);
  const accuracy = estimateScores(scores, clusterKeys(examples.map(({ cluster }) => cluster)), isBinary(paired));
  const timed = timedRepetitions(cell);
  const latency = latencies(cell);
  const quantileOf = (p: number) =>
    latency.examples === 0 ? null : latencyEstimate(latency.pooled, latency.examples, p);
  const rate = (of: (one: RepetitionRows) => number) =>
    within(meanEstimate(timed.map(of)), 0, Number.POSITIVE_INFINITY);
  const n = sum(repetitions, (one) => one.n);
  const peaks = known(repetitions.map(({ use }) => use?.peakMemoryBytes));
  const joules = known(
    repetitions.map(({ use, n: rows }) => (use?.energyJoules == null ? null : use.energyJoules / rows)),
  );
  return {
    method,
    optimisation,
    runIds: repetitions.map(({ run }) => run.id),
    n: examples.length,
    failed: sum(repetitions, (one) => one.failed),
    accuracy: within(accuracy, 0, 1),
    latencyP50Ms: quantileOf(0.5),
    latencyP95Ms: quantileOf(0.95),
    examplesPerSecond: rate(answeredPerSecond),
    completionTokensPerSecond: rate((one) => share(1000 * one.liveCompletionTokens, one.wallMs)),
    speedUp: baseline === null ? null : speedUp(cell, baseline),
    promptTokensPerExample: share(
      sum(repetitions, (one) => one.promptTokens),
      n,
    ),
    cachedPromptShare: share(
      sum(repetitions, (one) => one.liveCachedPromptTokens),
      sum(repetitions, (one) => one.livePromptTokens),
    ),
    responseHitRate: share(
      sum(repetitions, (one) => one.cachedCalls),
      sum(repetitions, (one) => one.calls),
    ),
    peakMemoryBytes: peaks.length === 0 ? null : Math.max(...peaks),
    joulesPerExample: joules.length === 0 ? null : mean(joules),
    ...costs(timed, pricing),
    inside: {
      rightPerSecond: mean(timed.map((one) => share(1000 * one.score, one.wallMs))),
      completionTokensPerExample: share(
        sum(repetitions, (one) => one.completionTokens),
        n,
      ),
      ...engineTime(timed),
    },
  };
}
