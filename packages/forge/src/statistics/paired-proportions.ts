import { normalQuantile } from './distributions.ts';
import type { Estimate } from './estimate.ts';

/**
 * Difference of two paired proportions with the interval of Bonett and Price (2012, https://doi.org/10.3102/1076998611411915): a Wald
 * interval after adding one pair of each kind. Unlike a t interval of the differences it does not shrink to nothing where all
 * pairs agree (recommended by Fagerland, Lydersen & Laake 2014, https://doi.org/10.1002/sim.6148). `gained`: right only in the second.
 */
export function pairedProportionDifference(gained: number, lost: number, n: number, level = 0.95): Estimate {
  const value = n === 0 ? 0 : (gained - lost) / n;
  const up = (gained + 1) / (n + 2);
  const down = (lost + 1) / (n + 2);
  const half = -normalQuantile((1 - level) / 2) * Math.sqrt((up + down - (up - down) ** 2) / (n + 2));
  return {
    value,
    low: Math.max(-1, up - down - half),
    high: Math.min(1, up - down + half),
    n,
    level,
    method: 'bonett-price',
  };
}
