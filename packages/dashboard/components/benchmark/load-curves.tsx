'use client';
import type { Markish, PlotOptions } from '@observablehq/plot';
import { useCallback, useMemo, useState } from 'react';
import type { BenchmarkReport, LoadCurve } from '../../lib/api.ts';
import { arrivalsText, rateText } from '../../lib/benchmark-figures.ts';
import { duration } from '../../lib/format.ts';
import { groupLook } from '../../lib/group-looks.ts';
import {
  type Across,
  type Drawn,
  type LoadFigure,
  type LoadSeries,
  type Loop,
  loadFigures,
  loadSeries,
  loopOf,
  offered,
  spansWidely,
} from '../../lib/load-series.ts';
import { Choice, Section } from '../parts.tsx';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';
import { LoadTable } from './load-table.tsx';

type Plot = typeof import('@observablehq/plot');
type Look = ReturnType<typeof groupLook>;

const height = 340;

const figureText = ({ unit }: LoadFigure, value: number) => (unit === 'ms' ? duration(value) : `${rateText(value)}/s`);

const acrossLabels: Record<Loop, Record<Across, string>> = {
  closed: { offered: 'requests at once', achieved: 'requests answered per second' },
  open: { offered: 'requests sent per second', achieved: 'requests answered per second' },
};

const pointText = (figure: LoadFigure, optimisation: string, { y, point }: Drawn) =>
  [
    `${optimisation}, ${arrivalsText(point.arrivals)}`,
    `${figure.label}: ${figureText(figure, y)}`,
    `answered ${rateText(point.requestsPerSecond.value)}/s`,
    ...(point.saturated ? ['saturated'] : []),
  ].join('\n');

function marksOf(plot: Plot, { drawn }: LoadSeries, { color, dash }: Look): Markish[] {
  return [
    plot.line(drawn, { x: 'x', y: 'y', stroke: color, strokeWidth: 2, strokeDasharray: dash }),
    plot.ruleX(drawn, { x: 'x', y1: 'low', y2: 'high', stroke: color, strokeOpacity: 0.5, strokeWidth: 3 }),
    plot.dot(
      drawn.filter(({ point }) => !point.saturated),
      { x: 'x', y: 'y', r: 4, fill: color },
    ),
    // Saturated: hollow and crossed, so that the colour is not all that tells.
    ...(['circle', 'times'] as const).map((symbol) =>
      plot.dot(
        drawn.filter(({ point }) => point.saturated),
        {
          x: 'x',
          y: 'y',
          r: symbol === 'circle' ? 6 : 4,
          symbol,
          stroke: color,
          strokeWidth: 1.75,
          fill: symbol === 'circle' ? 'var(--surface)' : 'none',
        },
      ),
    ),
  ];
}

function plotOptions(
  plot: Plot,
  width: number,
  shown: { series: readonly LoadSeries[]; looks: ReadonlyMap<string, Look>; figure: LoadFigure; label: string },
): PlotOptions {
  const { series, looks, figure, label } = shown;
  const drawn = series.flatMap((one) => one.drawn);
  const xs = drawn.map(({ x }) => x);
  const isLogX = spansWidely(xs);
  // An interval that reaches below 0 is cut off: it has no place on a logarithmic scale.
  const lows = drawn.map(({ y, low }) => (low > 0 ? low : y));
  const isLogY = spansWidely([...drawn.map(({ y }) => y), ...lows]);
  const lookOf = (optimisation: string) => looks.get(optimisation) ?? groupLook(0);
  const tips = series.flatMap(({ optimisation, drawn: own }) =>
    own.map((one) => ({ ...one, text: pointText(figure, optimisation, one), color: lookOf(optimisation).color })),
  );
  return {
    marginLeft: 60,
    marginRight: 16,
    marginBottom: 42,
    x: {
      label,
      labelOffset: 38,
      labelArrow: 'none',
      grid: true,
      nice: !isLogX,
      ...(isLogX
        ? { type: 'log', base: 2, ticks: [...new Set(xs.map((x) => 2 ** Math.round(Math.log2(x))))] }
        : { zero: true }),
      tickFormat: (x: number) => rateText(x).replace(/\.0+$/, ''),
      ...(width < 420 && !isLogX ? { ticks: 5 } : {}),
    },
    y: {
      label: null,
      grid: true,
      ...(isLogY
        ? {
            type: 'log',
            ticks: 5,
            domain: [Math.min(...lows) / 1.2, Math.max(...drawn.map(({ high }) => high)) * 1.2],
            clamp: true,
          }
        : { zero: true, nice: true }),
      tickFormat: (y: number) =>
        figure.unit === 'ms' ? duration(y).replace(/\.0 /, ' ') : rateText(y).replace(/\.0+$/, ''),
    },
    marks: [
      ...series.flatMap((one) => marksOf(plot, one, lookOf(one.optimisation))),
      plot.tip(
        tips,
        plot.pointer({
          x: 'x',
          y: 'y',
          fill: 'var(--surface)',
          stroke: 'color',
          title: (tip: (typeof tips)[number]) => tip.text,
        }),
      ),
    ],
  };
}

