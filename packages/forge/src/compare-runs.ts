import type { MetricDescription } from './metric.ts';
import { alignPairs, type PairedInput, type Pairs, spreadOf } from './paired-difference.ts';
import { anytimeMeanEstimate } from './statistics/confidence-sequence.ts';
import { equivalenceTest } from './statistics/equivalence.ts';
import { clusteredMeanEstimate, type Estimate, fewClusters, meanEstimate } from './statistics/estimate.ts';
import { holm } from './statistics/families.ts';
import { mcNemar } from './statistics/mcnemar.ts';
import { detectableEffect, neededN } from './statistics/power.ts';
import { ratioOfMeans } from './statistics/ratio.ts';
import { bootstrapMean, signFlipTest } from './statistics/resampling.ts';
import { judgeSequence, sequenceAlpha } from './statistics/sequential-difference.ts';
import { estimateScores } from './summarize-run.ts';

/** `higher`, `lower`: a difference on a metric of which neither is better. */
export type Verdict = 'better' | 'worse' | 'higher' | 'lower' | 'tied' | 'underpowered';

export interface Flips {
  readonly count: number;
  /** The first ones, in the baseline's order. */
  readonly ids: readonly string[];
}

/** One candidate against the baseline, paired by example. JSON. */
export interface Comparison {
  readonly metric: string;
  /** What the scores count; unset: shares of 1. */
  readonly unit?: NonNullable<MetricDescription['unit']>;
  readonly baseline: string;
  readonly candidate: string;
  /** Examples in both runs: what everything below is about. */
  readonly pairs: number;
  /** Examples in one run only: left out, and said so. */
  readonly unmatched: { readonly baseline: number; readonly candidate: number };
  readonly baselineMean: Estimate;
  readonly candidateMean: Estimate;
  /** Candidate minus baseline. */
  readonly difference: Estimate;
  readonly test: { readonly name: string; readonly pValue: number; readonly adjustedPValue: number };
  /** p-value of equivalence within the minimum effect (TOST). */
  readonly equivalencePValue: number;
  readonly flips: { readonly gained: Flips; readonly lost: Flips };
  readonly verdict: Verdict;
  /** The smallest difference that matters: what the verdict was asked for. */
  readonly minimumEffect: number;
  /** Examples needed to find the minimum effect with 80 % power at the observed variance; null where nothing varies. */
  readonly neededN: number | null;
  /** What this many examples find with 80 % power; null where nothing varies. */
  readonly detectableEffect: number | null;
  readonly warnings: readonly string[];
  /** Where the experiment may stop early. */
  readonly stop?: StopOutcome;
}

/** How a comparison that might stop early has ended. JSON. */
export interface StopOutcome {
  /**
   * Examples after which it was settled: figures, p-values and verdict are then those that hold whenever one stops. null where all
   * examples left it open: they are the ordinary ones of `most` examples. Either way at what was left for it of alpha.
   */
  readonly settledAfter: number | null;
  /** Examples that there would have been. */
  readonly most: number;
}

/** How comparisons might have stopped early. */
export interface StopPlan {
  readonly atLeast: number;
  /** Examples that there are at most. */
  readonly most: number;
  /** Comparisons that share alpha. */
  readonly comparisons: number;
}

export interface CompareOptions {
  readonly metric: MetricDescription;
  readonly alpha?: number;
  /** Smallest difference that matters, in the metric's unit. */
  readonly minimumEffect?: number;
  readonly seed?: number | string;
  readonly resamples?: number;
  /** Set where the experiment may stop early: scores are then in the order of the sample. */
  readonly stop?: StopPlan;
}

const maxFlipIds = 1000;

function flipsOf(pairs: Pairs, sign: 1 | -1): Flips {
  const ids = pairs.ids.filter((_, i) => Math.sign(pairs.differences[i] as number) === sign);
  return { count: ids.length, ids: ids.slice(0, maxFlipIds) };
}

function significance(
  pairs: Pairs,
  flips: Comparison['flips'],
  options: CompareOptions,
): { name: string; pValue: number } {
  if (options.metric.binary && pairs.clusters === null) {
    return { name: 'McNemar mid-p', pValue: mcNemar(flips.gained.count, flips.lost.count).midP };
  }
  const { seed = 0, resamples = 10_000 } = options;
  const clusters = pairs.clusters === null ? {} : { clusters: pairs.clusters };
  return { name: 'sign-flip permutation', pValue: signFlipTest(pairs.differences, { ...clusters, seed, resamples }) };
}

