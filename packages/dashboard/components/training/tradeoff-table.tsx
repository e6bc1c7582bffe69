'use client';
import { useState } from 'react';
import type { TrainingGroup, TrainingReport } from '../../lib/api.ts';
import { count, pValue } from '../../lib/format.ts';
import {
  differenceIntervalText,
  differenceText,
  figureText,
  intervalText,
  type Reading,
  readingOf,
} from '../../lib/training-figures.ts';
import { Choice, Section } from '../parts.tsx';

const looks: Record<Reading, readonly [className: string, word: string]> = {
  better: ['bg-correct-soft text-correct', '▲ better'],
  worse: ['bg-wrong-soft text-wrong', '▼ worse'],
  changed: ['bg-accent-soft text-accent', '◆ changed'],
  open: ['bg-raised text-ink', '– no clear change'],
};

const wanted: Record<TrainingGroup['better'], string> = {
  higher: 'higher is better',
  lower: 'lower is better',
  neutral: 'neither is better',
};

function Row({ figure }: { figure: TrainingGroup }) {
  const { label, better, before, after, difference, unit, n, test } = figure;
  const [className, word] = looks[readingOf(figure)];
  const cell = 'py-2 pe-4 align-top whitespace-nowrap';
  return (
    <tr className="border-b border-line last:border-0">
      <th scope="row" className="sticky start-0 min-w-36 bg-surface py-2 pe-4 text-start align-top font-normal">
        <span className={figure.deciding ? 'font-semibold' : ''}>{label}</span>
        <span className="block text-xs text-muted">
          {wanted[better]} · n = {count(n)}
        </span>
      </th>
      <td className={cell}>
        {before === null ? (
          '–'
        ) : (
          <>
            {figureText(before.value, unit)}{' '}
            <span className="block text-xs text-muted">{intervalText(before, unit)}</span>
          </>
        )}
      </td>
      <td className={cell}>
        {figureText(after.value, unit)} <span className="block text-xs text-muted">{intervalText(after, unit)}</span>
      </td>
      <td className={cell}>
        {difference === null ? (
          '–'
        ) : (
          <>
            {differenceText(difference.value, unit)}{' '}
            <span className="block text-xs text-muted">
              {differenceIntervalText(difference, unit)}
              {test === null ? '' : `, ${pValue(test.pValue)}`}
            </span>
          </>
        )}
      </td>
      <td className={cell}>
        {difference === null ? (
          '–'
        ) : (
          <span className={`inline-block rounded-full px-2 py-0.5 text-xs font-medium ${className}`}>{word}</span>
        )}
      </td>
    </tr>
  );
}

/** Every metric before and after training, of one setting: what was gained, and what it cost. */
export function TradeoffTable({ report }: { report: TrainingReport }) {
  const names = [...new Set(report.groups.map(({ group }) => group))];
  const [chosen, setChosen] = useState(report.groups.find(({ main }) => main)?.group ?? names[0] ?? '');
  if (report.groups.length === 0) return null;
  const figures = report.groups
    .filter(({ group }) => group === chosen)
    .toSorted((a, b) => Number(b.deciding) - Number(a.deciding));
  return (
    <Section
      title="Before and after"
      actions={
        names.length > 1 ? (
          <Choice
            label="Setting"
            value={chosen}
            values={names.map((name) => [name, name] as const)}
            onChange={setChosen}
          />
        ) : undefined
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section tabIndex={0} aria-label="Metrics before and after training" className="relative overflow-x-auto">
        <table className="w-full tabular-nums">
          <thead className="text-left text-xs text-muted">
            <tr className="border-b border-line">
              {['Metric', 'Before', 'After', 'Change', 'Reading'].map((name) => (
                <th
                  key={name}
                  scope="col"
                  className="py-2 pe-4 font-medium first:sticky first:start-0 first:bg-surface"
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {figures.map((figure) => (
              <Row key={figure.metric} figure={figure} />
            ))}
          </tbody>
        </table>
      </section>
      <p className="mt-3 max-w-prose text-xs text-muted">
        Changes are paired by row, in brackets their 95 % intervals. A reading looks at one interval; the verdicts above
        are corrected for all of them together.
      </p>
    </Section>
  );
}
