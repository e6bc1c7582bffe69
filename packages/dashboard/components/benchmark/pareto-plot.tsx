'use client';
import type { Markish, PlotOptions } from '@observablehq/plot';
import { useCallback, useMemo } from 'react';
import type { BenchmarkReport, ParetoPoint } from '../../lib/api.ts';
import { money, pointName } from '../../lib/benchmark-figures.ts';
import { duration } from '../../lib/format.ts';
import { groupLook } from '../../lib/group-looks.ts';
import { spansWidely } from '../../lib/load-series.ts';
import { paretoFront } from '../../lib/pareto.ts';
import { spreadLabels } from '../../lib/spread-labels.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

type Plot = typeof import('@observablehq/plot');
export type Axis = 'latency' | 'cost';

const height = 420;
const margins = { marginLeft: 48, marginBottom: 42, marginTop: 20 };
/** One for each method. */
const symbols = ['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'cross'] as const;

type Symbol = (typeof symbols)[number];

export const axisText = (axis: Axis, costUnit: BenchmarkReport['pareto']['costUnit']) => {
  if (axis === 'latency') return 'median latency';
  return costUnit === 'usd-per-thousand' ? 'US dollars per thousand examples' : 'seconds of machine time per example';
};

export const valueText = (axis: Axis, costUnit: BenchmarkReport['pareto']['costUnit'], value: number) => {
  if (axis === 'latency') return duration(value);
  return costUnit === 'usd-per-thousand' ? money(value) : duration(1000 * value);
};

interface Drawn extends ParetoPoint {
  readonly x: number;
  readonly low: number;
  readonly high: number;
  readonly color: string;
  readonly symbol: Symbol;
}

function drawnOf(report: BenchmarkReport, axis: Axis): Drawn[] {
  const { pareto, cells, methods, optimisations } = report;
  return pareto.points.map((point) => {
    const cell = cells.find(
      ({ method, optimisation }) => method === point.method && optimisation === point.optimisation,
    );
    return {
      ...point,
      x: axis === 'latency' ? point.latencyMs : point.cost,
      low: cell?.accuracy.low ?? point.accuracy,
      high: cell?.accuracy.high ?? point.accuracy,
      color: groupLook(optimisations.indexOf(point.optimisation)).color,
      symbol: symbols[methods.indexOf(point.method) % symbols.length] ?? 'circle',
    };
  });
}

function labelsOf(plot: Plot, points: readonly Drawn[], place: (point: Drawn) => { x: number; y: number }): Markish[] {
  const shifts = spreadLabels(points.map((point) => ({ ...place(point), label: pointName(point) })));
  return points.map((point, i) =>
    plot.text([point], {
      x: 'x',
      y: 'accuracy',
      text: pointName,
      dx: 11,
      dy: shifts[i] ?? 0,
      textAnchor: 'start',
      stroke: 'var(--surface)',
      fill: 'currentColor',
      strokeWidth: 4,
    }),
  );
}

function plotOptions(
  plot: Plot,
  width: number,
  { points, axis, costUnit }: { points: readonly Drawn[]; axis: Axis; costUnit: BenchmarkReport['pareto']['costUnit'] },
): PlotOptions {
  const xs = points.map(({ x }) => x);
  const isLog = spansWidely(xs);
  const domain = isLog ? [Math.min(...xs) / 1.25, Math.max(...xs) * 1.25] : [0, Math.max(...xs) * 1.08];
  const [from, to] = domain as [number, number];
  // Names need room; without it the legend and the table have to do.
  const isLabelled = width >= 560;
  const marginRight = isLabelled ? 190 : 16;
  const inner = {
    width: width - margins.marginLeft - marginRight,
    height: height - margins.marginTop - margins.marginBottom,
  };
  const top = Math.min(1, Math.ceil(10 * Math.max(...points.map(({ high }) => high))) / 10);
  const share = (x: number) => (isLog ? Math.log(x / from) / Math.log(to / from) : x / to);
  const place = ({ x, accuracy }: Drawn) => ({ x: share(x) * inner.width, y: (1 - accuracy / top) * inner.height });
  const frontier = points.filter(({ onFrontier }) => onFrontier);
  return {
    ...margins,
    marginRight,
    r: { type: 'identity' },
    x: {
      domain: [from, to],
      grid: true,
      label: axisText(axis, costUnit),
      labelArrow: 'none',
      labelOffset: 38,
      ...(isLog ? { type: 'log' } : {}),
      ticks: Math.max(3, Math.floor(inner.width / 90)),
      tickFormat: (x: number) => valueText(axis, costUnit, x).replace(/\.0 /, ' '),
    },
    y: { domain: [0, top], grid: true, ticks: 7, label: null, tickFormat: (y: number) => `${Math.round(100 * y)} %` },
    marks: [
      plot.line(paretoFront(points.map((point) => ({ ...point, score: point.accuracy, cost: point.x }))), {
        x: 'x',
        y: 'accuracy',
        curve: 'step-after',
        stroke: 'var(--text-muted)',
        strokeDasharray: '4 3',
      }),
      plot.ruleX(frontier, { x: 'x', y1: 'low', y2: 'high', stroke: 'color', strokeWidth: 1.5, strokeOpacity: 0.6 }),
      // Under the points: a name must not hide one.
      ...(isLabelled ? labelsOf(plot, frontier, place) : []),
      plot.dot(points, {
        x: 'x',
        y: 'accuracy',
        r: ({ probability }: Drawn) => 4 + 5 * probability,
        symbol: 'symbol',
        stroke: 'color',
        strokeWidth: 1.75,
        fill: ({ onFrontier, color }: Drawn) => (onFrontier ? color : 'var(--surface)'),
        fillOpacity: ({ probability }: Drawn) => 0.25 + 0.75 * probability,
      }),
      plot.tip(
        points,
        plot.pointer({
          x: 'x',
          y: 'accuracy',
          fill: 'var(--surface)',
          stroke: 'color',
          title: (point: Drawn) =>
            `${pointName(point)}\n${(100 * point.accuracy).toFixed(1)} % right, ${valueText(axis, costUnit, point.x)}\non the frontier with probability ${point.probability.toFixed(2)}`,
        }),
      ),
    ],
  };
}

const outlines: Record<Symbol, string> = {
  circle: 'M7 1.5a5.5 5.5 0 1 0 .01 0Z',
  square: 'M2 2h10v10H2Z',
  triangle: 'M7 1.5 13 12H1Z',
  diamond: 'M7 0.5 12 7 7 13.5 2 7Z',
  star: 'M7 1 8.6 5.2 13 5.3 9.5 8 10.8 12.4 7 9.9 3.2 12.4 4.5 8 1 5.3 5.4 5.2Z',
  wye: 'M5.5 13V8L1 5.2 2.6 2.6 7 5.2 11.4 2.6 13 5.2 8.5 8V13Z',
  cross: 'M5 1h4v4h4v4H9v4H5V9H1V5h4Z',
};

function Legend({ report }: { report: BenchmarkReport }) {
  const { points } = report.pareto;
  return (
    <div className="mt-2 grid gap-1">
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {report.optimisations.map((name, i) =>
          points.some(({ optimisation }) => optimisation === name) ? (
            <li key={name} className="flex items-center gap-1.5">
              <svg aria-hidden="true" width="12" height="12">
                <rect width="12" height="12" rx="3" fill={groupLook(i).color} />
              </svg>
              {name}
            </li>
          ) : null,
        )}
      </ul>
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {report.methods.map((name, i) => (
          <li key={name} className="flex items-center gap-1.5">
            <svg aria-hidden="true" width="14" height="14" fill="none" stroke="currentColor" strokeWidth="1.5">
              <path d={outlines[symbols[i % symbols.length] ?? 'circle']} />
            </svg>
            {name}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Accuracy against what it costs: filled points are on the frontier, larger and denser ones more surely. */
export function ParetoPlot({ report, axis }: { report: BenchmarkReport; axis: Axis }) {
  const { costUnit } = report.pareto;
  const points = useMemo(() => drawnOf(report, axis), [report, axis]);
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => plotOptions(plot, width, { points, axis, costUnit }),
    [points, axis, costUnit],
  );
  const rows = points.map(
    ({ method, optimisation, accuracy, low, high, latencyMs, cost, onFrontier, probability }) => ({
      method,
      optimisation,
      accuracy,
      accuracyLow: low,
      accuracyHigh: high,
      latencyMs,
      cost,
      onFrontier: onFrontier ? 'yes' : 'no',
      probability,
    }),
  );
  return (
    <>
      <PlotFrame
        title={`Accuracy against ${axisText(axis, costUnit)}`}
        description={`On the frontier: ${points
          .filter(({ onFrontier }) => onFrontier)
          .map(
            (point) =>
              `${pointName(point)}, ${(100 * point.accuracy).toFixed(1)} % at ${valueText(axis, costUnit, point.x)}`,
          )
          .join('; ')}. The table below holds every point.`}
        fileName={`pareto-${axis}`}
        height={height}
        rows={rows}
        options={options}
      />
      <Legend report={report} />
    </>
  );
}
