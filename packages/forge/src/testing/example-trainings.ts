import type { StoredTrainEvent } from '../training-record.ts';

/** Events as a DPO training makes them, for tests of what stores, sends or draws them. */

type Of<Type extends StoredTrainEvent['type']> = Extract<StoredTrainEvent, { type: Type }>;

export const trainingStart = (totalSteps: number, doneSteps = 0): Of<'started'> => ({
  type: 'started',
  totalSteps,
  doneSteps,
  rows: 8 * totalSteps,
  leftOut: 2,
  parameters: { trained: 24_576, total: 2_099_712 },
  memoryBytes: 310_000_000,
  environment: { trainer: 'native', threads: 2 },
});

/** Rewards that move apart from 0 with the steps, as DPO's do. */
const preferenceAt = (step: number) => {
  const margin = 1.5 * (1 - Math.exp(-step / 20));
  return {
    chosenReward: 0.25 * margin,
    rejectedReward: 0.25 * margin - margin,
    margin,
    accuracy: 0.5 + 0.4 * (1 - Math.exp(-step / 15)),
    chosenLogprob: -40.5 + 2.5 * margin,
    rejectedLogprob: -44.25 - 7.5 * margin,
  };
};

/** -log sigmoid(margin): the loss of a pair with this margin. */
const lossOf = (margin: number) => Math.log1p(Math.exp(-margin));

export function trainStep(step: number, changed: Partial<Of<'step'>> = {}): Of<'step'> {
  const preference = preferenceAt(step);
  return {
    type: 'step',
    step,
    epoch: step / 50,
    loss: lossOf(preference.margin),
    learningRate: 5e-5 * Math.max(0, 1 - step / 200),
    gradientNorm: 1.25 + 1 / step,
    tokens: 1800 + (step % 7) * 12,
    tookMs: 410.5,
    preference,
    ...changed,
  };
}

export function validation(step: number): Of<'validation'> {
  const preference = preferenceAt(step * 0.8);
  return { type: 'validation', step, n: 100, loss: lossOf(preference.margin), preference };
}
