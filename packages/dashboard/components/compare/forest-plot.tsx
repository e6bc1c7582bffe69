'use client';
import { useCallback } from 'react';
import type { ComparedRuns } from '../../lib/api.ts';
import { scoreDifference } from '../../lib/format.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

/** Differences from the baseline with their intervals; what touches 0 may be none. */
export function ForestPlot({ compared }: { compared: ComparedRuns }) {
  const baseline = compared.runs[0]?.label ?? '';
  const unit = compared.comparisons[0]?.unit;
  // Shares are shown in points of a hundred.
  const scale = unit === undefined ? 100 : 1;
  const rows = compared.comparisons.map(({ candidate, difference, verdict }) => ({
    run: candidate,
    baseline,
    metric: compared.metric,
    difference: scale * difference.value,
    low: scale * difference.low,
    high: scale * difference.high,
    verdict,
  }));
  const key = JSON.stringify(rows);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const data = JSON.parse(key) as typeof rows;
      const longest = Math.max(...data.map((row) => row.run.length));
      const reach = Math.max(
        unit === undefined ? 5 : 0,
        ...data.flatMap((row) => [Math.abs(row.low), Math.abs(row.high)]),
      );
      return {
        marginLeft: Math.min(width * 0.45, 20 + 7 * longest),
        marginRight: 20,
        marginBottom: 40,
        x: { domain: [-reach, reach], grid: true, label: `${unit ?? 'points'} against the baseline`, labelOffset: 36 },
        y: { label: null, domain: data.map((row) => row.run) },
        marks: [
          plot.ruleX([0], { stroke: 'currentColor' }),
          plot.ruleY(data, { y: 'run', x1: 'low', x2: 'high', stroke: 'var(--accent)', strokeWidth: 3 }),
          plot.dot(data, { y: 'run', x: 'difference', fill: 'var(--accent)', r: 5 }),
        ],
      };
    },
    [key, unit],
  );
  const description = rows
    .map(
      (row) =>
        `${row.run}: ${scoreDifference(row.difference / scale, unit)} [${row.low.toFixed(1)}, ${row.high.toFixed(1)}]`,
    )
    .join('; ');
  return (
    <PlotFrame
      title={`${compared.metric} against ${baseline}`}
      description={description}
      fileName={`differences-${compared.metric}`}
      height={70 + 34 * rows.length}
      rows={rows}
      options={options}
    />
  );
}
