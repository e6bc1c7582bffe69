'use client';
import { useCallback, useMemo } from 'react';
import type { GroupLook } from '../../lib/group-looks.ts';
import { meanAndBand, type Point } from '../../lib/training-series.ts';
import { PlotFrame, type PlotFrameProps } from '../plot-frame.tsx';

/** One run's line. */
export interface Line {
  readonly variant: string;
  readonly points: readonly Point[];
  /** Of the validation rows. */
  readonly validations: readonly Point[];
}

/** Runs that are repeats of one another. */
export interface LineGroup {
  readonly group: string;
  readonly look: GroupLook;
  readonly lines: readonly Line[];
}

export interface CurveChartProps {
  readonly title: string;
  readonly fileName: string;
  readonly groups: readonly LineGroup[];
  readonly format: (value: number) => string;
  /** Numbers that the scale holds in any case. */
  readonly including?: readonly number[];
}

const height = 240;

const lineText = (format: CurveChartProps['format'], { variant, points, validations }: Line) => {
  const last = points.at(-1);
  const check = validations.at(-1);
  return [
    `${variant}: ${last === undefined ? 'nothing yet' : `${format(last.y)} at step ${Math.round(last.x)}`}`,
    ...(check === undefined ? [] : [`validation ${format(check.y)} at step ${check.x}`]),
  ].join(', ');
};

/** A figure over the steps: a line for each run, repeats with their mean and the band from lowest to highest. */
export function CurveChart({ title, fileName, groups, format, including }: CurveChartProps) {
  const drawn = useMemo(
    () =>
      groups.map(({ lines, ...group }) => ({
        ...group,
        lines,
        isRepeated: lines.length > 1,
        mean: meanAndBand(lines.map(({ points }) => points)),
      })),
    [groups],
  );
  const options = useCallback<PlotFrameProps['options']>(
    (plot, width) => {
      const tips = drawn.flatMap(({ look, lines }) =>
        lines.flatMap((line) => line.points.map((point) => ({ ...point, variant: line.variant, color: look.color }))),
      );
      return {
        marginLeft: 52,
        marginRight: 12,
        marginBottom: 36,
        style: {
          background: 'transparent',
          color: 'currentColor',
          fontFamily: 'inherit',
          fontSize: '12px',
          overflow: 'visible',
          '--plot-background': 'var(--surface)',
        } as never,
        x: {
          label: 'step',
          labelOffset: 32,
          ticks: Math.max(3, Math.floor(width / 90)),
          tickFormat: (x: number) => `${x}`,
        },
        y: { label: null, grid: true, nice: true, tickFormat: format, ticks: 5 },
        marks: [
          including === undefined
            ? null
            : plot.ruleY(including, { stroke: 'var(--text-muted)', strokeDasharray: '2 4' }),
          ...drawn.flatMap(({ look, lines, isRepeated, mean }) => [
            isRepeated
              ? plot.areaY(mean, { x: 'x', y1: 'low', y2: 'high', fill: look.color, fillOpacity: 0.16 })
              : null,
            ...lines.map(({ points }) =>
              plot.line(points, {
                x: 'x',
                y: 'y',
                stroke: look.color,
                strokeWidth: isRepeated ? 1 : 2,
                strokeOpacity: isRepeated ? 0.35 : 1,
                ...(isRepeated ? {} : { strokeDasharray: look.dash }),
              }),
            ),
            isRepeated
              ? plot.line(mean, { x: 'x', y: 'y', stroke: look.color, strokeWidth: 2.25, strokeDasharray: look.dash })
              : null,
          ]),
          ...drawn.flatMap(({ look, lines }) =>
            lines.map(({ validations }) =>
              plot.dot(validations, {
                x: 'x',
                y: 'y',
                symbol: 'diamond',
                r: 4,
                fill: look.color,
                stroke: 'var(--surface)',
                strokeWidth: 1.5,
              }),
            ),
          ),
          plot.tip(
            tips,
            plot.pointer({
              x: 'x',
              y: 'y',
              fill: 'var(--surface)',
              stroke: 'color',
              title: ({ x, y, variant }: (typeof tips)[number]) => `${variant}\nstep ${Math.round(x)}: ${format(y)}`,
            }),
          ),
        ],
      };
    },
    [drawn, format, including],
  );
  const lines = groups.flatMap((group) => group.lines);
  const rows = lines.flatMap(({ variant, points, validations }) => [
    ...points.map(({ x, y }) => ({ run: variant, rows: 'training', step: x, value: y })),
    ...validations.map(({ x, y }) => ({ run: variant, rows: 'validation', step: x, value: y })),
  ]);
  return (
    <PlotFrame
      title={title}
      description={lines.map((line) => lineText(format, line)).join('; ')}
      fileName={fileName}
      height={height}
      rows={rows}
      options={options}
    />
  );
}
