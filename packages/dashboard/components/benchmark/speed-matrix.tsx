import type { BenchmarkReport, MatrixCell } from '../../lib/api.ts';
import { heatOf, rateInterval, rateText, speedText } from '../../lib/benchmark-figures.ts';
import { cellLink } from '../../lib/cell-link.ts';
import { points } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import { Section } from '../parts.tsx';
import { EquivalenceBadge } from './equivalence-badge.tsx';

/** Text keeps its contrast: colours are mixed in up to a third. */
function heatColor(heat: number): string {
  const hue = heat >= 0 ? 'var(--accent)' : 'var(--warning)';
  return `color-mix(in srgb, ${hue} ${Math.round(34 * Math.abs(heat))}%, var(--surface))`;
}

function Cell({ cell, heat, experimentId }: { cell: MatrixCell; heat: number; experimentId: string }) {
  const { speedUp, examplesPerSecond, equivalence, accuracy, failed } = cell;
  return (
    <PageLink
      href={cellLink(experimentId, cell)}
      style={{ backgroundColor: heatColor(heat) }}
      className="flex h-full min-w-38 flex-col gap-1 rounded-md border border-line px-3 py-2 hover:outline-2 hover:outline-accent"
    >
      <span>
        <span className="text-base font-semibold">{speedUp === null ? '1×' : speedText(speedUp.value)}</span>
        <span className="ms-1.5 text-xs whitespace-nowrap">
          {speedUp === null ? 'baseline' : rateInterval(speedUp)}
        </span>
      </span>
      <span className="text-xs whitespace-nowrap">{rateText(examplesPerSecond.value)} examples/s</span>
      <span className="flex flex-wrap items-center gap-1.5 text-xs">
        {equivalence === null ? (
          `${(100 * accuracy.value).toFixed(1)} % right`
        ) : (
          <>
            {points(equivalence.difference.value)} points
            <EquivalenceBadge equivalence={equivalence} />
          </>
        )}
      </span>
      {failed > 0 ? <span className="text-xs">{failed} failed</span> : null}
    </PageLink>
  );
}

/** How many times as fast each optimisation makes each method, and what became of the answers; a cell leads to its examples. */
export function SpeedMatrix({ report, experimentId }: { report: BenchmarkReport; experimentId: string }) {
  const { methods, optimisations, cells, baseline } = report;
  const speeds = cells.map(({ speedUp }) => speedUp?.value ?? 1);
  return (
    <Section title="Speed-up">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label="Speed-up by method and optimisation" className="relative overflow-x-auto">
        <table className="h-px border-separate border-spacing-1 tabular-nums">
          <thead className="text-xs text-muted">
            <tr>
              <th scope="col" className="sticky start-0 z-10 bg-surface px-2 py-1 text-start font-medium">
                Method
              </th>
              {optimisations.map((name) => (
                <th key={name} scope="col" className="px-3 py-1 text-start font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {methods.map((method) => (
              <tr key={method}>
                <th
                  scope="row"
                  className="sticky start-0 z-10 max-w-28 bg-surface px-2 py-2 text-start align-top font-medium break-words"
                >
                  {method}
                </th>
                {optimisations.map((optimisation) => {
                  const cell = cells.find((one) => one.method === method && one.optimisation === optimisation);
                  return (
                    <td key={optimisation} className="h-full align-top">
                      {cell === undefined ? (
                        <span className="block px-3 py-2 text-muted">not measured</span>
                      ) : (
                        <Cell cell={cell} heat={heatOf(cell.speedUp?.value ?? 1, speeds)} experimentId={experimentId} />
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p className="mt-3 max-w-prose text-xs text-muted">
        Examples per second against {baseline} of the same method, in brackets the 95 % interval over repetitions; the
        stronger the colour the more doublings, yellow where it is slower. Below it the change of accuracy, and whether
        that is equivalent (two one-sided tests).
      </p>
    </Section>
  );
}
