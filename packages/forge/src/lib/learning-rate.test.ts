import { expect, test } from 'vitest';
import { learningRateFactor } from './learning-rate.ts';

/** get_scheduler of transformers 5.18.0; warmup_stable_decay with linear decay over a quarter of the steps. */
const golden = [
  { schedule: 'linear', warmup: 2, rates: [0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125] },
  {
    schedule: 'cosine',
    warmup: 0.2,
    rates: [0, 0.5, 1, 0.96194, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.03806],
  },
  { schedule: 'constant', warmup: 2, rates: [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1] },
  {
    schedule: 'warmup-stable-decay',
    warmup: 2,
    rates: [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 0.666667, 0.333333],
  },
  { schedule: 'linear', warmup: 0, rates: [1, 0.75, 0.5, 0.25] },
] as const;

test.each(golden)('$schedule with warm-up $warmup is that of transformers', ({ schedule, warmup, rates }) => {
  for (const [index, rate] of rates.entries())
    expect(learningRateFactor(index + 1, rates.length, { schedule, warmup })).toBeCloseTo(rate, 5);
});

test('a warm-up as long as the training never falls', () => {
  expect(learningRateFactor(4, 4, { schedule: 'linear', warmup: 100 })).toBe(0.75);
});
