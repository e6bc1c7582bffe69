import { normalQuantile } from './distributions.ts';
import type { Estimate } from './estimate.ts';

/**
 * The difference of two paired proportions after adding one pair of each kind (Bonett & Price 2012), with its standard error, which is
 * above 0 even where all pairs agree. `gained`: right only in the second.
 */
export function smoothedDifference(gained: number, lost: number, n: number): { center: number; error: number } {
  const up = (gained + 1) / (n + 2);
  const down = (lost + 1) / (n + 2);
  return { center: up - down, error: Math.sqrt((up + down - (up - down) ** 2) / (n + 2)) };
}

/**
 * Difference of two paired proportions with the interval of Bonett and Price (2012, https://doi.org/10.3102/1076998611411915): a Wald
 * interval after adding one pair of each kind. Unlike a t interval of the differences it does not shrink to nothing where all
 * pairs agree (recommended by Fagerland, Lydersen & Laake 2014, https://doi.org/10.1002/sim.6148). `gained`: right only in the second.
 */
export function pairedProportionDifference(gained: number, lost: number, n: number, level = 0.95): Estimate {
  const value = n === 0 ? 0 : (gained - lost) / n;
  const { center, error } = smoothedDifference(gained, lost, n);
  const half = -normalQuantile((1 - level) / 2) * error;
  return {
    value,
    low: Math.max(-1, center - half),
    high: Math.min(1, center + half),
    n,
    level,
    method: 'bonett-price',
  };
}
