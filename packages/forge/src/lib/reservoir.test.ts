import { expect, it } from 'vitest';
import { createRandom } from './random.ts';
import { createReservoir } from './reservoir.ts';

it('is exact while it holds all values', () => {
  const reservoir = createReservoir(100);
  expect(reservoir.quantiles()).toBeNull();
  for (const value of [5, 1, 9, 3, 7, 2]) reservoir.add(value);
  // numpy.quantile([5, 1, 9, 3, 7, 2], [.5, .95, .99]) of NumPy 2.4.
  expect(reservoir.quantiles()).toEqual({ mean: 4.5, p50: 4, p95: 8.5, p99: expect.closeTo(8.9, 12) });
});

it('keeps a uniform sample of a longer stream, and the exact mean', () => {
  const reservoir = createReservoir(1000);
  const random = createRandom(3);
  let sum = 0;
  // Growing values: a reservoir that prefers early or late ones is off at once.
  for (let i = 0; i < 100_000; i++) {
    const value = i + random.next();
    sum += value;
    reservoir.add(value);
  }
  const { mean, p50, p95, p99 } = reservoir.quantiles() ?? { mean: 0, p50: 0, p95: 0, p99: 0 };
  expect(mean).toBe(sum / 100_000);
  // Three standard errors of a rank: sqrt(p (1 - p) / 1000).
  for (const [p, value] of [
    [0.5, p50],
    [0.95, p95],
    [0.99, p99],
  ] as const) {
    expect(Math.abs(value / 100_000 - p)).toBeLessThan(3 * Math.sqrt((p * (1 - p)) / 1000));
  }
});
