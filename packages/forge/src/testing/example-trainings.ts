import type { StoredTrainEvent } from '../training-record.ts';
import type { Interval, TrainingFigure, TrainingReport } from '../training-report.ts';

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

/** An ablation of beta with two seeds each, as createTraining takes it. */
export function exampleTraining(name: string) {
  const variants = [0.05, 0.2].flatMap((beta) => [1, 2].map((seed) => ({ beta, seed })));
  return {
    name,
    source: `version: 1\nname: ${name}\nobjective: { name: dpo }\n`,
    config: { description: `Which beta? ${name}`, trainer: { name: 'native', options: {} }, model: 'models/lab' },
    configHash: 'hash',
    runs: variants.map(({ beta, seed }) => ({
      variant: `beta=${beta}, seed=${seed}`,
      spec: { group: `beta=${beta}`, varied: { beta }, settings: { objective: { name: 'dpo', beta }, seed } },
    })),
  };
}

const around = (value: number, half: number) => ({ value, low: value - half, high: value + half });

type Measure = Pick<TrainingFigure, 'metric' | 'label' | 'n' | 'unit' | 'better'> & {
  readonly before: Interval;
  /** By beta. */
  readonly difference: readonly [Interval, Interval];
};

const measures: readonly Measure[] = [
  {
    metric: 'preference-accuracy',
    label: 'Preference accuracy',
    n: 100,
    unit: 'share',
    better: 'higher',
    before: around(0.5, 0.09),
    difference: [around(0.21, 0.08), around(0.275, 0.07)],
  },
  {
    metric: 'length',
    label: 'Length of answers',
    n: 100,
    unit: 'tokens',
    better: 'neutral',
    before: around(31.5, 2),
    difference: [around(-1.5, 2), around(-4, 2)],
  },
  {
    metric: 'factuality',
    label: 'Factuality (lab facts)',
    n: 200,
    unit: 'share',
    better: 'higher',
    before: around(0.62, 0.06),
    difference: [around(-0.02, 0.03), around(-0.05, 0.04)],
  },
];

function groupsOf({ before, difference, ...measure }: Measure): TrainingReport['groups'] {
  return difference.map((change, i) => {
    const varied = { beta: [0.05, 0.2][i] as number };
    const after = around(before.value + change.value, before.high - before.value);
    return {
      ...measure,
      group: `beta=${varied.beta}`,
      varied,
      before,
      after,
      difference: change,
      main: i === 0,
      deciding: measure.metric === 'preference-accuracy',
      seeds: 2,
      spread: { low: after.value - 0.01, high: after.value + 0.01, sd: 0.014 },
      test: { name: 'paired t', pValue: change.low > 0 || change.high < 0 ? 0.004 : 0.31 },
    };
  });
}

/** What exampleTraining found. `experimentIds`: where it was evaluated. */
export function exampleReport(experimentIds: readonly string[]): TrainingReport {
  const groups = measures.flatMap(groupsOf);
  return {
    data: {
      set: { name: 'json-lines', options: { path: 'pairs.jsonl' } },
      fingerprint: 'da7a'.repeat(16),
      counts: { train: 800, validation: 100, test: 100 },
      files: { train: 'aa'.repeat(32), validation: 'bb'.repeat(32), test: 'cc'.repeat(32) },
      sourceExperiments: experimentIds,
      leakage: { 'train and test': 0, 'train and evaluation': 2 },
      lengths: { prompt: { median: 41, longest: 180 }, chosen: { median: 22, longest: 64 } },
    },
    figures: groups.flatMap(
      ({ main: _main, deciding: _deciding, seeds: _seeds, spread: _spread, test: _test, ...one }) =>
        [1, 2].map((seed) => ({ ...one, variant: `${one.group}, seed=${seed}` })),
    ),
    groups,
    evaluations: experimentIds.map((experimentId) => ({
      experimentId,
      name: 'facts',
      variant: 'beta=0.05, seed=1',
      sentences: ['after and before are tied on factuality: -2.0 points [-5.0, +1.0].'],
    })),
    verdicts: [
      { sentence: 'Preference accuracy: after is better than before by 21.0 points (n = 100).', kind: 'better' },
      { sentence: 'Length of answers: before and after are tied (n = 100).', kind: 'tied' },
      { sentence: 'Factuality: 200 examples cannot tell before from after.', kind: 'underpowered' },
    ],
    negatives: ['Factuality falls by 5 points with beta 0.2.'],
  };
}
