import { type Comparison, compareRuns } from './compare-runs.ts';
import { verdictSentence } from './comparison-wording.ts';
import type { PairedInput } from './paired-difference.ts';
import { type Estimate, mean } from './statistics/estimate.ts';
import { holm } from './statistics/families.ts';
import { estimateScores } from './summarize-run.ts';
import type { Interval, TrainingFigure, TrainingGroup, TrainingReport } from './training-report.ts';
import { type WinRate, winRate } from './win-rate.ts';

/** The scores of one metric by example id. */
export type ScoresById = PairedInput['scores'];

/** How a metric's figures are to be read. */
export interface MetricMeaning {
  readonly metric: string;
  readonly label: string;
  readonly unit: TrainingFigure['unit'];
  readonly better: TrainingFigure['better'];
  /** Every score is 0 or 1. */
  readonly binary: boolean;
  /** Smallest difference that matters, in the metric's unit. */
  readonly minimumEffect: number;
  readonly alpha: number;
  /** The metric that the evaluation's verdict rests on. */
  readonly deciding: boolean;
}

/** A run of a training with its scores on one metric. */
export interface MeasuredRun {
  readonly variant: string;
  readonly group: string;
  readonly varied: TrainingFigure['varied'];
  readonly main: boolean;
  readonly scores: ScoresById;
}

/** A t interval of shares may reach beyond what a share, or a difference of two, can be. */
function interval({ value, low, high }: Interval, { unit }: MetricMeaning, least: 0 | -1 = 0): Interval {
  return unit === 'share' ? { value, low: Math.max(least, low), high: Math.min(1, high) } : { value, low, high };
}

/** Means over repeats are rarely 0 or 1; where all of them are, the interval must not claim certainty. */
const isBinary = (scores: ScoresById) => [...scores.values()].every(({ score }) => score === 0 || score === 1);

/** Each example's mean over repeats, over the examples that all of them have. */
export function meanOverRepeats(repeats: readonly ScoresById[]): ScoresById {
  const [first = new Map() as ScoresById] = repeats;
  if (repeats.length === 1) return first;
  const shared = [...first].filter(([id]) => repeats.every((one) => one.has(id)));
  return new Map(
    shared.map(([id, { cluster }]) => {
      const score = repeats.reduce((sum, one) => sum + (one.get(id)?.score ?? 0), 0) / repeats.length;
      return [id, { score, cluster }] as const;
    }),
  );
}

/** The mean of scores with its interval, clustered where examples are. */
function alone(scores: ScoresById, binary: boolean): Estimate {
  const values = [...scores.values()];
  const clusters = values.some(({ cluster }) => cluster !== null) ? values.map(({ cluster }, i) => cluster ?? i) : null;
  return estimateScores(
    Float64Array.from(values, ({ score }) => score),
    clusters,
    binary,
  );
}

function compared(before: ScoresById, after: ScoresById, meaning: MetricMeaning, binary: boolean): Comparison {
  const { label, minimumEffect, alpha, unit, better } = meaning;
  const [comparison] = compareRuns({ label: 'before', scores: before }, [{ label: 'after', scores: after }], {
    metric: {
      name: label,
      binary,
      better,
      ...(unit === 'share' || unit === 'reward' || unit === 'score' ? {} : { unit }),
    },
    alpha,
    minimumEffect,
  });
  return comparison as Comparison;
}

/** What one run scored, against the scores before where there are any, paired by example. */
export function figureOf(run: MeasuredRun, before: ScoresById | null, meaning: MetricMeaning): TrainingFigure {
  const { variant, group, varied, scores } = run;
  const { metric, label, unit, better, binary } = meaning;
  const comparison = before === null ? null : compared(before, scores, meaning, binary);
  return {
    variant,
    group,
    varied,
    metric,
    label,
    n: comparison?.pairs ?? scores.size,
    before: comparison === null ? null : interval(comparison.baselineMean, meaning),
    after: interval(comparison === null ? alone(scores, binary) : comparison.candidateMean, meaning),
    difference: comparison === null ? null : interval(comparison.difference, meaning, -1),
    unit,
    better,
  };
}

