import { expect, test } from 'vitest';
import type { Step, Validation } from './training-series.ts';
import { meanAndBand, noSeries, pointsOf, smoothed, thinned, timeLeft, withEvents } from './training-series.ts';

const trainStep = (step: number, changed: Partial<Step> = {}): Step => ({
  type: 'step',
  step,
  epoch: step / 50,
  loss: 1 / step,
  learningRate: 5e-5,
  gradientNorm: 1.5,
  tokens: 1800,
  tookMs: 410.5,
  ...changed,
});
const validation = (step: number): Validation => ({ type: 'validation', step, n: 100, loss: 0.5 });
const trainingStart = (totalSteps: number, doneSteps = 0) => ({
  type: 'started' as const,
  totalSteps,
  doneSteps,
  rows: 100,
  leftOut: 0,
  parameters: { trained: 10, total: 100 },
  memoryBytes: null,
  environment: {},
});

test('events that come again replace the earlier ones', () => {
  const warning = { type: 'warning' as const, message: 'slow disk' };
  const first = withEvents(noSeries, [trainingStart(9), trainStep(1), trainStep(2), validation(2), warning]);
  const again = withEvents(first, [trainingStart(9, 1), warning, trainStep(2, { loss: 7 }), trainStep(3)]);
  expect(again.started?.doneSteps).toBe(1);
  expect(again.steps.map(({ step, loss }) => [step, loss])).toEqual([
    [1, trainStep(1).loss],
    [2, 7],
    [3, trainStep(3).loss],
  ]);
  expect(again.validations).toEqual([validation(2)]);
  expect(again.warnings).toEqual(['slow disk']);
  expect(withEvents(first, []).steps).toBe(first.steps);
});

test('what was no finite number is not drawn', () => {
  const steps = [trainStep(1), { ...trainStep(2), loss: null }, trainStep(3)];
  expect(pointsOf(steps, ({ loss }) => loss).map(({ x }) => x)).toEqual([1, 3]);
  expect(pointsOf([trainStep(4)], ({ preference }) => preference?.margin)).toEqual([]);
});

test('smoothing keeps a constant line from its first point on', () => {
  const flat = [1, 2, 3].map((x) => ({ x, y: 5 }));
  for (const { y } of smoothed(flat, 0.9)) expect(y).toBeCloseTo(5, 10);
  const jump = [0, 0, 1].map((y, i) => ({ x: i, y }));
  // By hand: 0.5 * 1 / (1 - 0.5 ** 3)
  expect(smoothed(jump, 0.5).at(-1)?.y).toBeCloseTo(0.5 / 0.875, 10);
  expect(smoothed(jump, 0)).toEqual(jump);
});

test('long lines are thinned to means at the same places', () => {
  const line = (from: number) => [1, 2, 3, 4, 5].slice(from).map((x) => ({ x, y: 10 * x }));
  expect(thinned(line(0), 2)).toEqual([
    { x: 1.5, y: 15 },
    { x: 3.5, y: 35 },
    { x: 5.5, y: 50 },
  ]);
  expect(thinned(line(1), 2).map(({ x }) => x)).toEqual([1.5, 3.5, 5.5]);
  expect(thinned(line(0), 1)).toEqual(line(0));
});

test('the mean of repeats goes as far as all of them', () => {
  const long = [1, 2, 3].map((x) => ({ x, y: x }));
  const short = [1, 2].map((x) => ({ x, y: 3 * x }));
  expect(meanAndBand([long, short])).toEqual([
    { x: 1, y: 2, low: 1, high: 3 },
    { x: 2, y: 4, low: 2, high: 6 },
  ]);
  expect(meanAndBand([])).toEqual([]);
});

test('the time left goes by the last steps', () => {
  const slowStart = [trainStep(1, { tookMs: 90_000 }), ...Array.from({ length: 20 }, (_, i) => trainStep(i + 2))];
  const series = withEvents(noSeries, [trainingStart(31), ...slowStart]);
  expect(timeLeft(series, 31)).toBeCloseTo(10 * 410.5, 6);
  expect(timeLeft(series, null)).toBeNull();
  expect(timeLeft(noSeries, 31)).toBeNull();
  expect(timeLeft(series, 5)).toBe(0);
});
