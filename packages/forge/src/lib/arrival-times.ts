/**
 * When the requests of a Poisson process come, ms after its start, ascending: the gaps are exponential with mean 1000 / perSecond,
 * the first one before the first request. `random` is uniform in [0, 1); the same random gives the same times.
 */
export function poissonTimes(count: number, perSecond: number, random: () => number): number[] {
  let atMs = 0;
  return Array.from({ length: count }, () => {
    // 1 - u is in (0, 1]: the logarithm is finite.
    atMs -= (Math.log(1 - random()) * 1000) / perSecond;
    return atMs;
  });
}

/** One request every 1000 / perSecond ms, the first one at 0. Multiplied, not added up: no rounding gathers. */
export const constantTimes = (count: number, perSecond: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 1000) / perSecond);