function Legend({
  curves,
  looks,
  isAnySaturated,
}: {
  curves: readonly LoadCurve[];
  looks: ReadonlyMap<string, Look>;
  isAnySaturated: boolean;
}) {
  return (
    <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1">
      {curves.map(({ optimisation, sustainedPerSecond }) => {
        const { color, dash } = looks.get(optimisation) ?? groupLook(0);
        return (
          <li key={optimisation} className="flex items-center gap-2">
            <svg aria-hidden="true" width="28" height="10">
              <line x1="0" x2="28" y1="5" y2="5" stroke={color} strokeWidth="2.5" strokeDasharray={dash} />
            </svg>
            {optimisation}
            {sustainedPerSecond === null ? null : (
              <span className="text-muted">keeps up with {rateText(sustainedPerSecond)}/s</span>
            )}
          </li>
        );
      })}
      {isAnySaturated ? (
        <li className="flex items-center gap-2 text-muted">
          <svg aria-hidden="true" width="14" height="14" stroke="currentColor" strokeWidth="1.75" fill="none">
            <circle cx="7" cy="7" r="5.5" />
            <path d="M4 4 L10 10 M10 4 L4 10" />
          </svg>
          saturated: requests came faster than answers
        </li>
      ) : null}
    </ul>
  );
}

const rowsOf = (series: readonly LoadSeries[], figure: LoadFigure) =>
  series.flatMap(({ optimisation, drawn }) =>
    drawn.map(({ y, low, high, point }) => ({
      optimisation,
      load: arrivalsText(point.arrivals),
      offered: offered(point),
      answeredPerSecond: point.requestsPerSecond.value,
      figure: figure.key,
      value: y,
      low,
      high,
      saturated: point.saturated ? 'yes' : 'no',
    })),
  );

/** Throughput and latency of the engines as the load grows. */
export function LoadCurves({ report }: { report: BenchmarkReport }) {
  const curves = report.load;
  const loops = [...new Set(curves.flatMap(({ points }) => points.map(loopOf)))];
  const [chosenLoop, setLoop] = useState<Loop>();
  const [across, setAcross] = useState<Across>('offered');
  const measured = loadFigures.filter(({ of }) =>
    curves.some(({ points }) => points.some((point) => of(point) !== null)),
  );
  const [key, setKey] = useState('totalP95Ms');
  const loop = chosenLoop ?? loops[0] ?? 'closed';
  const figure = measured.find((one) => one.key === key) ?? measured[0];
  const looks = useMemo(() => new Map(curves.map(({ optimisation }, i) => [optimisation, groupLook(i)])), [curves]);
  const series = useMemo(
    () => (figure === undefined ? [] : loadSeries(curves, { loop, across, figure })),
    [curves, loop, across, figure],
  );
  const label = acrossLabels[loop][across];
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => plotOptions(plot, width, { series, looks, figure: figure as LoadFigure, label }),
    [series, looks, figure, label],
  );
  if (figure === undefined) return null;
  return (
    <Section
      title="Under load"
      actions={
        <>
          {loops.length > 1 ? (
            <Choice
              label="Load"
              value={loop}
              values={[
                ['closed', 'so many at once'],
                ['open', 'so many per second'],
              ]}
              onChange={(value) => setLoop(value as Loop)}
            />
          ) : null}
          <Choice
            label="Figure"
            value={figure.key}
            values={measured.map((one) => [one.key, one.label])}
            onChange={setKey}
          />
          <Choice
            label="Across"
            value={across}
            values={[
              ['offered', 'what was sent'],
              ['achieved', 'what was answered'],
            ]}
            onChange={(value) => setAcross(value as Across)}
          />
        </>
      }
    >
      <PlotFrame
        title={`${figure.label} by ${label}`}
        description={series
          .map(
            ({ optimisation, drawn }) =>
              `${optimisation}: ${drawn.map(({ x, y }) => `${figureText(figure, y)} at ${rateText(x)}`).join(', ')}`,
          )
          .join('; ')}
        fileName={`load-${figure.key}`}
        height={height}
        rows={rowsOf(series, figure)}
        options={options}
      />
      <Legend
        curves={curves}
        looks={looks}
        isAnySaturated={series.some(({ drawn }) => drawn.some(({ point }) => point.saturated))}
      />
      <LoadTable curves={curves} loop={loop} />
    </Section>
  );
}
