import type { Estimate } from '../lib/api.ts';
import { scoreText } from '../lib/format.ts';

/**
 * A score on a scale from 0 to 1: a dot, its interval a line. The figures stand beside it, so the picture itself is decoration. What is
 * no share has no such scale: figures alone.
 */
export function ScoreBar({ estimate }: { estimate: Estimate }) {
  const at = (value: number) => `${100 * Math.min(1, Math.max(0, value))}%`;
  if (estimate.unit !== undefined) return <span className="whitespace-nowrap tabular-nums">{scoreText(estimate)}</span>;
  return (
    <span className="flex items-center gap-2 tabular-nums">
      <span aria-hidden="true" className="relative inline-block h-3 w-20 shrink-0 rounded-sm bg-raised">
        <span
          className="absolute top-[5px] h-0.5 bg-accent"
          style={{ left: at(estimate.low), width: at(Math.max(0.01, estimate.high - estimate.low)) }}
        />
        <span
          className="absolute top-0.5 size-2 -translate-x-1/2 rounded-full bg-accent"
          style={{ left: at(estimate.value) }}
        />
      </span>
      <span className="whitespace-nowrap">{scoreText(estimate)}</span>
    </span>
  );
}
