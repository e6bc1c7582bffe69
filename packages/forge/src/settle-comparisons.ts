import { ConfigError } from './errors.ts';
import type { ExperimentSpec, StopRule } from './load-experiment.ts';
import {
  createSequentialDifference,
  type SequentialDifference,
  sequenceAlpha,
} from './statistics/sequential-difference.ts';

/** What decides where comparisons may stop. */
export type StoppingCompare = ExperimentSpec['compare'] & { readonly stop: StopRule };

/** Examples that are done together before the next look, by the variants that are still compared. */
export interface Block {
  /** Row indices, in the order of the sample. */
  readonly rows: readonly number[];
  /** Groups that do them. */
  readonly open: ReadonlySet<string>;
}

/** What counts of an example: a stored row, or one that has just been finished. */
interface ScoredExample {
  readonly index: number;
  readonly scores: Readonly<Record<string, number>>;
  readonly cluster?: string | null;
}

/** Where the comparisons of an experiment stand. The same answer from the same scores, however often it is asked. */
export interface Settling {
  /** Takes in the deciding score of an example, in any order. Throws ConfigError where it cannot count. */
  add(runId: string, example: ScoredExample): void;
  /** What is to be done next; null where all is settled, or all examples are done. */
  next(): Block | null;
}

/**
 * Judges comparisons after each block of examples. Scores count in the order of the sample, repeats of a question as their mean, and only
 * blocks that are whole: which example ended first plays no part. `order`: row indices in the order of the sample.
 */
export function createSettling(
  runs: readonly { readonly id: string; readonly group: string; readonly failed: boolean }[],
  order: readonly number[],
  { baseline, metric, alpha, minimumEffect, stop }: StoppingCompare,
): Settling {
  const groups = Map.groupBy(runs, (run) => run.group);
  // A variant that cannot be done is compared with nothing, and the others need not wait for it.
  const canEnd = (group: string) => (groups.get(group) ?? []).every(({ failed }) => !failed);
  const candidates = [...groups.keys()].filter((group) => group !== baseline);
  const open = new Map<string, SequentialDifference>();
  for (const group of candidates.filter(canEnd)) {
    const share = sequenceAlpha(alpha, candidates.length);
    open.set(group, createSequentialDifference({ alpha: share, margin: minimumEffect, atLeast: stop.atLeast }));
  }
  const scores = new Map(runs.map(({ id }) => [id, new Map<number, number>()]));
  let done = 0;

  const idsOf = (group: string) => (groups.get(group) ?? []).map(({ id }) => id);
  const isWhole = (group: string, rows: readonly number[]) =>
    idsOf(group).every((id) => rows.every((row) => scores.get(id)?.has(row)));
  const meanOf = (group: string, row: number) => {
    const ids = idsOf(group);
    return ids.reduce((sum, id) => sum + (scores.get(id)?.get(row) ?? 0), 0) / ids.length;
  };

  function judge(rows: readonly number[]): void {
    if (!canEnd(baseline)) return;
    for (const [group, sequence] of open) {
      for (const row of rows) sequence.add(meanOf(group, row) - meanOf(baseline, row));
      if (sequence.settled() !== null) open.delete(group);
    }
  }

  return {
    add(runId, { index, scores: given, cluster }) {
      const score = given[metric] ?? 0;
      if (!(score >= 0 && score <= 1))
        throw new ConfigError(`compare.stop: ${metric} is ${score} at row ${index}; it needs scores from 0 to 1`);
      if (cluster != null)
        throw new ConfigError(
          `compare.stop: row ${index} is part of a cluster ("${cluster}"); it needs examples that are independent of each other: remove compare.stop, and all examples are run`,
        );
      scores.get(runId)?.set(index, score);
    },
    next() {
      while (open.size > 0 && done < order.length) {
        const rows = order.slice(done, done + (done === 0 ? stop.atLeast : stop.every));
        const doing = new Set([baseline, ...open.keys()].filter(canEnd));
        if (![...doing].every((group) => isWhole(group, rows))) return { rows, open: doing };
        judge(rows);
        done += rows.length;
      }
      return null;
    },
  };
}