/** Of the means of repeats: how far training again moves the figure; null for one. */
export function spreadOf(repeats: readonly ScoresById[]): TrainingGroup['spread'] {
  const means = repeats.map((scores) => [...scores.values()].reduce((sum, { score }) => sum + score, 0) / scores.size);
  if (means.length < 2) return null;
  const center = mean(means);
  const squares = means.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return { low: Math.min(...means), high: Math.max(...means), sd: Math.sqrt(squares / (means.length - 1)) };
}

/** A group of runs that differ in their seed, its examples averaged over them first. */
export interface GroupResult {
  readonly figure: TrainingGroup;
  /** null where there is nothing to compare with. */
  readonly comparison: Comparison | null;
}

/** The figures of runs that differ in their seed only, averaged within the question first. */
export function groupOf(runs: readonly MeasuredRun[], before: ScoresById | null, meaning: MetricMeaning): GroupResult {
  const first = runs[0] as MeasuredRun;
  const scores = meanOverRepeats(runs.map((run) => run.scores));
  const binary = meaning.binary && (runs.length === 1 || isBinary(scores));
  const pooled = figureOf({ ...first, scores }, before, { ...meaning, binary });
  const comparison = before === null ? null : compared(before, scores, meaning, binary);
  const { variant: _, ...rest } = pooled;
  const figure = {
    ...rest,
    main: first.main,
    deciding: meaning.deciding,
    seeds: runs.length,
    spread: spreadOf(runs.map((run) => run.scores)),
    test: comparison === null ? null : { name: comparison.test.name, pValue: comparison.test.pValue },
  };
  return { figure, comparison };
}

type VerdictKind = TrainingReport['verdicts'][number]['kind'];

/** One metric of a group before and after, on which there is to be a verdict. */
export interface Judged {
  readonly meaning: MetricMeaning;
  readonly comparison: Comparison;
}

/** A verdict and what it is about. */
export type JudgedVerdict = TrainingReport['verdicts'][number] & { readonly meaning: MetricMeaning };

const p = (value: number) => (value < 0.001 ? 'p < 0.001' : `p = ${value.toFixed(3)}`);

/** The verdicts on the main setting, corrected over all of them together (Holm). */
export function verdictsOf(judged: readonly Judged[]): JudgedVerdict[] {
  const adjusted = holm(judged.map(({ comparison }) => comparison.test.pValue));
  return judged.map(({ meaning, comparison }, i) => {
    const adjustedPValue = adjusted[i] ?? comparison.test.pValue;
    const untold = comparison.equivalencePValue < meaning.alpha ? ('tied' as const) : ('underpowered' as const);
    const kind = adjustedPValue < meaning.alpha ? comparison.verdict : untold;
    const test = { ...comparison.test, adjustedPValue };
    return { sentence: verdictSentence({ ...comparison, verdict: kind, test }), kind, meaning };
  });
}

/** How often the answers after training are preferred to those before (scores: 1, 0.5, 0); repeats are averaged within the example. */
export const winRateOf = (repeats: readonly ScoresById[]): WinRate =>
  winRate([...meanOverRepeats(repeats).values()].map(({ score, cluster }) => ({ value: score, cluster })));

/** The verdict that a win rate speaks for itself. */
export function winRateVerdict(meaning: MetricMeaning, rate: WinRate): JudgedVerdict {
  const { share, wins, ties, losses, test } = rate;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const evidence = `(95 % interval ${percent(share.low)} to ${percent(share.high)}; ${wins} won, ${ties} tied, ${losses} lost; ${test.name}, ${p(test.pValue)})`;
  const significant = test.pValue < meaning.alpha && wins !== losses;
  const even = Math.max(share.high - 0.5, 0.5 - share.low) < meaning.minimumEffect;
  const untold = even ? 'tied' : 'underpowered';
  const kind: VerdictKind = significant ? (share.value > 0.5 ? 'better' : 'worse') : untold;
  const said = significant
    ? `the answers after training are preferred in ${percent(share.value)}`
    : `no preference is shown: ${percent(share.value)} for the answers after training`;
  return { sentence: `${meaning.label}: ${said} ${evidence}`, kind, meaning };
}
