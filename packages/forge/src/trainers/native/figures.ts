import type { PreferenceFigures } from '../../trainer.ts';
import type { Reference } from './batches.ts';

/** Means over pairs; `answers` are the model's log-probabilities in the order of `reference`. */
export function preferenceFigures(answers: Reference, reference: Reference, beta: number): PreferenceFigures {
  const n = answers.chosen.length;
  const mean = (value: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += value(i);
    return sum / n;
  };
  const reward = (side: 'chosen' | 'rejected') => (i: number) =>
    beta * ((answers[side][i] as number) - (reference[side][i] as number));
  const [chosen, rejected] = [reward('chosen'), reward('rejected')];
  return {
    chosenReward: mean(chosen),
    rejectedReward: mean(rejected),
    margin: mean((i) => chosen(i) - rejected(i)),
    accuracy: mean((i) => (chosen(i) > rejected(i) ? 1 : 0)),
    chosenLogprob: mean((i) => answers.chosen[i] as number),
    rejectedLogprob: mean((i) => answers.rejected[i] as number),
  };
}

/** Those of some pairs out of all. */
export const referenceOf = (all: Reference, indices: readonly number[]): Reference => ({
  chosen: Float32Array.from(indices, (i) => all.chosen[i] ?? 0),
  rejected: Float32Array.from(indices, (i) => all.rejected[i] ?? 0),
});
