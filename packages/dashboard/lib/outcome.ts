import type { TableRow } from './api.ts';

export type Outcome = 'right' | 'wrong' | 'failed';

/** Of one example on one metric. */
export function outcomeOf(row: Pick<TableRow, 'failureKind' | 'scores'>, metric: string): Outcome {
  if (row.failureKind !== null) return 'failed';
  return (row.scores[metric] ?? 0) >= 1 ? 'right' : 'wrong';
}

/** Never by colour alone. */
export const outcomeMarks: Record<Outcome, { sign: string; look: string }> = {
  right: { sign: '✓', look: 'bg-correct-soft text-correct' },
  wrong: { sign: '✗', look: 'bg-wrong-soft text-wrong' },
  failed: { sign: '!', look: 'bg-warning-soft text-warning' },
};
