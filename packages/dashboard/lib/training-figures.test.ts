import { expect, test } from 'vitest';
import {
  bytes,
  combinations,
  differenceIntervalText,
  differenceText,
  figureText,
  fits,
  gridAxes,
  intervalText,
  readingOf,
} from './training-figures.ts';

test('figures are written in the unit of their metric', () => {
  expect(figureText(0.7249, 'share')).toBe('72.5 %');
  expect(figureText(31.46, 'tokens')).toBe('31.5 tokens');
  expect(figureText(-1234.5, 'nats')).toBe('-1235 nats');
  expect(figureText(0.456, 'reward')).toBe('0.46');
  expect(intervalText({ value: 0.7, low: 0.641, high: 0.803 }, 'share')).toBe('[64.1, 80.3]');
  expect(differenceText(0.21, 'share')).toBe('+21.0 points');
  expect(differenceText(-0.00001, 'share')).toBe('0.0 points');
  expect(differenceText(0.00001, 'reward')).toBe('0.00');
  expect(differenceIntervalText({ value: 0, low: -0.5, high: 2 }, 'reward')).toBe('[-0.50, +2.00]');
  expect([bytes(0), bytes(999), bytes(98_304), bytes(4_200_000_000)]).toEqual(['0 B', '999 B', '98.3 kB', '4.2 GB']);
});

test('a difference is read by its interval and by what is better', () => {
  const of = (low: number, high: number, better: 'higher' | 'lower' | 'neutral') =>
    readingOf({ difference: { value: (low + high) / 2, low, high }, better });
  expect(of(0.1, 0.3, 'higher')).toBe('better');
  expect(of(0.1, 0.3, 'lower')).toBe('worse');
  expect(of(-3, -1, 'lower')).toBe('better');
  expect(of(-3, -1, 'neutral')).toBe('changed');
  expect(of(-1, 2, 'higher')).toBe('open');
  expect(readingOf({ difference: null, better: 'higher' })).toBe('open');
});

test('a grid has what varies, numbers by their size', () => {
  const varied = [
    { beta: 0.1, rows: 800, rank: 16 },
    { beta: 0.05, rows: 800, rank: 16 },
    { beta: 0.1, rows: 200, rank: 16 },
    { beta: 0.1, rows: 'all', rank: 16 },
  ];
  const axes = gridAxes(varied);
  expect(axes).toEqual([
    { key: 'beta', values: ['0.05', '0.1'] },
    { key: 'rows', values: ['800', '200', 'all'] },
  ]);
  expect(combinations(axes)).toHaveLength(6);
  expect(varied.filter((one) => fits(one, { beta: '0.1', rows: '200' }))).toEqual([varied[2]]);
  expect(gridAxes([{}, {}])).toEqual([]);
  expect(combinations([])).toEqual([{}]);
});
