import type { Arrivals, LoadMeasurement, LoadPoint } from './load-point.ts';
import { type Estimate, meanEstimate } from './statistics/estimate.ts';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/**
 * The repetitions of one load, with t intervals over them; at least one. A figure that one of them lacks (no stream, say) is null. Saturated
 * where at least half of the repetitions were.
 */
export function summarizeLoad(arrivals: Arrivals, measurements: readonly LoadMeasurement[]): LoadPoint {
  const estimate = (figure: (measured: LoadMeasurement) => number) => meanEstimate(measurements.map(figure));
  function estimateKnown(figure: (measured: LoadMeasurement) => number | null | undefined): Estimate | null {
    const known = measurements.map(figure).filter((value) => value !== null && value !== undefined);
    return known.length === measurements.length ? meanEstimate(known) : null;
  }
  return {
    arrivals,
    repetitions: measurements.length,
    requests: sum(measurements.map(({ requests }) => requests)),
    requestsPerSecond: estimate((m) => m.requestsPerSecond),
    completionTokensPerSecond: estimate((m) => m.completionTokensPerSecond),
    goodputPerSecond: estimateKnown((m) => m.goodputPerSecond),
    ttftP50Ms: estimateKnown((m) => m.ttftMs?.p50),
    ttftP95Ms: estimateKnown((m) => m.ttftMs?.p95),
    tpotP50Ms: estimateKnown((m) => m.tpotMs?.p50),
    interTokenP95Ms: estimateKnown((m) => m.interTokenMs?.p95),
    totalP50Ms: estimateKnown((m) => m.totalMs?.p50),
    totalP95Ms: estimateKnown((m) => m.totalMs?.p95),
    cachedPromptShare: sum(measurements.map((m) => m.cachedPromptShare)) / measurements.length,
    failed: sum(measurements.map(({ failed }) => failed)),
    saturated: measurements.filter(({ saturated }) => saturated).length >= measurements.length / 2,
  };
}

/** Share of failed requests above which a load was not served. */
const mostFailed = 0.01;

/** Requests per second that a point offers; null for closed loops and traces, which have no rate of their own. */
const offeredRate = ({ arrivals }: LoadPoint): number | null =>
  arrivals.kind === 'poisson' || arrivals.kind === 'constant' ? arrivals.perSecond : null;

/** Not saturated, and at most 1 % failed. */
export const keptUp = ({ saturated, failed, requests }: LoadPoint): boolean =>
  !saturated && failed <= mostFailed * requests;

/**
 * The highest rate offered by an open loop that was kept up: not saturated, at most 1 % failed, requests per second. A rate above one
 * that was not kept up does not count: it was luck. null where there is none.
 */
export function sustainedRate(points: readonly LoadPoint[]): number | null {
  const rates = (which: (point: LoadPoint) => boolean) =>
    points.filter(which).flatMap((point) => offeredRate(point) ?? []);
  const missed = Math.min(...rates((point) => !keptUp(point)));
  const kept = rates(keptUp).filter((rate) => rate < missed);
  return kept.length === 0 ? null : Math.max(...kept);
}
