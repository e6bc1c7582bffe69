import { plannedSteps, rowOrder } from '../../lib/row-order.ts';
import type { TrainingSettings } from '../../training-settings.ts';

/** The rows of one step, in the micro-batches in which they are computed. */
export type StepRows = readonly (readonly number[])[];

type Settings = Pick<TrainingSettings, 'batch' | 'epochs' | 'maxSteps' | 'shuffle' | 'seed'>;

/**
 * Rows of like length together, so that little is padding. The step's gradient is a mean over all of its rows and does not
 * depend on how they are cut.
 */
function cutBySize(sorted: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) => sorted.slice(i * size, (i + 1) * size));
}

/**
 * Lines as long as the longest row that is left, of `tokens` in all, filled up with whatever shorter rows fit: next to no
 * padding, and short rows share long lines only where there is room anyway.
 */
function cutByTokens(sorted: readonly number[], lengths: ArrayLike<number>, tokens: number): number[][] {
  const cut: number[][] = [];
  for (let rest = sorted; rest.length > 0; ) {
    const capacity = lengths[rest[0] as number] as number;
    const room = new Array<number>(Math.max(1, Math.floor(tokens / capacity))).fill(capacity);
    const taken: number[] = [];
    rest = rest.filter((row) => {
      const length = lengths[row] as number;
      const line = room.findIndex((left) => left >= length);
      if (line === -1) return true;
      room[line] = (room[line] as number) - length;
      taken.push(row);
      return false;
    });
    cut.push(taken);
  }
  return cut;
}

/** Cuts the rows of a step into micro-batches. */
function cutStep(
  rows: readonly number[],
  lengths: ArrayLike<number>,
  { size, packTokens }: Settings['batch'],
): StepRows {
  const sorted = [...rows].sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  return packTokens === undefined ? cutBySize(sorted, size) : cutByTokens(sorted, lengths, packTokens);
}

export interface StepPlan {
  readonly totalSteps: number;
  /** The steps after `done`, with the passes over all rows that there are after each. */
  steps(done: number): Iterable<{ step: number; epoch: number; rows: StepRows }>;
}

/** Rows in passes that follow each other without an end. */
function* endlessRows(count: number, { shuffle, seed }: Settings): Generator<number> {
  for (let epoch = 0; ; epoch++) {
    const order = shuffle ? rowOrder(count, epoch, seed) : Array.from({ length: count }, (_, index) => index);
    yield* order;
  }
}

/** Rows of one step after the other: so many of them, or so many tokens (`packTokens`). */
function* stepRows(lengths: ArrayLike<number>, settings: Settings): Generator<number[]> {
  const { size, accumulate, packTokens } = settings.batch;
  const wanted = (packTokens ?? size) * accumulate;
  let [rows, held]: [number[], number] = [[], 0];
  for (const row of endlessRows(lengths.length, settings)) {
    rows.push(row);
    held += packTokens === undefined ? 1 : (lengths[row] as number);
    if (held < wanted) continue;
    yield rows;
    [rows, held] = [[], 0];
  }
}

function packedSteps(lengths: ArrayLike<number>, settings: Settings): number {
  const limit = settings.maxSteps ?? Number.POSITIVE_INFINITY;
  const wantedRows = lengths.length * settings.epochs;
  let [steps, rows] = [0, 0];
  for (const step of stepRows(lengths, settings)) {
    steps++;
    rows += step.length;
    if (rows >= wantedRows || steps >= limit) break;
  }
  return steps;
}

/** `lengths`: tokens of each row on its line; there is at least one row. */
export function planSteps(lengths: ArrayLike<number>, settings: Settings): StepPlan {
  const totalSteps =
    settings.batch.packTokens === undefined ? plannedSteps(lengths.length, settings) : packedSteps(lengths, settings);
  function* steps(done: number) {
    let [step, seen] = [0, 0];
    for (const rows of stepRows(lengths, settings)) {
      if (++step > totalSteps) return;
      seen += rows.length;
      if (step > done) yield { step, epoch: seen / lengths.length, rows: cutStep(rows, lengths, settings.batch) };
    }
  }
  return { totalSteps, steps };
}
