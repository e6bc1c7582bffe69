'use client';
import type { Comparison, Run } from '../../lib/api.ts';
import { count } from '../../lib/format.ts';

const shown = 50;

/** The examples that changed sides, each a way to look at it. */
export function FlipLinks({
  comparison,
  runs,
  onOpen,
}: {
  comparison: Comparison;
  runs: readonly Run[];
  onOpen: (runId: string, exampleId: string) => void;
}) {
  const run = runs.find((one) => one.spec.group === comparison.candidate);
  const sides = [
    [`Better in ${comparison.candidate}`, comparison.flips.gained],
    [`Better in ${comparison.baseline}`, comparison.flips.lost],
  ] as const;
  return (
    <div className="grid gap-1">
      {sides.map(([title, flips]) => (
        <details key={title}>
          <summary className="w-fit text-accent">
            {title}: {count(flips.count)}
          </summary>
          <ul className="mt-2 flex flex-wrap gap-1">
            {flips.ids.slice(0, shown).map((id) => (
              <li key={id}>
                <button
                  type="button"
                  className="rounded bg-raised px-1.5 py-0.5 font-mono text-xs break-all hover:bg-accent-soft"
                  onClick={() => run !== undefined && onOpen(run.id, id)}
                >
                  {id}
                </button>
              </li>
            ))}
            {flips.count > shown ? <li className="text-muted">and {count(flips.count - shown)} more</li> : null}
          </ul>
        </details>
      ))}
    </div>
  );
}
