import { expect, test } from 'vitest';
import { plannedRows, plannedSteps, rowOrder } from './row-order.ts';

const settings = { batch: { size: 2, accumulate: 2 }, epochs: 2, shuffle: true, seed: 1 };

test('a pass over the rows has each of them once, in another order in every pass and with every seed', () => {
  const first = rowOrder(100, 0, 1);
  expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  expect(rowOrder(100, 0, 1)).toEqual(first);
  expect(rowOrder(100, 1, 1)).not.toEqual(first);
  expect(rowOrder(100, 0, 2)).not.toEqual(first);
  // A change here would end the reproducibility of every earlier training.
  expect(rowOrder(8, 0, 1)).toEqual([0, 5, 3, 1, 4, 2, 6, 7]);
});

test('passes follow each other without a gap, and the last step is filled up', () => {
  expect(plannedSteps(5, settings)).toBe(3);
  const rows = [...plannedRows(5, settings)];
  expect(rows).toEqual([...rowOrder(5, 0, 1), ...rowOrder(5, 1, 1), ...rowOrder(5, 2, 1).slice(0, 2)]);
  expect([...plannedRows(3, { ...settings, shuffle: false, epochs: 0.1 })]).toEqual([0, 1, 2, 0]);
});

test('maxSteps ends a training before its epochs do', () => {
  expect(plannedSteps(100, { ...settings, maxSteps: 7 })).toBe(7);
  expect([...plannedRows(100, { ...settings, maxSteps: 7 })]).toEqual(rowOrder(100, 0, 1).slice(0, 28));
  expect(plannedSteps(1, { ...settings, epochs: 0.01, maxSteps: 7 })).toBe(1);
});
