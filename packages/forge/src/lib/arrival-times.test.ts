import { describe, expect, it } from 'vitest';
import { constantTimes, poissonTimes } from './arrival-times.ts';
import { createRandom } from './random.ts';

const gapsOf = (times: readonly number[]) => times.map((time, i) => time - (times[i - 1] ?? 0));
const times = poissonTimes(20_000, 50, createRandom(1).next);

describe('poissonTimes', () => {
  it('is the same for the same seed and another one for another', () => {
    expect(poissonTimes(20_000, 50, createRandom(1).next)).toEqual(times);
    expect(poissonTimes(3, 50, createRandom(2).next)).not.toEqual(times.slice(0, 3));
  });

  it('has exponential gaps', () => {
    const gaps = gapsOf(times).sort((a, b) => a - b);
    const n = gaps.length;
    const distance = Math.max(
      ...gaps.map((gap, i) => {
        const expected = 1 - Math.exp(-gap / 20);
        return Math.max(expected - i / n, (i + 1) / n - expected);
      }),
    );
    // scipy.stats.kstest(gaps, 'expon', args=(0, 20)) of SciPy 1.17.1: statistic 0.00475399, p 0.755.
    // p is under 0.05 from 1.358 / sqrt(n) on.
    expect(distance).toBeCloseTo(0.0047539944010415724, 12);
    expect(distance).toBeLessThan(1.358 / Math.sqrt(n));
  });

  it('has counts whose variance is their mean', () => {
    const counts = new Map<number, number>();
    const seconds = Math.floor((times.at(-1) ?? 0) / 1000);
    for (const time of times) counts.set(Math.floor(time / 1000), (counts.get(Math.floor(time / 1000)) ?? 0) + 1);
    const perSecond = Array.from({ length: seconds }, (_, second) => counts.get(second) ?? 0);
    const mean = perSecond.reduce((a, b) => a + b, 0) / seconds;
    const variance = perSecond.reduce((a, count) => a + (count - mean) ** 2, 0) / (seconds - 1);
    // Three standard errors: sqrt(50 / 400) of the mean, sqrt(2 / 400) of the ratio.
    expect(Math.abs(mean - 50)).toBeLessThan(1.06);
    expect(Math.abs(variance / mean - 1)).toBeLessThan(0.21);
  });
});

it('constantTimes begins at 0 and gathers no rounding', () => {
  const constant = constantTimes(30_001, 3);
  expect(constant.slice(0, 3)).toEqual([0, 1000 / 3, 2000 / 3]);
  expect(constant[30_000]).toBe(10_000_000);
});
