'use client';
import { useCallback } from 'react';
import type { ComparedRuns } from '../../lib/api.ts';
import { duration, scoreText } from '../../lib/format.ts';
import { paretoFront } from '../../lib/pareto.ts';
import { spreadLabels } from '../../lib/spread-labels.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

const height = 320;
const margins = { marginLeft: 52, marginBottom: 42, marginTop: 24 };

/** The score of each run against its latency, both with intervals; the line joins those that no other run beats on both. */
export function TradeoffPlot({ compared }: { compared: ComparedRuns }) {
  const { metric } = compared;
  const measured = compared.runs.flatMap(({ label, summary }) => {
    const score = summary?.metrics[metric];
    const latency = summary?.latencyMs?.p50;
    return score === undefined || latency === undefined ? [] : [{ label, score, latency }];
  });
  const unit = measured[0]?.score.unit;
  const rows = measured.map(({ label, score, latency }) => ({
    run: label,
    metric,
    score: score.value,
    scoreLow: score.low,
    scoreHigh: score.high,
    latencyP50Ms: latency.value,
    latencyLowMs: latency.low,
    latencyHighMs: latency.high,
  }));
  const key = JSON.stringify(rows);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const data = JSON.parse(key) as typeof rows;
      const front = paretoFront(data.map((row) => ({ ...row, cost: row.latencyP50Ms })));
      const widest = Math.max(...data.map((row) => row.latencyHighMs));
      const marginRight = Math.min(160, width * 0.25);
      const inner = {
        width: width - margins.marginLeft - marginRight,
        height: height - margins.marginTop - margins.marginBottom,
      };
      // Shares have a scale of their own; other scores the one that they need.
      const bounds = data.flatMap((row) => [row.scoreLow, row.scoreHigh]);
      const [low, high] = unit === undefined ? [0, 1] : [Math.min(...bounds), Math.max(...bounds)];
      const shifts = spreadLabels(
        data.map((row) => ({
          x: (row.latencyP50Ms / (widest * 1.1)) * inner.width,
          y: ((high - row.score) / (high - low || 1)) * inner.height,
          label: row.run,
        })),
      );
      return {
        ...margins,
        marginRight,
        x: { domain: [0, widest * 1.1], grid: true, label: 'median latency, ms', labelOffset: 38 },
        y:
          unit === undefined
            ? { domain: [0, 1], grid: true, label: null, tickFormat: (value: number) => `${Math.round(100 * value)} %` }
            : { domain: [low, high], nice: true, grid: true, label: unit },
        marks: [
          plot.line(front, { x: 'latencyP50Ms', y: 'score', stroke: 'var(--text-muted)', strokeDasharray: '4 3' }),
          plot.ruleX(data, {
            x: 'latencyP50Ms',
            y1: 'scoreLow',
            y2: 'scoreHigh',
            stroke: 'var(--accent)',
            strokeWidth: 2,
          }),
          plot.ruleY(data, {
            y: 'score',
            x1: 'latencyLowMs',
            x2: 'latencyHighMs',
            stroke: 'var(--accent)',
            strokeWidth: 2,
          }),
          plot.dot(data, { x: 'latencyP50Ms', y: 'score', fill: 'var(--accent)', r: 5 }),
          ...data.map((row, i) =>
            plot.text([row], {
              x: 'latencyP50Ms',
              y: 'score',
              text: 'run',
              dx: 8,
              dy: (shifts[i] ?? 0) + 10,
              textAnchor: 'start',
            }),
          ),
        ],
      };
    },
    [key, unit],
  );
  const description = measured
    .map(({ label, score, latency }) => `${label}: ${scoreText(score)} at ${duration(latency.value)}`)
    .join('; ');
  return (
    <PlotFrame
      title={`${metric} against latency`}
      description={`${description}. The dashed line joins the runs that no other one beats on both.`}
      fileName={`${metric}-latency`}
      height={height}
      rows={rows}
      options={options}
    />
  );
}
