import type { ReactNode } from 'react';
import type { Comparison } from '../lib/api.ts';
import { count, points, pValue, scoreDifference } from '../lib/format.ts';
import { VerdictBadge } from './parts.tsx';

/** `+12.3 points [8.1, 16.5]`, in the unit of the metric. */
function interval({ difference, unit }: Comparison): string {
  const figure = (value: number) => (unit === undefined ? points(value) : value.toFixed(2));
  return `${scoreDifference(difference.value, unit)} [${figure(difference.low)}, ${figure(difference.high)}]`;
}

/** Correction of p-values: one that may stop early shares alpha with the others and between early and late. */
const correction = ({ stop }: Comparison) => (stop === undefined ? 'the family (Holm)' : 'the family and the looks');

/** One comparison: what it says, and what it rests on. `flips`: what to show of the examples that changed sides. */
export function VerdictCard({ comparison, flips }: { comparison: Comparison; flips?: ReactNode }) {
  const { test, neededN, detectableEffect, unmatched, unit, stop } = comparison;
  const isAnytime = stop != null && stop.settledAfter !== null;
  const size = (value: number) => scoreDifference(value, unit).replace(/^\+/, '');
  const facts = [
    [isAnytime ? 'Difference, anytime-valid' : 'Difference', interval(comparison)],
    [
      'Test',
      `${test.name}, ${pValue(test.pValue)}; corrected for ${correction(comparison)} ${pValue(test.adjustedPValue)}`,
    ],
    [
      `Equivalence within ${size(comparison.minimumEffect)}${isAnytime ? '' : ' (TOST)'}`,
      pValue(comparison.equivalencePValue),
    ],
    [
      'Pairs',
      stop === undefined ? count(comparison.pairs) : `${count(comparison.pairs)} of at most ${count(stop.most)}`,
    ],
    ...(detectableEffect === null ? [] : [['Found with 80 % power', `differences from ${size(detectableEffect)}`]]),
    ...(comparison.verdict === 'underpowered' && neededN !== null && neededN > comparison.pairs
      ? [['Examples that would tell', count(neededN)]]
      : []),
    // One that was stopped says how far it went.
    ...(stop === undefined && unmatched.baseline + unmatched.candidate > 0
      ? [['In one run only, left out', `${count(unmatched.baseline)} and ${count(unmatched.candidate)}`]]
      : []),
  ] as [string, string][];
  return (
    <article className="grid gap-3 border-b border-line py-4 first:pt-0 last:border-0 last:pb-0">
      <p className="flex items-baseline gap-2">
        <VerdictBadge verdict={comparison.verdict} />
        <span className="min-w-0 font-medium break-words">{comparison.sentence}</span>
      </p>
      <dl className="grid gap-x-6 gap-y-1 sm:grid-cols-2 xl:grid-cols-3">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-muted">{name}</dt>
            <dd className="break-words tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {comparison.warnings.length > 0 ? (
        <p className="rounded-md bg-warning-soft px-3 py-2 text-warning">{comparison.warnings.join('; ')}</p>
      ) : null}
      {flips}
    </article>
  );
}
