import type { Claim, ClaimUnit } from './lib/parse-claim.ts';
import { alignPairs, type PairedInput, spreadOf } from './paired-difference.ts';
import { anytimeMeanEstimate } from './statistics/confidence-sequence.ts';
import { studentQuantile } from './statistics/distributions.ts';
import { clusteredStandardError, clusterKeys, type Estimate, standardError } from './statistics/estimate.ts';
import { neededN } from './statistics/power.ts';
import { ratioOfMeans } from './statistics/ratio.ts';
import { estimateScores } from './summarize-run.ts';

/** `inconclusive`: the interval has the bound in it; more examples may tell. */
export type ClaimVerdict = 'supported' | 'refuted' | 'inconclusive';

/** What the data say of a claim. JSON. */
export interface JudgedClaim {
  readonly claim: string;
  readonly verdict: ClaimVerdict;
  /** What the claim is about, at the level that the family leaves to each claim; null where there is too little to say. */
  readonly estimate: Estimate | null;
  readonly bound: number;
  /** In which claim and estimate are told; both are kept as parts of 1 where it is % or points. */
  readonly unit: ClaimUnit;
  /** Examples that it rests on. */
  readonly n: number;
  /** Examples that would settle it with 80 % power, were the estimate the truth; null where it is settled or nothing would. */
  readonly neededN: number | null;
}

/** Where runs may stop early: claims are about scores from 0 to 1, in the order of the sample. */
function measureAnytime(left: PairedInput, right: PairedInput | null, level: number): Measured {
  if (right === null) {
    const scores = [...left.scores.values()].map(({ score }) => score);
    return {
      estimate: scores.length === 0 ? null : anytimeMeanEstimate(scores, level),
      n: scores.length,
      variance: null,
    };
  }
  const { differences } = alignPairs(right, left);
  const n = differences.length;
  if (n === 0) return { estimate: null, n, variance: null };
  const { value, low, high, ...rest } = anytimeMeanEstimate(
    differences.map((one) => (one + 1) / 2),
    level,
  );
  return { estimate: { ...rest, value: 2 * value - 1, low: 2 * low - 1, high: 2 * high - 1 }, n, variance: null };
}

interface Measured {
  readonly estimate: Estimate | null;
  readonly n: number;
  /** Of a single example. */
  readonly variance: number | null;
}

const varianceOf = (error: number | null, n: number) => (error === null ? null : error ** 2 * n);

function measureMean(input: PairedInput, binary: boolean, level: number): Measured {
  const all = [...input.scores.values()];
  const scores = Float64Array.from(all, ({ score }) => score);
  const clusters = clusterKeys(all.map(({ cluster }) => cluster));
  const error = clusters === null ? standardError(scores) : clusteredStandardError(scores, clusters).error;
  const estimate = scores.length === 0 ? null : estimateScores(scores, clusters, binary, level);
  return { estimate, n: scores.length, variance: Number.isFinite(error) ? varianceOf(error, scores.length) : null };
}

function measure(claim: Claim, left: PairedInput, right: PairedInput | null, binary: boolean, level: number): Measured {
  if (right === null) return measureMean(left, binary, level);
  // Left minus right: the right one is the baseline.
  const pairs = alignPairs(right, left);
  const n = pairs.ids.length;
  if (n === 0) return { estimate: null, n, variance: null };
  if (claim.kind === 'ratio') {
    const estimate = ratioOfMeans(pairs.baseline, pairs.candidate, pairs.clusters, level);
    // Its interval is symmetric in the logarithm, so many standard errors wide on each side.
    const errors = -studentQuantile((1 - level) / 2, (estimate?.n ?? 2) - 1);
    const error = estimate === null ? null : Math.log(estimate.high / estimate.value) / errors;
    return { estimate, n, variance: varianceOf(error, n) };
  }
  const { difference, error } = spreadOf(pairs, binary, level);
  return { estimate: difference, n, variance: varianceOf(error, n) };
}

function verdictOf({ kind, comparator, bound }: Claim, { low, high }: Estimate): ClaimVerdict {
  if (kind === 'within') {
    if (low > -bound && high < bound) return 'supported';
    return low >= bound || high <= -bound ? 'refuted' : 'inconclusive';
  }
  if (comparator === '>') return low > bound ? 'supported' : high <= bound ? 'refuted' : 'inconclusive';
  return high < bound ? 'supported' : low >= bound ? 'refuted' : 'inconclusive';
}

/** How far the estimate is from the bound that it has to clear; on the scale on which its variance is. */
function distanceOf({ kind, bound }: Claim, { value }: Estimate): number {
  if (kind === 'within') return Math.abs(bound - Math.abs(value));
  return kind === 'ratio' ? Math.abs(Math.log(value / bound)) : Math.abs(value - bound);
}

/**
 * Holds a claim against scores, on the examples that both variants have. Supported where the whole interval is on the claim's side of its
 * bound, refuted where the whole interval is on the other: each is wrong in at most half of 1 - `level` of all cases where the truth
 * is at the bound. `anytime`: however early the runs were stopped; scores are then in the order of the sample, and from 0 to 1.
 */
export function judgeClaim(
  claim: Claim,
  inputs: {
    readonly left: PairedInput;
    readonly right: PairedInput | null;
    readonly binary: boolean;
    readonly anytime: boolean;
  },
  level: number,
): JudgedClaim {
  const { left, right, binary, anytime } = inputs;
  const { estimate, n, variance } = anytime
    ? measureAnytime(left, right, level)
    : measure(claim, left, right, binary, level);
  const verdict = estimate === null ? 'inconclusive' : verdictOf(claim, estimate);
  const distance = estimate === null ? 0 : distanceOf(claim, estimate);
  const open = verdict === 'inconclusive' && variance !== null && variance > 0 && distance > 0;
  const needed = open ? neededN(distance, { varianceOfDifference: variance, alpha: 1 - level }) : null;
  return { claim: claim.text, verdict, estimate, bound: claim.bound, unit: claim.unit, n, neededN: needed };
}
