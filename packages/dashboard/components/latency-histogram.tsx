'use client';
import { useCallback } from 'react';
import type { RunSummary } from '../lib/api.ts';
import { count, duration } from '../lib/format.ts';
import { PlotFrame, type PlotFrameProps } from './plot-frame.tsx';

type Latency = NonNullable<RunSummary['latencyMs']>;

/** How the latencies of a run are spread, with its percentiles. */
export function LatencyHistogram({ latency, label }: { latency: Latency; label: string }) {
  const { histogram } = latency;
  const rows = histogram.counts.map((examples, i) => ({
    fromMs: histogram.low + i * histogram.binWidth,
    toMs: histogram.low + (i + 1) * histogram.binWidth,
    examples,
  }));
  const marks = [
    { name: 'p50', at: latency.p50.value },
    { name: 'p95', at: latency.p95.value },
    { name: 'p99', at: latency.p99.value },
  ];
  const key = JSON.stringify({ rows, marks });
  const options = useCallback<PlotFrameProps['options']>(
    (plot) => {
      const data = JSON.parse(key) as { rows: typeof rows; marks: typeof marks };
      return {
        marginTop: 46,
        marginBottom: 40,
        marginLeft: 48,
        marginRight: 24,
        x: { label: 'ms per example', labelOffset: 36 },
        y: { label: 'examples', grid: true },
        marks: [
          plot.rectY(data.rows, { x1: 'fromMs', x2: 'toMs', y: 'examples', fill: 'var(--accent)', insetRight: 1 }),
          plot.ruleX(data.marks, { x: 'at', stroke: 'currentColor', strokeDasharray: '4 3' }),
          // On steps: where percentiles lie close together, their names must not cover each other.
          data.marks.map((mark, i) =>
            plot.text([mark], { x: 'at', text: 'name', frameAnchor: 'top', lineAnchor: 'bottom', dy: -4 - 12 * i }),
          ),
          plot.ruleY([0]),
        ],
      };
    },
    [key],
  );
  const description = `${label}: half within ${duration(latency.p50.value)}, 95 % within ${duration(latency.p95.value)}, 99 % within ${duration(latency.p99.value)}${histogram.above > 0 ? `; ${count(histogram.above)} slower ones are not drawn` : ''}`;
  return (
    <div>
      <PlotFrame
        title={`Latency of ${label}`}
        description={description}
        fileName={`latency-${label}`}
        height={220}
        rows={rows}
        options={options}
      />
      {histogram.above > 0 ? (
        <p className="text-xs text-muted">
          Not drawn: {count(histogram.above)} slower {histogram.above === 1 ? 'example' : 'examples'}.
        </p>
      ) : null}
    </div>
  );
}
