import {
  clusteredMeanEstimate,
  clusteredStandardError,
  clusterKeys,
  type Estimate,
  mean,
  meanEstimate,
  roundingError,
  standardError,
} from './statistics/estimate.ts';
import { pairedProportionDifference, smoothedDifference } from './statistics/paired-proportions.ts';

/** The scores of one variant by example id; repeats were averaged within the question before. */
export interface PairedInput {
  readonly label: string;
  readonly scores: ReadonlyMap<string, { readonly score: number; readonly cluster: string | null }>;
}

/** Two variants on the examples that both have, in the baseline's order. */
export interface Pairs {
  readonly ids: readonly string[];
  readonly baseline: Float64Array;
  readonly candidate: Float64Array;
  /** Candidate minus baseline. */
  readonly differences: Float64Array;
  /** null where no example names a cluster; a number where this one names none. */
  readonly clusters: readonly (string | number)[] | null;
  readonly unmatched: { baseline: number; candidate: number };
}

/** Pairs scores by example id; what only one side has is counted. */
export function alignPairs(baseline: PairedInput, candidate: PairedInput): Pairs {
  const ids = [...baseline.scores.keys()].filter((id) => candidate.scores.has(id));
  const scoresOf = (input: PairedInput) => Float64Array.from(ids, (id) => input.scores.get(id)?.score ?? 0);
  const [a, b] = [scoresOf(baseline), scoresOf(candidate)];
  return {
    ids,
    baseline: a,
    candidate: b,
    differences: b.map((score, i) => score - (a[i] as number)),
    clusters: clusterKeys(ids.map((id) => baseline.scores.get(id)?.cluster ?? null)),
    unmatched: { baseline: baseline.scores.size - ids.length, candidate: candidate.scores.size - ids.length },
  };
}

/** What the difference's interval, the equivalence test and the needed n rest on. */
export interface Spread {
  readonly difference: Estimate;
  /** Of the difference; null where a single observation tells nothing about it. */
  readonly error: number | null;
  readonly center: number;
  /** Of the t distribution; Infinity for the normal one. */
  readonly df: number;
}

/**
 * Clustered where examples are; Bonett and Price for 0/1 scores and wherever all pairs agree, because a standard error of 0 would
 * claim certainty from however few pairs (clusters that show no variation count as one pair each); else t. `level`: of the interval.
 */
export function spreadOf({ differences, clusters }: Pairs, binary: boolean, level = 0.95): Spread {
  const n = differences.length;
  const center = n === 0 ? 0 : mean(differences);
  const clustered = clusters === null ? null : clusteredStandardError(differences, clusters);
  if (clusters !== null && clustered !== null && clustered.count > 1 && clustered.error > roundingError) {
    const difference = clusteredMeanEstimate(differences, clusters, level);
    return { difference, error: clustered.error, center, df: clustered.count - 1 };
  }
  const units = clustered?.count ?? n;
  if (binary || differences.every((value) => value === 0)) {
    const share = n === 0 ? 0 : units / n;
    const count = (sign: 1 | -1) =>
      share * differences.reduce((sum, one) => sum + (Math.sign(one) === sign ? 1 : 0), 0);
    const [gained, lost] = [count(1), count(-1)];
    const difference = pairedProportionDifference(gained, lost, units, level);
    return { difference, ...smoothedDifference(gained, lost, units), df: Number.POSITIVE_INFINITY };
  }
  const difference =
    clusters === null ? meanEstimate(differences, level) : clusteredMeanEstimate(differences, clusters, level);
  const error = units < 2 ? null : (clustered?.error ?? standardError(differences));
  return { difference, error, center, df: units - 1 };
}
