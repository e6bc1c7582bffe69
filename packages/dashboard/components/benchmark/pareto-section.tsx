'use client';
import { useState } from 'react';
import type { BenchmarkReport, ParetoPoint } from '../../lib/api.ts';
import { pointName } from '../../lib/benchmark-figures.ts';
import { Choice, Section } from '../parts.tsx';
import { type Axis, axisText, ParetoPlot, valueText } from './pareto-plot.tsx';

function Probability({ value }: { value: number }) {
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden="true" className="inline-block h-2 w-16 overflow-hidden rounded-full bg-raised">
        <span className="block h-full bg-accent" style={{ width: `${100 * value}%` }} />
      </span>
      {value.toFixed(2)}
    </span>
  );
}

function Row({ point, costUnit }: { point: ParetoPoint; costUnit: BenchmarkReport['pareto']['costUnit'] }) {
  const { onFrontier, explanation } = point;
  return (
    <tr className="border-b border-line align-top last:border-0">
      <th scope="row" className="sticky start-0 bg-surface py-2 pe-4 text-start font-medium">
        {pointName(point)}
      </th>
      <td className="py-2 pe-4 whitespace-nowrap">{(100 * point.accuracy).toFixed(1)} %</td>
      <td className="py-2 pe-4 whitespace-nowrap">{valueText('latency', costUnit, point.latencyMs)}</td>
      <td className="py-2 pe-4 whitespace-nowrap">{valueText('cost', costUnit, point.cost)}</td>
      <td className="py-2 pe-4">
        <Probability value={point.probability} />
      </td>
      <td className="min-w-64 py-2">
        {onFrontier ? (
          <span className="rounded-full bg-correct-soft px-2 py-0.5 text-xs font-medium whitespace-nowrap text-correct">
            ● on the frontier
          </span>
        ) : (
          <span className="break-words text-muted">○ {explanation ?? 'dominated'}</span>
        )}
      </td>
    </tr>
  );
}

/** What no other point beats in everything, how surely, and why the rest is not among them. */
export function ParetoSection({ report }: { report: BenchmarkReport }) {
  const [axis, setAxis] = useState<Axis>('latency');
  const { costUnit, points } = report.pareto;
  if (points.length === 0) return null;
  const sorted = points.toSorted(
    (a, b) => Number(b.onFrontier) - Number(a.onFrontier) || b.probability - a.probability || b.accuracy - a.accuracy,
  );
  const heads = ['Point', 'Accuracy', 'Latency p50', costUnit === 'usd-per-thousand' ? 'Per thousand' : 'Machine time'];
  return (
    <Section
      title="Pareto frontier"
      actions={
        <Choice
          label="Against"
          value={axis}
          values={[
            ['latency', 'median latency'],
            ['cost', 'cost'],
          ]}
          onChange={(value) => setAxis(value as Axis)}
        />
      }
    >
      <ParetoPlot report={report} axis={axis} />
      <p className="mt-3 max-w-prose text-xs text-muted">
        Filled: no other point is at least as good in accuracy, latency and cost and better in one; the larger and
        denser, the more of the bootstrap draws say so. Upright lines: 95 % intervals of accuracy. The dashed line joins
        those that no other point beats in accuracy and {axisText(axis, costUnit)} alone.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label="Points of the trade-off" className="relative mt-4 max-h-[70vh] overflow-auto">
        <table className="w-full tabular-nums">
          <thead className="text-left text-xs text-muted">
            <tr className="border-b border-line">
              {[...heads, 'On the frontier', 'Why'].map((name) => (
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
            {sorted.map((point) => (
              <Row key={pointName(point)} point={point} costUnit={costUnit} />
            ))}
          </tbody>
        </table>
      </section>
    </Section>
  );
}
