import { within } from './benchmark-figures.ts';
import type { Equivalence } from './benchmark-report.ts';
import { type CellRows, type ExampleIndex, isBinary, pairedScores, valueAt } from './benchmark-rows.ts';
import { type Comparison, compareRuns } from './compare-runs.ts';
import type { PairedInput } from './paired-difference.ts';
import { clusterKeys, type Estimate } from './statistics/estimate.ts';
import { holm } from './statistics/families.ts';
import { estimateScores } from './summarize-run.ts';

export interface EquivalenceSettings {
  readonly metric: string;
  readonly alpha: number;
  readonly margin: number;
}

/** Equivalence with what its sentence says more. */
export interface JudgedEquivalence {
  readonly equivalence: Equivalence;
  readonly comparison: Comparison;
}

/** Paired comparisons of cells by example, over the repetitions' means. */
export function compareCells(
  baseline: CellRows,
  candidates: readonly CellRows[],
  index: ExampleIndex,
  { metric, alpha, margin }: EquivalenceSettings,
): Comparison[] {
  const inputs = [baseline, ...candidates].map((cell) => pairedScores(cell, index, cell.optimisation));
  const options = { metric: { name: metric, binary: inputs.every(isBinary) }, alpha, minimumEffect: margin };
  return compareRuns(inputs[0] as PairedInput, inputs.slice(1), options);
}

/** The share of the repetitions that two cells have in common in which something of an example differs, over examples. */
function changedShare(
  cell: CellRows,
  baseline: CellRows,
  index: ExampleIndex,
  changed: (
    pair: { cell: CellRows['repetitions'][number]; baseline: CellRows['repetitions'][number] },
    place: number,
  ) => boolean | null,
): Estimate {
  const pairs = cell.repetitions.flatMap((one) => {
    const other = baseline.repetitions.find(({ repetition }) => repetition === one.repetition);
    return other === undefined ? [] : [{ cell: one, baseline: other }];
  });
  const shares: number[] = [];
  const clusters: (string | null)[] = [];
  for (const [place, cluster] of index.clusters.entries()) {
    const told = pairs.flatMap((pair) => changed(pair, place) ?? []);
    if (told.length === 0) continue;
    shares.push(told.filter(Boolean).length / told.length);
    clusters.push(cluster);
  }
  return within(estimateScores(Float64Array.from(shares), clusterKeys(clusters), false), 0, 1);
}

const isRight = (score: number) => score >= 1;

function judge(comparison: Comparison, adjustedPValue: number, alpha: number): Equivalence['verdict'] {
  if (adjustedPValue < alpha) return 'equivalent';
  const { low, high } = comparison.difference;
  if ((low <= 0 && high >= 0) || comparison.test.adjustedPValue >= alpha) return 'undecided';
  return low > 0 ? 'better' : 'worse';
}

/**
 * What each optimisation did to the answers of one method. Equivalence: two one-sided tests (TOST, Schuirmann 1987) over paired
 * examples within the margin, corrected over the optimisations of the method (Holm 1979). `better` and `worse`: not equivalent, the 95 %
 * interval leaves out 0, and the paired test holds after the same correction.
 */
export function judgeEquivalence(
  baseline: CellRows,
  candidates: readonly CellRows[],
  index: ExampleIndex,
  settings: EquivalenceSettings,
): JudgedEquivalence[] {
  const comparisons = compareCells(baseline, candidates, index, settings);
  const adjusted = holm(comparisons.map((one) => one.equivalencePValue));
  return comparisons.map((comparison, i) => {
    const cell = candidates[i] as CellRows;
    const flipRate = changedShare(cell, baseline, index, (pair, place) => {
      const [after, before] = [valueAt(pair.cell.scores, place), valueAt(pair.baseline.scores, place)];
      return after === null || before === null ? null : isRight(after) !== isRight(before);
    });
    const changedRate = changedShare(cell, baseline, index, (pair, place) => {
      const [after, before] = [valueAt(pair.cell.answers, place), valueAt(pair.baseline.answers, place)];
      return after === null || before === null ? null : after !== before;
    });
    const adjustedPValue = adjusted[i] ?? comparison.equivalencePValue;
    const equivalence: Equivalence = {
      difference: within(comparison.difference, -1, 1),
      margin: settings.margin,
      pValue: comparison.equivalencePValue,
      adjustedPValue,
      verdict: judge(comparison, adjustedPValue, settings.alpha),
      flipRate,
      flips: { toRight: comparison.flips.gained.count, toWrong: comparison.flips.lost.count },
      changedRate,
    };
    return { equivalence, comparison };
  });
}

/** The share of examples to which the repetitions of one cell did not all give the same answer; null for a single one. */
export function unstableShare({ repetitions }: CellRows, index: ExampleIndex): number | null {
  if (repetitions.length < 2) return null;
  let [unstable, examples] = [0, 0];
  for (const place of index.clusters.keys()) {
    const answers = repetitions.flatMap((one) => valueAt(one.answers, place) ?? []);
    if (answers.length < 2) continue;
    examples++;
    if (new Set(answers).size > 1) unstable++;
  }
  return examples === 0 ? null : unstable / examples;
}
