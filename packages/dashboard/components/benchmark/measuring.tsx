import type { BenchmarkDetail } from '../../lib/api.ts';
import { arrivalsText, pointName, rateText } from '../../lib/benchmark-figures.ts';
import { count, duration } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import { Section, StateBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';

type CellRun = BenchmarkDetail['cells'][number];

const hasEnded = ({ status }: CellRun) => status === 'finished' || status === 'failed';

function Bar({ label, done, total, unit }: { label: string; done: number; total: number; unit: string }) {
  const text = `${count(done)} of ${count(total)} ${unit}`;
  return (
    <div className="grid min-w-0 gap-1.5">
      <span className="flex flex-wrap justify-between gap-x-4">
        <span className="font-medium">{label}</span>
        <span className="text-muted tabular-nums">{text}</span>
      </span>
      <ProgressBar label={label} share={total === 0 ? 0 : done / total} text={text} />
    </div>
  );
}

/** Where the repetitions of one cell stand. */
function Repetitions({ runs, experimentId }: { runs: readonly CellRun[]; experimentId: string }) {
  return (
    <ul className="grid gap-1">
      {runs.map(({ runId, repetition, status, done, total, use }) => (
        <li key={runId} className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
          <PageLink
            href={`/experiment?id=${experimentId}&run=${runId}`}
            className="text-accent hover:underline"
            aria-label={`Repetition ${repetition}`}
          >
            #{repetition}
          </PageLink>
          <StateBadge state={status} />
          <span className="text-xs whitespace-nowrap text-muted">
            {status === 'running' && total !== null ? `${count(done)} of ${count(total)}` : ''}
            {use === null ? '' : duration(use.wallMs)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function CellsSoFar({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { cells, experimentId } = benchmark;
  const optimisations = [...new Set(cells.map(({ optimisation }) => optimisation))];
  const byMethod = Map.groupBy(cells, ({ method }) => method);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Cells of the matrix" className="relative max-h-[70vh] overflow-auto">
      <table className="w-full tabular-nums">
        <thead className="text-left text-xs text-muted">
          <tr className="border-b border-line">
            {['Method', ...optimisations].map((name) => (
              <th key={name} scope="col" className="py-2 pe-4 font-medium first:sticky first:start-0 first:bg-surface">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...byMethod].map(([method, own]) => (
            <tr key={method} className="border-b border-line align-top last:border-0">
              <th scope="row" className="sticky start-0 bg-surface py-2 pe-4 text-start font-medium">
                {method}
              </th>
              {optimisations.map((optimisation) => (
                <td key={optimisation} className="min-w-36 py-2 pe-4">
                  <Repetitions
                    runs={own
                      .filter((one) => one.optimisation === optimisation)
                      .toSorted((a, b) => a.repetition - b.repetition)}
                    experimentId={experimentId}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function LoadsSoFar({ loads }: { loads: BenchmarkDetail['loads'] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Loads measured so far" className="relative max-h-96 overflow-auto">
      <table className="w-full tabular-nums">
        <thead className="text-left text-xs text-muted">
          <tr className="border-b border-line">
            {['Optimisation', 'Load', 'Answered/s', 'First token p95', 'Answer p95', 'Reading'].map((name) => (
              <th key={name} scope="col" className="py-2 pe-4 font-medium whitespace-nowrap">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {loads.toReversed().map(({ optimisation, arrivals, repetition, measured }) => (
            <tr
              key={`${optimisation} ${arrivalsText(arrivals)} ${repetition}`}
              className="border-b border-line whitespace-nowrap last:border-0"
            >
              <td className="py-1.5 pe-4">{optimisation}</td>
              <td className="py-1.5 pe-4">
                {arrivalsText(arrivals)} <span className="text-muted">#{repetition}</span>
              </td>
              <td className="py-1.5 pe-4">{rateText(measured.requestsPerSecond)}</td>
              <td className="py-1.5 pe-4">{measured.ttftMs === null ? '–' : duration(measured.ttftMs.p95)}</td>
              <td className="py-1.5 pe-4">{measured.totalMs === null ? '–' : duration(measured.totalMs.p95)}</td>
              <td className="py-1.5 pe-4">
                {measured.saturated ? '⊗ saturated' : '✓ kept up'}
                {measured.failed > 0 ? `, ${count(measured.failed)} failed` : ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** How far a benchmark is that has no report yet, with what is measured so far. */
export function Measuring({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { cells, loads, loadsTotal } = benchmark;
  const now = cells.find(({ status }) => status === 'running');
  return (
    <Section title="Progress">
      <div className="grid gap-5">
        <div className="grid gap-4 sm:grid-cols-2">
          <Bar label="Cells of the matrix" done={cells.filter(hasEnded).length} total={cells.length} unit="measured" />
          {loadsTotal === 0 ? null : <Bar label="Loads" done={loads.length} total={loadsTotal} unit="measured" />}
        </div>
        {now === undefined ? null : (
          <p>
            Now: <span className="font-medium">{pointName(now)}</span>, repetition {now.repetition}
            {now.total === null ? '' : `, ${count(now.done)} of ${count(now.total)} examples`}
          </p>
        )}
        <CellsSoFar benchmark={benchmark} />
        {loads.length === 0 ? null : <LoadsSoFar loads={loads} />}
      </div>
    </Section>
  );
}
