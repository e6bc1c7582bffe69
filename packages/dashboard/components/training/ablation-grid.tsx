'use client';
import { useState } from 'react';
import type { TrainingGroup, TrainingReport } from '../../lib/api.ts';
import {
  type Axis,
  combinations,
  differenceIntervalText,
  differenceText,
  figureText,
  fits,
  gridAxes,
  intervalText,
  type Reading,
  readingOf,
} from '../../lib/training-figures.ts';
import { Choice, Section } from '../parts.tsx';

const readingLooks: Record<Reading, string> = {
  better: 'bg-correct-soft',
  worse: 'bg-wrong-soft',
  changed: 'bg-accent-soft',
  open: '',
};
const readingWords: Record<Reading, string> = {
  better: '▲ better',
  worse: '▼ worse',
  changed: '◆ changed',
  open: '– no clear change',
};

function Cell({ group, view }: { group: TrainingGroup | undefined; view: string }) {
  if (group === undefined) return <span className="text-muted">not run</span>;
  const { after, difference, unit, seeds, spread, main } = group;
  const showsDifference = view === 'difference' && difference !== null;
  return (
    <>
      <span className="block font-semibold whitespace-nowrap">
        {showsDifference ? differenceText(difference.value, unit) : figureText(after.value, unit)}
      </span>
      <span className="block text-xs whitespace-nowrap">
        {showsDifference ? differenceIntervalText(difference, unit) : intervalText(after, unit)}
      </span>
      <span className="block text-xs whitespace-nowrap">{readingWords[readingOf(group)]}</span>
      <span className="block text-xs whitespace-nowrap text-muted">
        {spread === null
          ? 'one seed'
          : `${seeds} seeds, ${intervalText({ value: after.value, ...spread }, unit)
              .slice(1, -1)
              .replace(', ', ' to ')}`}
        {main ? ' · main' : ''}
      </span>
    </>
  );
}

const nameOf = (place: Readonly<Record<string, string>>) =>
  Object.entries(place)
    .map(([key, value]) => `${key} = ${value}`)
    .join(', ');

function Grid({
  groups,
  down,
  across,
  view,
}: {
  groups: readonly TrainingGroup[];
  down: Axis;
  across: readonly Axis[];
  view: string;
}) {
  const columns = combinations(across);
  const label = groups[0]?.label ?? '';
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label={`${label} by what varies`} className="relative overflow-x-auto">
      <table className="border-separate border-spacing-1 tabular-nums">
        <thead className="text-xs text-muted">
          <tr>
            <th scope="col" className="sticky start-0 bg-surface px-2 py-1 text-start font-medium">
              {down.key}
            </th>
            {columns.map((column) => (
              <th key={nameOf(column)} scope="col" className="px-3 py-1 text-start font-medium whitespace-nowrap">
                {nameOf(column) || label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {down.values.map((value) => (
            <tr key={value}>
              <th scope="row" className="sticky start-0 bg-surface px-2 py-2 text-start font-medium whitespace-nowrap">
                {value}
              </th>
              {columns.map((column) => {
                const group = groups.find(({ varied }) => fits(varied, { ...column, [down.key]: value }));
                const look = group === undefined ? '' : readingLooks[readingOf(group)];
                return (
                  <td
                    key={nameOf(column)}
                    className={`min-w-36 rounded-md border border-line px-3 py-2 align-top ${look}`}
                  >
                    <Cell group={group} view={view} />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** A metric for every combination of what varies, with intervals. Nothing where nothing varies. */
export function AblationGrid({ report }: { report: TrainingReport }) {
  const metrics = [...new Map(report.groups.map(({ metric, label }) => [metric, label]))];
  const [metric, setMetric] = useState(report.groups.find(({ deciding }) => deciding)?.metric ?? metrics[0]?.[0] ?? '');
  const [view, setView] = useState('after');
  const groups = report.groups.filter((group) => group.metric === metric);
  const [down, ...across] = gridAxes(report.groups.map(({ varied }) => varied));
  if (down === undefined) return null;
  return (
    <Section
      title="Ablation"
      actions={
        <>
          <Choice label="Metric" value={metric} values={metrics} onChange={setMetric} />
          <Choice
            label="Show"
            value={view}
            values={[
              ['after', 'after training'],
              ['difference', 'change by training'],
            ]}
            onChange={setView}
          />
        </>
      }
    >
      <Grid groups={groups} down={down} across={across} view={view} />
      <p className="mt-3 max-w-prose text-xs text-muted">
        In brackets the 95 % interval over test rows, then the means of the single seeds. A cell is coloured where the
        interval of the change leaves out 0; that is not corrected for the number of cells.
      </p>
    </Section>
  );
}
