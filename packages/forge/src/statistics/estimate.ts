import { normalQuantile, studentQuantile } from './distributions.ts';

/** A figure with its interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Independent observations: examples, or clusters where they are clustered. */
  readonly n: number;
  /** Coverage of the interval: 0.95, or less where so few values cannot reach it (`order-statistics`). */
  readonly level: number;
  readonly method:
    | 'wilson'
    | 't'
    | 'clustered-t'
    | 'bonett-price'
    | 'bootstrap'
    | 'order-statistics'
    /** Holds at every moment, whenever one stops. */
    | 'hedged-capital';
}

/** The arithmetic mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** Standard error of a mean: sqrt(sum (s - mean)^2 / (n (n - 1))). NaN under two values. */
export function standardError(values: ArrayLike<number>): number {
  const center = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += ((values[i] as number) - center) ** 2;
  return Math.sqrt(squares / (values.length * (values.length - 1)));
}

/**
 * Clustered standard error of a mean with the CR1 correction: (1/n) sqrt(C/(C-1) sum_c (sum_{i in c} (s_i - mean))^2)
 * (Miller 2024, https://arxiv.org/abs/2411.00640). `clusters[i]` names the cluster of value i.
 */
export function clusteredStandardError(
  values: ArrayLike<number>,
  clusters: readonly unknown[],
): { error: number; count: number } {
  const center = mean(values);
  const sums = new Map<unknown, number>();
  for (let i = 0; i < values.length; i++)
    sums.set(clusters[i], (sums.get(clusters[i]) ?? 0) + (values[i] as number) - center);
  let squares = 0;
  for (const sum of sums.values()) squares += sum * sum;
  const count = sums.size;
  return { error: Math.sqrt((count / (count - 1)) * squares) / values.length, count };
}

/** Keys for clustered errors: an example that names no cluster is one by itself. null where none names a cluster. */
export function clusterKeys(clusters: readonly (string | null)[]): readonly (string | number)[] | null {
  return clusters.some((cluster) => cluster !== null) ? clusters.map((cluster, i) => cluster ?? i) : null;
}

const around = (value: number, error: number, df: number, level: number) => {
  const half = error * -studentQuantile((1 - level) / 2, df);
  return { value, low: value - half, high: value + half };
};

/** Mean with a t interval, df = n - 1. The interval is the value itself where nothing varies or there is only one value. */
export function meanEstimate(values: ArrayLike<number>, level = 0.95): Estimate {
  const n = values.length;
  const value = n === 0 ? 0 : mean(values);
  if (n < 2) return { value, low: value, high: value, n, level, method: 't' };
  return { ...around(value, standardError(values), n - 1, level), n, level, method: 't' };
}

/** Mean with a clustered t interval, df = C - 1. n is the number of clusters. */
export function clusteredMeanEstimate(values: ArrayLike<number>, clusters: readonly unknown[], level = 0.95): Estimate {
  const value = values.length === 0 ? 0 : mean(values);
  const { error, count } = clusteredStandardError(values, clusters);
  if (count < 2) return { value, low: value, high: value, n: count, level, method: 'clustered-t' };
  return { ...around(value, error, count - 1, level), n: count, level, method: 'clustered-t' };
}

/** Proportion of `successes` in n with Wilson's score interval (1927). 0 to 1 where n is 0: nothing is known. */
export function wilsonEstimate(successes: number, n: number, level = 0.95): Estimate {
  if (n === 0) return { value: 0, low: 0, high: 1, n, level, method: 'wilson' };
  const z = -normalQuantile((1 - level) / 2);
  const p = successes / n;
  const denominator = 1 + z ** 2 / n;
  const center = (p + z ** 2 / (2 * n)) / denominator;
  const half = (z / denominator) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const low = successes === 0 ? 0 : center - half;
  const high = successes === n ? 1 : center + half;
  return { value: p, low, high, n, level, method: 'wilson' };
}

/** A spread under this is rounding, not variation. */
export const roundingError = 1e-12;

/** Under this many clusters the clustered interval is too narrow (Cameron, Gelbach & Miller 2008). */
export const fewClusters = 40;
