import { describe, expect, it } from 'vitest';
import { findSaturation } from './find-saturation.ts';
import type { Arrivals, LoadMeasurement } from './load-point.ts';
import { summarizeLoad, sustainedRate } from './summarize-load.ts';

const quantiles = (p50: number) => ({ mean: p50, p50, p95: p50 * 2, p99: p50 * 3 });
const measurement: LoadMeasurement = {
  requests: 100,
  failed: 0,
  seconds: 10,
  requestsPerSecond: 10,
  completionTokensPerSecond: 80,
  promptTokensPerSecond: 100,
  goodputPerSecond: 9,
  ttftMs: quantiles(20),
  interTokenMs: quantiles(5),
  tpotMs: quantiles(6),
  totalMs: quantiles(60),
  cachedPromptShare: 0.25,
  lateMs: null,
  saturated: false,
};
const poisson = (perSecond: number): Arrivals => ({ kind: 'poisson', perSecond });
const point = (arrivals: Arrivals, ...changes: Partial<LoadMeasurement>[]) =>
  summarizeLoad(
    arrivals,
    changes.map((change) => ({ ...measurement, ...change })),
  );

describe('summarizeLoad', () => {
  it('has t intervals over repetitions', () => {
    const rates = [10, 11, 12.5].map((requestsPerSecond) => ({ requestsPerSecond, failed: 2 }));
    const { requestsPerSecond, ...rest } = point(poisson(12), ...rates);
    // scipy.stats.t.interval(.95, 2, loc=mean, scale=sem([10, 11, 12.5])) of SciPy 1.17.1.
    expect(requestsPerSecond).toMatchObject({ n: 3, method: 't' });
    expect(requestsPerSecond.value).toBeCloseTo(11.166666666666666, 10);
    expect(requestsPerSecond.low).toBeCloseTo(8.040861926978778, 8);
    expect(requestsPerSecond.high).toBeCloseTo(14.292471406354554, 8);
    expect(rest).toMatchObject({ repetitions: 3, requests: 300, failed: 6, cachedPromptShare: 0.25, saturated: false });
    expect(rest).toMatchObject({ ttftP50Ms: { value: 20 }, ttftP95Ms: { value: 40 }, interTokenP95Ms: { value: 10 } });
    expect(rest).toMatchObject({ tpotP50Ms: { value: 6 }, totalP50Ms: { value: 60 }, totalP95Ms: { value: 120 } });
  });

  it('leaves out what one repetition could not measure', () => {
    const { ttftP50Ms, goodputPerSecond, totalP50Ms } = point(poisson(1), {}, { ttftMs: null, goodputPerSecond: null });
    expect([ttftP50Ms, goodputPerSecond, totalP50Ms?.value]).toEqual([null, null, 60]);
  });

  it('is saturated where half of the repetitions are', () => {
    expect(point(poisson(1), {}, {}, { saturated: true }).saturated).toBe(false);
    expect(point(poisson(1), {}, { saturated: true }).saturated).toBe(true);
  });
});

describe('sustainedRate', () => {
  it('is the highest rate below all that were not kept up', () => {
    const saturated = { saturated: true };
    const points = [
      point(poisson(40), {}),
      point(poisson(10), {}),
      point(poisson(20), {}),
      point(poisson(30), saturated),
    ];
    expect(sustainedRate(points)).toBe(20);
    expect(sustainedRate(points.slice(0, 3))).toBe(40);
  });

  it('allows 1 % of failures over all repetitions', () => {
    expect(sustainedRate([point(poisson(5), { failed: 2 }, {})])).toBe(5);
    expect(sustainedRate([point(poisson(5), { failed: 3 }, {})])).toBeNull();
  });

  it('has no rate from closed loops and traces', () => {
    expect(sustainedRate([])).toBeNull();
    expect(
      sustainedRate([point({ kind: 'closed', concurrency: 8 }, {}), point({ kind: 'trace', atMs: [0] }, {})]),
    ).toBeNull();
  });
});

describe('findSaturation', () => {
  /** An engine that serves so many requests a second. */
  const engineOf = (capacity: number) => async (perSecond: number) =>
    point(poisson(perSecond), { saturated: perSecond > capacity });
  const ratesOf = async (capacity: number, options: { from: number; maxProbes?: number }) => {
    const points = await findSaturation(engineOf(capacity), options);
    return {
      rates: points.map(({ arrivals }) => (arrivals as { perSecond: number }).perSecond),
      found: sustainedRate(points),
    };
  };

  it('doubles, then halves the interval', async () => {
    const { rates, found } = await ratesOf(37, { from: 4 });
    expect(rates.slice(0, 5)).toEqual([4, 8, 16, 32, 64]);
    expect(rates[5]).toBeCloseTo(Math.sqrt(32 * 64), 10);
    expect(rates).toHaveLength(8);
    expect(found).toBeGreaterThan(37 / 1.1);
    expect(found).toBeLessThanOrEqual(37);
  });

  it('goes down where the first rate is too much', async () => {
    const { rates, found } = await ratesOf(3, { from: 20 });
    expect(rates.slice(0, 4)).toEqual([20, 10, 5, 2.5]);
    expect(found).toBeGreaterThan(3 / 1.1);
  });

  it('measures no more than it may', async () => {
    expect(await ratesOf(Number.POSITIVE_INFINITY, { from: 1, maxProbes: 4 })).toEqual({
      rates: [1, 2, 4, 8],
      found: 8,
    });
    expect(await ratesOf(0, { from: 1, maxProbes: 3 })).toEqual({ rates: [1, 0.5, 0.25], found: null });
  });
});
