import type { Comparison } from './compare-runs.ts';
import type { Estimate } from './statistics/estimate.ts';

/** Comparisons in words, the same in every door. */

const points = (share: number) => (100 * share).toFixed(1).replace(/^-0\.0$/, '0.0');
const p = (value: number) => (value < 0.001 ? 'p < 0.001' : `p = ${value.toFixed(3)}`);

/** Figures in the metric's unit: shares of 1 in points of a hundred. */
export function wordingOf({ unit }: Pick<Comparison, 'unit'>) {
  if (unit === undefined) return { figure: points, unit: 'points' };
  return { figure: (value: number) => value.toFixed(Math.abs(value) < 100 ? 2 : 0), unit };
}

/** `95 % interval`, and whether it holds whenever one stops. */
function intervalName({ level, method }: Estimate): string {
  return `${method === 'hedged-capital' ? 'anytime-valid ' : ''}${Number((100 * level).toFixed(2))} % interval`;
}

function whatWouldTell(comparison: Comparison): string {
  const { neededN, pairs, minimumEffect } = comparison;
  const { figure, unit } = wordingOf(comparison);
  const effect = `${figure(minimumEffect)} ${unit}`;
  if (neededN === null) return '';
  if (neededN > pairs) return `; n = ${neededN.toLocaleString('en-US')} would find ${effect} with 80 % power`;
  return `; neither no difference nor one of ${effect} can be ruled out`;
}

const isTold = ({ verdict }: Comparison) => verdict !== 'tied' && verdict !== 'underpowered';

/** What was found, and in brackets what it rests on. */
function judgement(comparison: Comparison): string {
  const { baseline, candidate, metric, difference, test, verdict, pairs } = comparison;
  const { figure, unit } = wordingOf(comparison);
  const { value, low, high } =
    isTold(comparison) && difference.value < 0
      ? { value: -difference.value, low: -difference.high, high: -difference.low }
      : difference;
  const interval = `${intervalName(difference)} ${figure(low)} to ${figure(high)}`;
  const evidence = `(${interval}, ${test.name}, ${p(test.adjustedPValue)}, n = ${pairs})`;
  if (verdict === 'higher' || verdict === 'lower')
    return `${candidate} has a ${verdict} ${metric} than ${baseline} by ${figure(value)} ${unit} ${evidence}`;
  if (isTold(comparison))
    return `${candidate} is ${verdict} than ${baseline} by ${figure(value)} ${unit} of ${metric} ${evidence}`;
  if (verdict === 'tied')
    return `${candidate} and ${baseline} are tied on ${metric}: the difference is too small to matter ${evidence}`;
  return `${candidate} against ${baseline} on ${metric}: this run cannot tell ${evidence}${whatWouldTell(comparison)}`;
}

const count = (value: number) => value.toLocaleString('en-US');

/** Whether its scores ended it before the last example. */
export const isStopped = ({ stop, pairs }: Comparison): boolean =>
  stop !== undefined && stop.settledAfter !== null && pairs < stop.most;

/** Of a comparison that might stop early: when it did; empty for others. */
function whenItStopped(comparison: Comparison): string {
  const { stop, pairs } = comparison;
  if (stop === undefined) return '';
  if (stop.settledAfter === null) return `not settled early, all ${count(stop.most)} examples: `;
  if (isStopped(comparison)) return `stopped after ${count(pairs)} of ${count(stop.most)} examples: `;
  return `settled with the last of ${count(stop.most)} examples: `;
}

/** The verdict in one sentence; a fall and its interval are given as positive where the sentence says that it is one. */
export const verdictSentence = (comparison: Comparison): string =>
  `${whenItStopped(comparison)}${judgement(comparison)}`;
