import { binomialCdf } from './distributions.ts';
import type { Estimate } from './estimate.ts';

/** Quantile of ascending values, type 7 (Hyndman & Fan 1996): the default of R and NumPy. NaN where there is none. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (position - below) * (high - low);
}

/**
 * Quantile of ascending values with a distribution-free interval between two order statistics (Hahn & Meeker 1991, 5.2):
 * the ranks between which a binomial count of values below the quantile falls with at least the level. So few values may not
 * reach the level (the 99th percentile of 100 values, say): the extreme value then is the bound, and the estimate's `level` is the
 * coverage that this gives. At least one value.
 */
export function quantileEstimate(sorted: ArrayLike<number>, p: number, level = 0.95): Estimate {
  const n = sorted.length;
  const tail = (1 - level) / 2;
  const firstWith = (holds: (rank: number) => boolean) => {
    let [low, high] = [0, n];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  // Largest rank l with P(X < l) <= tail, smallest rank u with P(X < u) >= 1 - tail, X ~ Bin(n, p) values below.
  const lower = firstWith((k) => binomialCdf(k, n, p) > tail) - 1;
  const upper = firstWith((k) => binomialCdf(k, n, p) >= 1 - tail);
  const [first, last] = [Math.max(0, lower), Math.min(n - 1, upper)];
  return {
    value: quantile(sorted, p),
    low: sorted[first] as number,
    high: sorted[last] as number,
    n,
    level: Math.min(level, binomialCdf(last, n, p) - binomialCdf(first, n, p)),
    method: 'order-statistics',
  };
}
