'use client';
import { useCallback } from 'react';
import type { Estimate } from '../lib/api.ts';
import { scoreText } from '../lib/format.ts';
import { PlotFrame, type PlotFrameProps } from './plot-frame.tsx';

interface Named {
  readonly label: string;
  readonly estimate: Estimate;
}

/** A metric of several runs: a dot for the figure, a line for its interval. */
export function IntervalPlot({ metric, runs }: { metric: string; runs: readonly Named[] }) {
  const rows = runs.map(({ label, estimate }) => ({
    run: label,
    metric,
    value: estimate.value,
    low: estimate.low,
    high: estimate.high,
  }));
  const unit = runs[0]?.estimate.unit;
  const key = JSON.stringify(rows);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const data = JSON.parse(key) as typeof rows;
      const room = 20 + 7 * Math.max(...data.map((row) => row.run.length));
      // A name that would be cut off beside its line stands above it.
      const isBeside = room <= width * 0.4;
      return {
        marginLeft: isBeside ? room : 20,
        marginRight: 20,
        marginBottom: 40,
        x:
          unit === undefined
            ? { domain: [0, 1], tickFormat: (value: number) => `${Math.round(100 * value)} %`, grid: true, label: null }
            : { nice: true, grid: true, label: unit, labelOffset: 36 },
        y: { label: null, domain: data.map((row) => row.run), axis: isBeside ? 'left' : null },
        marks: [
          plot.ruleY(data, { y: 'run', x1: 'low', x2: 'high', stroke: 'var(--accent)', strokeWidth: 3 }),
          plot.dot(data, { y: 'run', x: 'value', fill: 'var(--accent)', r: 5 }),
          isBeside ? null : plot.text(data, { y: 'run', text: 'run', frameAnchor: 'left', dy: -13 }),
        ],
      };
    },
    [key, unit],
  );
  const description = runs.map(({ label, estimate }) => `${label}: ${scoreText(estimate)}`).join('; ');
  return (
    <PlotFrame
      title={`${metric}, 95 % intervals`}
      description={description}
      fileName={`${metric}-intervals`}
      height={60 + 34 * runs.length}
      rows={rows}
      options={options}
    />
  );
}
