import type { LoadCurve, LoadPoint, Quantity } from '../../lib/api.ts';
import { arrivalsText, rateInterval, rateText } from '../../lib/benchmark-figures.ts';
import { count, duration } from '../../lib/format.ts';
import { type Loop, loopOf, offered } from '../../lib/load-series.ts';

const optional = (value: Quantity | null, text: (value: number) => string) =>
  value === null ? '–' : text(value.value);

const columns: readonly (readonly [string, (point: LoadPoint) => string])[] = [
  ['Answered/s', ({ requestsPerSecond: one }) => `${rateText(one.value)} ${rateInterval(one)}`],
  ['Output tokens/s', ({ completionTokensPerSecond: one }) => optional(one, count)],
  ['Goodput/s', ({ goodputPerSecond: one }) => optional(one, rateText)],
  ['TTFT p50', ({ ttftP50Ms: one }) => optional(one, duration)],
  ['TTFT p95', ({ ttftP95Ms: one }) => optional(one, duration)],
  ['TPOT p50', ({ tpotP50Ms: one }) => optional(one, duration)],
  ['Between tokens p95', ({ interTokenP95Ms: one }) => optional(one, duration)],
  ['Answer p50', ({ totalP50Ms: one }) => optional(one, duration)],
  ['Answer p95', ({ totalP95Ms: one }) => optional(one, duration)],
  ['From cache', ({ cachedPromptShare: one }) => (one === null ? '–' : `${(100 * one).toFixed(0)} %`)],
  ['Failed', ({ failed }) => count(failed)],
];

/** The figures of every load, for those who want the numbers. */
export function LoadTable({ curves, loop }: { curves: readonly LoadCurve[]; loop: Loop }) {
  const rows = curves.flatMap(({ optimisation, points }) =>
    points
      .filter((point) => loopOf(point) === loop)
      .toSorted((a, b) => offered(a) - offered(b))
      .map((point) => ({ optimisation, point })),
  );
  return (
    <details className="mt-4">
      <summary className="text-accent">All figures of these loads</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label="Figures of the loads" className="relative mt-2 max-h-[70vh] overflow-auto">
        <table className="w-full tabular-nums">
          <thead className="text-left text-xs text-muted">
            <tr className="border-b border-line">
              {['Optimisation and load', 'Reading', ...columns.map(([name]) => name)].map((name) => (
                <th
                  key={name}
                  scope="col"
                  className="py-2 pe-4 font-medium whitespace-nowrap first:sticky first:start-0 first:bg-surface"
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ optimisation, point }) => {
              const load = arrivalsText(point.arrivals);
              return (
                <tr key={`${optimisation} ${load}`} className="border-b border-line last:border-0">
                  <th scope="row" className="sticky start-0 bg-surface py-1.5 pe-4 text-start font-normal">
                    <span className="font-medium">{optimisation}</span>
                    <span className="block text-xs whitespace-nowrap text-muted">{load}</span>
                  </th>
                  <td className="py-1.5 pe-4 whitespace-nowrap">
                    {point.saturated ? (
                      <span className="rounded-full bg-warning-soft px-2 py-0.5 text-xs font-medium text-warning">
                        ⊗ saturated
                      </span>
                    ) : (
                      <span className="text-xs text-muted">✓ kept up</span>
                    )}
                  </td>
                  {columns.map(([name, text]) => (
                    <td key={name} className="py-1.5 pe-4 whitespace-nowrap">
                      {text(point)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </details>
  );
}
