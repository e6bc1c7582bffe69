import type { MatrixCell } from '../../lib/api.ts';
import { verdictLooks } from '../../lib/benchmark-figures.ts';

/** Whether answers stayed as right as the baseline's, as icon and word. */
export function EquivalenceBadge({ equivalence }: { equivalence: NonNullable<MatrixCell['equivalence']> }) {
  const { icon, word, className } = verdictLooks[equivalence.verdict];
  return (
    <span className={`inline-block rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${className}`}>
      <span aria-hidden="true">{icon} </span>
      {word}
    </span>
  );
}