/** `exact`: the interval holds for however few pairs. */
function warningsOf({ ids, clusters, differences }: Pairs, exact = false): string[] {
  const warnings: string[] = [];
  if (ids.length < 30 && !exact) warnings.push(`only ${ids.length} pairs: intervals are rough`);
  const count = clusters === null ? null : new Set(clusters).size;
  if (count === 1) warnings.push('all pairs are in one cluster: it tells nothing about others');
  else if (count !== null && count < fewClusters)
    warnings.push(`only ${count} clusters: clustered intervals are too narrow under ${fewClusters}`);
  if (ids.length > 0 && differences.every((value) => value === 0))
    warnings.push('every pair has the same score on both sides');
  return warnings;
}

function verdictOf(comparison: Omit<Comparison, 'verdict'>, adjusted: number, options: CompareOptions): Verdict {
  const { alpha = 0.05, metric } = options;
  const { value } = comparison.difference;
  if (adjusted >= alpha || value === 0) return comparison.equivalencePValue < alpha ? 'tied' : 'underpowered';
  if (metric.better === 'neutral') return value > 0 ? 'higher' : 'lower';
  return value > 0 === (metric.better !== 'lower') ? 'better' : 'worse';
}

function compareOne(
  baseline: PairedInput,
  candidate: PairedInput,
  options: CompareOptions,
  pairs: Pairs = alignPairs(baseline, candidate),
): Omit<Comparison, 'verdict'> {
  const { alpha = 0.05, minimumEffect = 0.05, metric } = options;
  const { clusters } = pairs;
  const n = pairs.ids.length;
  const flips = { gained: flipsOf(pairs, 1), lost: flipsOf(pairs, -1) };
  const { difference, error, center, df } = spreadOf(pairs, metric.binary);
  // The variance that n independent examples would need for this standard error: clusters cost their design effect.
  const variance = (error ?? 0) ** 2 * n;
  const varies = variance > 0;
  const test = significance(pairs, flips, options);
  return {
    metric: metric.name,
    ...(metric.unit === undefined ? {} : { unit: metric.unit }),
    baseline: baseline.label,
    candidate: candidate.label,
    pairs: n,
    unmatched: pairs.unmatched,
    baselineMean: estimateScores(pairs.baseline, clusters, metric.binary),
    candidateMean: estimateScores(pairs.candidate, clusters, metric.binary),
    difference,
    test: { ...test, adjustedPValue: test.pValue },
    equivalencePValue: error === null ? 1 : equivalenceTest(center, error, df, minimumEffect),
    flips,
    minimumEffect,
    neededN: varies ? neededN(minimumEffect, { varianceOfDifference: variance, alpha }) : null,
    detectableEffect: varies ? detectableEffect({ n, varianceOfDifference: variance, alpha }) : null,
    warnings: warningsOf(pairs),
  };
}

/** One that might have stopped early: by what holds at every moment where that settled it, else by the ordinary test at half of alpha. */
function compareStopping(
  baseline: PairedInput,
  candidate: PairedInput,
  options: CompareOptions,
  { most, ...stop }: StopPlan,
): Comparison {
  const { alpha = 0.05, minimumEffect = 0.05, metric } = options;
  const pairs = alignPairs(baseline, candidate);
  const share = sequenceAlpha(alpha, stop.comparisons);
  const corrected = (pValue: number) => Math.min(1, (pValue * alpha) / share);
  // Half of alpha for each way to err: together the intervals of a family cover with 1 - alpha.
  const level = 1 - alpha;
  const alone = compareOne(baseline, candidate, options, pairs);
  const found = judgeSequence(pairs.differences, { alpha: share, margin: minimumEffect, atLeast: stop.atLeast });
  if (found === null) {
    const adjustedPValue = corrected(alone.test.pValue);
    const atEnd = {
      ...alone,
      difference: { ...spreadOf(pairs, metric.binary, 1 - share).difference, level },
      test: { ...alone.test, adjustedPValue },
      equivalencePValue: corrected(alone.equivalencePValue),
      stop: { settledAfter: null, most },
    };
    return { ...atEnd, verdict: verdictOf(atEnd, adjustedPValue, options) };
  }
  const isBetter = (found.settled === 'above') === (metric.better !== 'lower');
  return {
    ...alone,
    baselineMean: anytimeMeanEstimate(pairs.baseline, level),
    candidateMean: anytimeMeanEstimate(pairs.candidate, level),
    difference: { ...alone.difference, ...found.interval, level, method: 'hedged-capital' },
    test: {
      name: 'hedged capital',
      pValue: found.pValues.difference,
      adjustedPValue: corrected(found.pValues.difference),
    },
    equivalencePValue: corrected(found.pValues.equivalence),
    verdict: found.settled === 'within' ? 'tied' : isBetter ? 'better' : 'worse',
    neededN: null,
    detectableEffect: null,
    warnings: [
      ...warningsOf(pairs, true),
      ...(pairs.ids.length < most
        ? [
            'the scores said when to stop: intervals of latency and tokens are those of an n fixed beforehand, and approximate',
          ]
        : []),
    ],
    stop: { settledAfter: found.after, most },
  };
}

