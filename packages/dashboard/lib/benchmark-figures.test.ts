import { describe, expect, it } from 'vitest';
import { arrivalsText, heatOf, money, rateInterval, rateText, speedText } from './benchmark-figures.ts';

describe('figures of benchmarks', () => {
  it('have three figures or so', () => {
    expect([0.9, 3.2, 12.345, 96, 1234.5].map(rateText)).toEqual(['0.90', '3.20', '12.3', '96.0', '1,235']);
    expect(speedText(3.2)).toBe('3.20×');
    expect(rateInterval({ value: 96, low: 86.44, high: 105.6, n: 3 })).toBe('[86.4, 105.6]');
    expect(rateInterval({ value: 96, low: 96, high: 96, n: 1 })).toBe('');
    expect([12.5, 1, 0.031, 1.1e-7, 0].map(money)).toEqual(['$12.5', '$1.00', '$0.031', '$0.00000011', '$0']);
  });

  it('say what was sent', () => {
    expect(arrivalsText({ kind: 'closed', concurrency: 8 })).toBe('8 at once');
    expect(arrivalsText({ kind: 'poisson', perSecond: 2.5 })).toBe('2.50/s Poisson');
    expect(arrivalsText({ kind: 'trace', requests: 4, perSecond: 4 })).toBe('trace of 4, 4.00/s');
  });

  it('are as hot as they have doublings', () => {
    const all = [0.5, 1, 2, 4];
    expect(all.map((value) => heatOf(value, all))).toEqual([-0.5, 0, 0.5, 1]);
    expect(heatOf(4, [...all, 100])).toBeCloseTo(2 / 3, 6);
    expect(heatOf(100, [...all, 100])).toBe(1);
    // A matrix in which nothing is faster is not coloured as if something were.
    expect(heatOf(1.1, [1, 1.1])).toBeCloseTo(0.1375, 3);
    expect(heatOf(0, all)).toBe(0);
  });
});
