import type { TrainingSettings } from '../training-settings.ts';
import { createRandom, shuffled } from './random.ts';

/** The order of the rows in one pass over them (`epoch` from 0): a permutation of [0, count) that every trainer shares. */
export function rowOrder(count: number, epoch: number, seed: number): number[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  return shuffled(indices, createRandom(`rows ${seed} ${epoch}`));
}

type Planned = Pick<TrainingSettings, 'batch' | 'epochs' | 'maxSteps'>;

/**
 * Optimizer steps of a training over `count` rows, at least 1. Every step has batch.size x batch.accumulate rows: passes follow
 * each other without a gap, and the last step is filled up from the next pass, so that no step counts some rows more than others.
 */
export function plannedSteps(count: number, { batch, epochs, maxSteps = Number.POSITIVE_INFINITY }: Planned): number {
  const needed = Math.ceil((count * epochs) / (batch.size * batch.accumulate));
  return Math.max(1, Math.min(needed, maxSteps));
}

/**
 * Rows of all planned steps one after the other, as indices of [0, count): step s (from 0) has those from
 * s x batch.size x batch.accumulate on. `count` leaves out rows over maxLength; it is 1 or more.
 */
export function* plannedRows(
  count: number,
  settings: Planned & Pick<TrainingSettings, 'shuffle' | 'seed'>,
): Generator<number> {
  const { batch, shuffle, seed } = settings;
  let left = plannedSteps(count, settings) * batch.size * batch.accumulate;
  for (let epoch = 0; left > 0; epoch++) {
    const order = shuffle ? rowOrder(count, epoch, seed) : Array.from({ length: count }, (_, index) => index);
    yield* order.slice(0, left);
    left -= order.length;
  }
}