/**
 * Compares candidates with a baseline on one metric, paired by example id. Significance: McNemar's mid-p test for 0/1 scores
 * without clusters, else a sign-flip permutation test over clusters; Holm's correction over the candidates. Verdict: `better` or
 * `worse` (`higher` or `lower` where neither is better) where the corrected p < alpha, `tied` where the difference is shown to lie within the minimum effect (TOST), else
 * `underpowered`: the data cannot tell. Those that might stop early (`stop`) share alpha by Bonferroni instead.
 */
export function compareRuns(
  baseline: PairedInput,
  candidates: readonly PairedInput[],
  options: CompareOptions,
): Comparison[] {
  const { stop } = options;
  if (stop !== undefined) return candidates.map((candidate) => compareStopping(baseline, candidate, options, stop));
  const alone = candidates.map((candidate) => compareOne(baseline, candidate, options));
  const adjusted = holm(alone.map((comparison) => comparison.test.pValue));
  return alone.map((comparison, i) => {
    const adjustedPValue = adjusted[i] ?? comparison.test.pValue;
    const verdict = verdictOf(comparison, adjustedPValue, options);
    return { ...comparison, test: { ...comparison.test, adjustedPValue }, verdict };
  });
}

export interface LatencyComparison {
  readonly baseline: string;
  readonly candidate: string;
  readonly pairs: number;
  /** Candidate minus baseline, ms per example. */
  readonly difference: Estimate;
}

export interface TokenComparison {
  readonly baseline: string;
  readonly candidate: string;
  readonly pairs: number;
  /** Prompt and completion tokens per example, candidate over baseline; null where one of them used none. */
  readonly ratio: Estimate | null;
}

/** Ratios of tokens per example. `scores` are tokens; failed examples count with what they had used. */
export function compareTokens(baseline: PairedInput, candidates: readonly PairedInput[]): TokenComparison[] {
  return candidates.map((candidate) => {
    const pairs = alignPairs(baseline, candidate);
    const ratio = ratioOfMeans(pairs.baseline, pairs.candidate, pairs.clusters);
    return { baseline: baseline.label, candidate: candidate.label, pairs: pairs.ids.length, ratio };
  });
}

/** Above this many observations the bootstrap only repeats the t interval (both are first-order accurate) at a thousand times the cost. */
const maxBootstrapped = 1000;

/** Differences of latency per example with a bootstrap interval, t where there are many. `scores` are ms. */
export function compareLatency(
  baseline: PairedInput,
  candidates: readonly PairedInput[],
  options: { readonly seed?: number | string; readonly resamples?: number } = {},
): LatencyComparison[] {
  return candidates.map((candidate) => {
    const { differences, clusters, ids } = alignPairs(baseline, candidate);
    const many = (clusters === null ? ids.length : new Set(clusters).size) > maxBootstrapped;
    const byMean = () => (clusters === null ? meanEstimate(differences) : clusteredMeanEstimate(differences, clusters));
    const difference = many
      ? byMean()
      : bootstrapMean(differences, { ...options, ...(clusters === null ? {} : { clusters }) });
    return { baseline: baseline.label, candidate: candidate.label, pairs: ids.length, difference };
  });
}
