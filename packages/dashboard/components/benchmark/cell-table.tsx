import type { BenchmarkReport, MatrixCell } from '../../lib/api.ts';
import { money, rateInterval, rateText, speedText } from '../../lib/benchmark-figures.ts';
import { cellLink } from '../../lib/cell-link.ts';
import { count, duration, points, pValue } from '../../lib/format.ts';
import { bytes } from '../../lib/training-figures.ts';
import { PageLink } from '../page-link.tsx';
import { Section } from '../parts.tsx';
import { EquivalenceBadge } from './equivalence-badge.tsx';

const share = (value: number) => `${(100 * value).toFixed(1)} %`;
const optional = (value: number | null, text: (value: number) => string) => (value === null ? '–' : text(value));

/** Figure, then what it rests on. */
type Told = readonly [string, string?];

interface Column {
  readonly name: string;
  readonly told: (cell: MatrixCell) => Told;
  /** Whether any cell has it. */
  readonly isThere?: (cell: MatrixCell) => boolean;
}

const columns: readonly Column[] = [
  {
    name: 'Accuracy',
    told: ({ accuracy: { value, low, high } }) => [
      share(value),
      `[${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`,
    ],
  },
  {
    name: 'Speed-up',
    told: ({ speedUp }) => (speedUp === null ? ['baseline'] : [speedText(speedUp.value), rateInterval(speedUp)]),
  },
  { name: 'Examples/s', told: ({ examplesPerSecond: one }) => [rateText(one.value), rateInterval(one)] },
  { name: 'Output tokens/s', told: ({ completionTokensPerSecond: one }) => [rateText(one.value), rateInterval(one)] },
  {
    name: 'Latency p50, p95',
    told: ({ latencyP50Ms, latencyP95Ms }) => [
      optional(latencyP50Ms?.value ?? null, duration),
      optional(latencyP95Ms?.value ?? null, duration),
    ],
  },
  {
    name: 'Flips',
    told: ({ equivalence }) =>
      equivalence === null
        ? ['–']
        : [
            share(equivalence.flipRate.value),
            `${equivalence.flips.toRight} to right, ${equivalence.flips.toWrong} to wrong`,
          ],
  },
  {
    name: 'Other text',
    told: ({ equivalence }) => [equivalence === null ? '–' : share(equivalence.changedRate.value)],
  },
  {
    name: 'Prompt tokens, cached',
    told: ({ promptTokensPerExample, cachedPromptShare }) => [
      optional(promptTokensPerExample, count),
      optional(cachedPromptShare, (value) => `${share(value)} cached`),
    ],
  },
  {
    name: 'Cached answers',
    told: ({ responseHitRate }) => [optional(responseHitRate, share)],
    isThere: ({ responseHitRate }) => (responseHitRate ?? 0) > 0,
  },
  {
    name: 'Peak memory',
    told: ({ peakMemoryBytes }) => [optional(peakMemoryBytes, bytes)],
    isThere: ({ peakMemoryBytes }) => peakMemoryBytes !== null,
  },
  {
    name: 'Energy per example',
    told: ({ joulesPerExample }) => [optional(joulesPerExample, (value) => `${rateText(value)} J`)],
    isThere: ({ joulesPerExample }) => joulesPerExample !== null,
  },
  {
    name: 'Cost',
    told: ({ costPerThousand, costPerCorrect }) => [
      optional(costPerThousand, (value) => `${money(value)} a thousand`),
      optional(costPerCorrect, (value) => `${money(value)} a right one`),
    ],
    isThere: ({ costPerThousand }) => costPerThousand !== null,
  },
];

function Accuracy({ cell: { equivalence } }: { cell: MatrixCell }) {
  if (equivalence === null) return <>–</>;
  const { difference, pValue: p, adjustedPValue } = equivalence;
  return (
    <>
      <EquivalenceBadge equivalence={equivalence} />
      <span className="block text-xs text-muted">
        {points(difference.value)} [{points(difference.low)}, {points(difference.high)}]
      </span>
      <span className="block text-xs text-muted">
        TOST {pValue(p)}
        {adjustedPValue === null ? '' : `, corrected ${pValue(adjustedPValue)}`}
      </span>
    </>
  );
}

function Row({ cell, shown, experimentId }: { cell: MatrixCell; shown: readonly Column[]; experimentId: string }) {
  return (
    <tr className="border-b border-line align-top last:border-0">
      <th scope="row" className="sticky start-0 bg-surface py-2 ps-4 pe-4 text-start font-normal">
        <PageLink href={cellLink(experimentId, cell)} className="text-accent hover:underline">
          {cell.optimisation}
        </PageLink>
        <span className="block text-xs whitespace-nowrap text-muted">
          n = {count(cell.n)}
          {cell.failed > 0 ? `, ${count(cell.failed)} failed` : ''}
        </span>
      </th>
      <td className="py-2 pe-4 whitespace-nowrap">
        <Accuracy cell={cell} />
      </td>
      {shown.map(({ name, told }) => {
        const [figure, base] = told(cell);
        return (
          <td key={name} className="py-2 pe-4 whitespace-nowrap">
            {figure}
            {base === undefined ? null : <span className="block text-xs text-muted">{base}</span>}
          </td>
        );
      })}
    </tr>
  );
}

/** Every figure of every cell. */
export function CellTable({ report, experimentId }: { report: BenchmarkReport; experimentId: string }) {
  const { methods, cells, baseline } = report;
  const shown = columns.filter(({ isThere }) => isThere === undefined || cells.some(isThere));
  const heads = ['Optimisation', `Answers against ${baseline}`, ...shown.map(({ name }) => name)];
  return (
    <Section title="All figures">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label="All figures of the matrix" className="relative max-h-[80vh] overflow-auto">
        <table className="w-full tabular-nums">
          <thead className="sticky top-0 z-20 bg-surface text-left text-xs text-muted">
            <tr className="border-b border-line">
              {heads.map((name) => (
                <th
                  key={name}
                  scope="col"
                  className="py-2 pe-4 font-medium whitespace-nowrap first:sticky first:start-0 first:bg-surface first:ps-4"
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          {methods.map((method) => (
            <tbody key={method}>
              <tr className="bg-raised">
                <th scope="rowgroup" colSpan={heads.length} className="p-0 text-start font-semibold">
                  <span className="sticky start-0 inline-block px-4 py-1.5">{method}</span>
                </th>
              </tr>
              {cells
                .filter((cell) => cell.method === method)
                .map((cell) => (
                  <Row key={cell.optimisation} cell={cell} shown={shown} experimentId={experimentId} />
                ))}
            </tbody>
          ))}
        </table>
      </section>
      <p className="mt-3 max-w-prose text-xs text-muted">
        In brackets 95 % intervals: of accuracy over examples, of speeds over repetitions. Flips are examples whose
        rightness changed against the baseline, either way; equivalence is tested with two one-sided tests (TOST).
      </p>
    </Section>
  );
}
