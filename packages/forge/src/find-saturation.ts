import type { LoadPoint } from './load-point.ts';
import { keptUp } from './summarize-load.ts';

/**
 * Looks for the rate at which an engine saturates: doubles (or halves, where already the first is too much) until one rate was kept up and a
 * higher one was not, then halves the interval on a logarithmic scale until the two are within `precision` (their ratio minus 1). Measures
 * at most `maxProbes` points and returns all of them in the order of measuring, for `sustainedRate`.
 */
export async function findSaturation(
  measure: (perSecond: number) => Promise<LoadPoint>,
  { from, maxProbes = 10, precision = 0.1 }: { from: number; maxProbes?: number; precision?: number },
): Promise<LoadPoint[]> {
  const points: LoadPoint[] = [];
  let kept = 0;
  let missed = Number.POSITIVE_INFINITY;
  let rate = from;
  while (points.length < maxProbes && missed > kept * (1 + precision)) {
    const point = await measure(rate);
    points.push(point);
    if (keptUp(point)) kept = rate;
    else missed = rate;
    if (missed === Number.POSITIVE_INFINITY) rate = kept * 2;
    else rate = kept === 0 ? missed / 2 : Math.sqrt(kept * missed);
  }
  return points;
}
