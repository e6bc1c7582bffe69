import { createRandom, type Random } from '../lib/random.ts';
import type { Estimate } from './estimate.ts';
import { quantile } from './quantile.ts';

/** Sums and sizes by cluster; without clusters every value is one. */
function clusterSums(
  values: ArrayLike<number>,
  clusters?: readonly unknown[],
): { sums: Float64Array; sizes: Float64Array } {
  if (clusters === undefined)
    return { sums: Float64Array.from(values), sizes: new Float64Array(values.length).fill(1) };
  const byCluster = new Map<unknown, { sum: number; size: number }>();
  for (let i = 0; i < values.length; i++) {
    const entry = byCluster.get(clusters[i]) ?? { sum: 0, size: 0 };
    entry.sum += values[i] as number;
    entry.size++;
    byCluster.set(clusters[i], entry);
  }
  const entries = [...byCluster.values()];
  return { sums: Float64Array.from(entries, (e) => e.sum), sizes: Float64Array.from(entries, (e) => e.size) };
}

export interface ResamplingOptions {
  readonly clusters?: readonly unknown[];
  readonly resamples?: number;
  readonly seed?: number | string;
}

/**
 * Mean with a percentile bootstrap interval, resampling whole clusters (Efron & Tibshirani 1993, chapter 13). For paired data
 * give the differences.
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  { clusters, resamples = 10_000, seed = 0 }: ResamplingOptions = {},
  level = 0.95,
): Estimate {
  const { sums, sizes } = clusterSums(values, clusters);
  const count = sums.length;
  const total = sums.reduce((a, b) => a + b, 0);
  const value = values.length === 0 ? 0 : total / values.length;
  if (count < 2) return { value, low: value, high: value, n: count, level, method: 'bootstrap' };
  const random = createRandom(`bootstrap ${seed}`);
  const means = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let sum = 0;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const drawn = random.below(count);
      sum += sums[drawn] as number;
      size += sizes[drawn] as number;
    }
    means[b] = sum / size;
  }
  means.sort();
  const tail = (1 - level) / 2;
  return { value, low: quantile(means, tail), high: quantile(means, 1 - tail), n: count, level, method: 'bootstrap' };
}

/** The sums of up to 8 values under each of the 256 patterns of signs: a flip of all 8 costs one look-up. */
function signedSums(values: Float64Array): Float64Array {
  return Float64Array.from({ length: 256 }, (_, pattern) =>
    values.reduce((sum, value, bit) => ((pattern >>> bit) & 1 ? sum + value : sum - value), 0),
  );
}

/** Sums of the values under `count` random patterns of signs. */
function randomlySignedSums(values: Float64Array, count: number, random: Random): Float64Array {
  const sums = new Float64Array(count);
  for (let start = 0; start < values.length; start += 8) {
    const table = signedSums(values.subarray(start, start + 8));
    let bits = 0;
    for (let i = 0; i < count; i++) {
      bits = i % 4 === 0 ? random.below(4294967296) : bits >>> 8;
      sums[i] = (sums[i] as number) + (table[bits & 255] as number);
    }
  }
  return sums;
}

/**
 * Sign-flip permutation test that the mean of paired differences is 0, two-sided, by cluster: p = (1 + #) / (B + 1)
 * (Phipson & Smyth 2010, https://doi.org/10.2202/1544-6115.1585).
 */
export function signFlipTest(
  differences: ArrayLike<number>,
  { clusters, resamples = 10_000, seed = 0 }: ResamplingOptions = {},
): number {
  const sums = clusterSums(differences, clusters).sums.filter((sum) => sum !== 0);
  if (sums.length === 0) return 1;
  const observed = Math.abs(sums.reduce((a, b) => a + b, 0));
  // Sums of the same numbers in another order differ in the last bits.
  const threshold = observed * (1 - 1e-12);
  const flipped = randomlySignedSums(sums, resamples, createRandom(`sign flips ${seed}`));
  const extreme = flipped.filter((sum) => Math.abs(sum) >= threshold).length;
  return (1 + extreme) / (resamples + 1);
}
