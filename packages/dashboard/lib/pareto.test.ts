import { expect, it } from 'vitest';
import { paretoFront } from './pareto.ts';

const point = (cost: number, score: number) => ({ cost, score });

it('keeps what nothing else beats on both sides', () => {
  const points = [point(3, 0.9), point(1, 0.5), point(2, 0.4), point(2, 0.7), point(4, 0.9)];
  expect(paretoFront(points)).toEqual([point(1, 0.5), point(2, 0.7), point(3, 0.9)]);
});

it('keeps the better of two that cost the same, and one of two equal ones', () => {
  expect(paretoFront([point(1, 0.2), point(1, 0.8), point(1, 0.8)])).toEqual([point(1, 0.8)]);
  expect(paretoFront([])).toEqual([]);
});
