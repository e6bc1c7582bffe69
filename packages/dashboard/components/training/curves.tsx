'use client';
import { useMemo, useState } from 'react';
import type { TrainingRun } from '../../lib/api.ts';
import { type GroupLook, groupLook } from '../../lib/group-looks.ts';
import type { LiveTraining } from '../../lib/live-training.ts';
import {
  noSeries,
  type Point,
  pointsOf,
  type RunSeries,
  type Step,
  smoothed,
  thinned,
  tokensPerSecond,
  type Validation,
} from '../../lib/training-series.ts';
import { Choice, Loading, Section } from '../parts.tsx';
import { CurveChart, type LineGroup } from './curve-chart.tsx';

interface Curve {
  readonly title: string;
  readonly fileName: string;
  readonly step: (step: Step) => number | null | undefined;
  readonly validation?: (validation: Validation) => number | null | undefined;
  readonly format: (value: number) => string;
  readonly including?: readonly number[];
  /** Drawn as it is: it has no noise. */
  readonly exact?: boolean;
}

const small = (value: number) => (value === 0 ? '0' : Number(value.toPrecision(3)).toString());

const curves: readonly Curve[] = [
  {
    title: 'Loss',
    fileName: 'loss',
    step: ({ loss }) => loss,
    validation: ({ loss }) => loss,
    format: small,
  },
  {
    title: 'Reward margin',
    fileName: 'reward-margin',
    step: ({ preference }) => preference?.margin,
    validation: ({ preference }) => preference?.margin,
    format: small,
    including: [0],
  },
  {
    title: 'Reward accuracy',
    fileName: 'reward-accuracy',
    step: ({ preference }) => preference?.accuracy,
    validation: ({ preference }) => preference?.accuracy,
    format: (value) => `${Math.round(100 * value)} %`,
    including: [0.5],
  },
  {
    title: 'Learning rate',
    fileName: 'learning-rate',
    step: ({ learningRate }) => learningRate,
    format: (value) => (value === 0 ? '0' : value.toExponential(1)),
    exact: true,
  },
  {
    title: 'Gradient norm, before clipping',
    fileName: 'gradient-norm',
    step: ({ gradientNorm }) => gradientNorm,
    format: small,
  },
  {
    title: 'Tokens per second',
    fileName: 'tokens-per-second',
    step: tokensPerSecond,
    format: (value) => Math.round(value).toLocaleString('en-US'),
    including: [0],
  },
];

/** Points of all lines of a chart together, about: a drawing of many more is slow and shows nothing more. */
const mostPoints = 2500;
const smoothings = [
  ['0', 'off'],
  ['0.6', 'light'],
  ['0.9', 'strong'],
] as const;

/** The line of a group as the legend shows it. */
function Swatch({ look }: { look: GroupLook }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 26 8" className="h-2 w-6.5 shrink-0">
      <line x1="0" x2="26" y1="4" y2="4" stroke={look.color} strokeWidth="2.5" strokeDasharray={look.dash} />
    </svg>
  );
}

interface Grouped {
  readonly group: string;
  readonly look: GroupLook;
  readonly runs: readonly { readonly variant: string; readonly series: RunSeries }[];
}

function Legend({
  groups,
  hidden,
  onToggle,
}: {
  groups: readonly Grouped[];
  hidden: ReadonlySet<string>;
  onToggle: (group: string) => void;
}) {
  return (
    <ul className="flex flex-wrap gap-1.5" aria-label="Runs in the charts">
      {groups.map(({ group, look, runs }) => (
        <li key={group} className="min-w-0">
          <button
            type="button"
            aria-pressed={!hidden.has(group)}
            onClick={() => onToggle(group)}
            className="flex max-w-full items-center gap-2 rounded-md border border-line px-2 py-1 text-start hover:bg-raised aria-[pressed=false]:text-muted aria-[pressed=false]:line-through"
          >
            <Swatch look={look} />
            <span className="min-w-0 break-words">
              {group}
              {runs.length > 1 ? <span className="text-muted"> ({runs.length} seeds)</span> : null}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function linesOf(groups: readonly Grouped[], curve: Curve, width: number, weight: number): LineGroup[] {
  const line = (points: readonly Point[]) => thinned(curve.exact ? points : smoothed(points, weight), width);
  return groups.map(({ group, look, runs }) => ({
    group,
    look,
    lines: runs.map(({ variant, series }) => ({
      variant,
      points: line(pointsOf(series.steps, curve.step)),
      validations: curve.validation === undefined ? [] : pointsOf(series.validations, curve.validation),
    })),
  }));
}

/** Loss, rewards, learning rate, gradient norm and speed over the steps, as they come in. */
export function Curves({ runs, live }: { runs: readonly TrainingRun[]; live: LiveTraining }) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [smoothing, setSmoothing] = useState<string>('0');
  const grouped = useMemo(() => {
    const all = [...new Set(runs.map(({ group }) => group))];
    return all
      .map((group, index) => ({
        group,
        look: groupLook(index),
        runs: runs
          .filter((run) => run.group === group)
          .map(({ id, variant }) => ({ variant, series: live.series.get(id) ?? noSeries }))
          .filter(({ series }) => series.steps.length > 0 || series.validations.length > 0),
      }))
      .filter((group) => group.runs.length > 0);
  }, [runs, live.series]);
  const charts = useMemo(() => {
    const shown = grouped.filter(({ group }) => !hidden.has(group));
    const all = shown.flatMap((group) => group.runs);
    const longest = Math.max(0, ...all.map(({ series }) => series.steps.at(-1)?.step ?? 0));
    const width = Math.ceil((longest * Math.max(1, all.length)) / mostPoints);
    return curves
      .map((curve) => ({ curve, groups: linesOf(shown, curve, width, Number(smoothing)) }))
      .filter(({ groups }) => groups.some(({ lines }) => lines.some((line) => line.points.length > 0)));
  }, [grouped, hidden, smoothing]);

  const toggle = (group: string) =>
    setHidden((before) => {
      const next = new Set(before);
      if (!next.delete(group)) next.add(group);
      return next;
    });
  if (!live.loaded) return <Loading height={620} label="Loading the curves" />;
  if (grouped.length === 0) {
    return (
      <Section title="Curves">
        <p className="text-muted">
          No step is done yet: first come reading the rows and the log-probabilities of the reference model.
        </p>
      </Section>
    );
  }
  const isRepeated = grouped.some((group) => group.runs.length > 1);
  return (
    <Section
      title="Curves"
      actions={<Choice label="Smoothing" value={smoothing} values={smoothings} onChange={setSmoothing} />}
    >
      <div className="grid gap-4">
        <Legend groups={grouped} hidden={hidden} onToggle={toggle} />
        {charts.length === 0 ? <p className="text-muted">Every run is hidden.</p> : null}
        <div className="grid gap-x-6 gap-y-4 md:grid-cols-2 2xl:grid-cols-3">
          {charts.map(({ curve, groups }) => (
            <CurveChart
              key={curve.fileName}
              title={curve.title}
              fileName={curve.fileName}
              groups={groups}
              format={curve.format}
              {...(curve.including === undefined ? {} : { including: curve.including })}
            />
          ))}
        </div>
        <p className="text-xs text-muted">
          Diamonds: means over the validation rows.
          {isRepeated
            ? ' Thick lines: means of the seeds, where all of them have got to; bands: from lowest to highest.'
            : ''}
        </p>
      </div>
    </Section>
  );
}
