'use client';
import { useCallback } from 'react';
import type { Estimate } from '../../lib/api.ts';
import { scoreText } from '../../lib/format.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

interface Named {
  readonly label: string;
  readonly estimate: Estimate;
}

/** Of each run, the share of claims that the passages state and the share that they do not: the hallucination rate. */
export function FaithfulnessBars({ runs }: { runs: readonly Named[] }) {
  const rows = runs.map(({ label, estimate }) => ({
    run: label,
    supported: estimate.value,
    unsupported: 1 - estimate.value,
    low: estimate.low,
    high: estimate.high,
  }));
  const key = JSON.stringify(rows);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const data = JSON.parse(key) as typeof rows;
      const room = 20 + 7 * Math.max(...data.map((row) => row.run.length));
      return {
        marginLeft: Math.min(room, width * 0.4),
        marginRight: 20,
        marginBottom: 40,
        x: { domain: [0, 1], tickFormat: (value: number) => `${Math.round(100 * value)} %`, label: null },
        y: { label: null, domain: data.map((row) => row.run) },
        marks: [
          plot.barX(data, { y: 'run', x1: 0, x2: 'supported', fill: 'var(--correct)', fillOpacity: 0.55 }),
          plot.barX(data, { y: 'run', x1: 'supported', x2: 1, fill: 'var(--wrong)', fillOpacity: 0.4 }),
          plot.ruleY(data, { y: 'run', x1: 'low', x2: 'high', stroke: 'currentColor', strokeWidth: 2 }),
          plot.tickX(data, { y: 'run', x: 'low', stroke: 'currentColor', inset: 8 }),
          plot.tickX(data, { y: 'run', x: 'high', stroke: 'currentColor', inset: 8 }),
        ],
      };
    },
    [key],
  );
  const description = runs.map(({ label, estimate }) => `${label}: ${scoreText(estimate)} supported`).join('; ');
  return (
    <>
      <PlotFrame
        title="Claims that the passages state"
        description={description}
        fileName="faithfulness"
        height={60 + 40 * runs.length}
        rows={rows}
        options={options}
      />
      <p className="mt-2 text-xs text-muted">
        Left: supported claims. Right: the hallucination rate. Line: 95 % interval. Without passages no claim is
        supported.
      </p>
    </>
  );
}
