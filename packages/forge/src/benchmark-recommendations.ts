import { compareCells, type EquivalenceSettings } from './benchmark-equivalence.ts';
import { type CellFigures, isReplay } from './benchmark-figures.ts';
import type { MatrixCell, Recommendation } from './benchmark-report.ts';
import type { CellRows, ExampleIndex } from './benchmark-rows.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { amount, cellLabel, duration, given, listed, percent, percentInterval, plain } from './benchmark-wording.ts';

/** A cell, what was read of it, and whether its answers are known to be as good as the baseline's. */
export interface Candidate {
  readonly figures: CellFigures;
  readonly rows: CellRows;
  readonly equivalence: MatrixCell['equivalence'];
}

interface Question {
  readonly candidates: readonly Candidate[];
  readonly index: ExampleIndex;
  readonly settings: EquivalenceSettings;
  readonly useCases: BenchmarkSpec['useCases'];
  /** What a right answer costs: US dollars or, without pricing, seconds. */
  readonly perCorrect: { readonly unit: string; of(cell: CellFigures): number };
}

/** The one with the least of something; the first of equals. */
const least = <T>(items: readonly T[], of: (item: T) => number): T | undefined =>
  items.reduce<T | undefined>((best, item) => (best === undefined || of(item) < of(best) ? item : best), undefined);

const accuracyOf = ({ figures }: Candidate) => figures.accuracy.value;
const p95 = ({ figures }: Candidate) => figures.latencyP95Ms?.value ?? Number.POSITIVE_INFINITY;

/**
 * Those whose accuracy is not significantly below the best one's: paired by example and corrected for their number; where cells share
 * no example (other data sets), those whose interval reaches the best one's.
 */
function notBelowBest({ index, settings }: Question, candidates: readonly Candidate[]): Candidate[] {
  const best = least(candidates, (one) => -accuracyOf(one));
  if (best === undefined) return [];
  const others = candidates.filter((one) => one !== best);
  const comparisons = compareCells(
    best.rows,
    others.map(({ rows }) => rows),
    index,
    settings,
  );
  const kept = others.filter((one, i) => {
    const comparison = comparisons[i];
    if (comparison === undefined || comparison.pairs === 0)
      return one.figures.accuracy.high >= best.figures.accuracy.low;
    return !(comparison.difference.value < 0 && comparison.test.adjustedPValue < settings.alpha);
  });
  return [best, ...kept];
}

const told = (chosen: Candidate | undefined) =>
  chosen === undefined ? null : { method: chosen.figures.method, optimisation: chosen.figures.optimisation };

const latencyPhrase = ({ figures }: Candidate) =>
  `95 % of its answers within ${duration(figures.latencyP95Ms?.value as number)}, median ${duration(figures.latencyP50Ms?.value as number)}`;

function interactive(question: Question): Recommendation {
  const { latencyP95Ms } = question.useCases.interactive;
  const timed = question.candidates.filter(({ figures }) => figures.latencyP95Ms !== null);
  const fastest = least(timed, p95);
  const base = {
    useCase: 'interactive' as const,
    title: latencyP95Ms === null ? 'Interactive' : `Interactive: 95 % of answers within ${duration(latencyP95Ms)}`,
  };
  if (fastest === undefined) return { ...base, choice: null, reason: 'no cell has a latency of its own' };
  if (latencyP95Ms === null) {
    const good = notBelowBest(question, timed);
    const chosen = least(good, p95) as Candidate;
    const best = good[0] as Candidate;
    const against =
      chosen === best
        ? 'the most accurate of all'
        : `not significantly below the most accurate, ${cellLabel(best.figures)} (${percent(accuracyOf(best))})`;
    const reason = `the shortest 95th percentile among the accurate ones: ${latencyPhrase(chosen)}; accuracy ${percentInterval(chosen.figures.accuracy)}, ${against}`;
    return { ...base, choice: told(chosen), reason };
  }
  const within = timed.filter((one) => p95(one) <= latencyP95Ms);
  const most = Math.max(...within.map(accuracyOf));
  const chosen = least(
    within.filter((one) => accuracyOf(one) === most),
    p95,
  );
  if (chosen === undefined) {
    const reason = `none is fast enough: the fastest, ${cellLabel(fastest.figures)}, has 95 % of its answers within ${duration(p95(fastest))}`;
    return { ...base, choice: null, reason };
  }
  const reason = `the most accurate of ${within.length} of ${timed.length} cells that are within the bound: ${percentInterval(chosen.figures.accuracy)}; ${latencyPhrase(chosen)}`;
  return { ...base, choice: told(chosen), reason };
}

/** The baseline, and what is shown not to lose accuracy against it. */
const isSafe = ({ equivalence }: Candidate) =>
  equivalence === null || equivalence.verdict === 'equivalent' || equivalence.verdict === 'better';

function batch({ candidates, settings, perCorrect }: Question): Recommendation {
  const base = { useCase: 'batch' as const, title: 'Batch: most right answers per second' };
  const safe = candidates.filter(isSafe);
  const chosen = least(safe, ({ figures }) => -figures.inside.rightPerSecond);
  if (chosen === undefined) return { ...base, choice: null, reason: 'no cell was measured' };
  const { figures, equivalence } = chosen;
  const answers =
    equivalence === null
      ? 'it is the baseline'
      : equivalence.verdict === 'better'
        ? "its answers are better than the baseline's"
        : `its answers are equivalent to the baseline's within ${given(100 * settings.margin)} points`;
  const faster = candidates.filter(
    (one) => !isSafe(one) && one.figures.inside.rightPerSecond > figures.inside.rightPerSecond,
  );
  const passedOver =
    faster.length === 0
      ? ''
      : `; passed over, as faster but not shown to be equivalent: ${listed(faster.map((one) => cellLabel(one.figures)))}`;
  const reason = `${plain(figures.inside.rightPerSecond)} right answers per second (${plain(figures.examplesPerSecond.value)} examples per second at ${percent(figures.accuracy.value)}), ${amount(perCorrect.of(figures))} ${perCorrect.unit} for each; ${answers}${passedOver}`;
  return { ...base, choice: told(chosen), reason };
}

function cheapest(question: Question): Recommendation {
  const { perCorrect, candidates } = question;
  const { accuracyAtLeast } = question.useCases.cheapest;
  const title =
    accuracyAtLeast === null ? 'Cheapest right answer' : `Cheapest right answer at ${percent(accuracyAtLeast)} or more`;
  const base = { useCase: 'cheapest' as const, title };
  const enough =
    accuracyAtLeast === null
      ? notBelowBest(question, candidates)
      : candidates.filter((one) => accuracyOf(one) >= accuracyAtLeast);
  const chosen = least(
    enough.filter(({ figures }) => figures.inside.rightPerSecond > 0),
    ({ figures }) => perCorrect.of(figures),
  );
  if (chosen === undefined) {
    const best = least(candidates, (one) => -accuracyOf(one));
    const reason =
      best === undefined
        ? 'no cell was measured'
        : `none is accurate enough: the best, ${cellLabel(best.figures)}, reaches ${percentInterval(best.figures.accuracy)}`;
    return { ...base, choice: null, reason };
  }
  const { figures } = chosen;
  const unsure =
    accuracyAtLeast !== null && figures.accuracy.low < accuracyAtLeast
      ? ', an interval that reaches below what is asked for'
      : '';
  const among =
    accuracyAtLeast === null
      ? `${enough.length} cells that are not significantly below the most accurate`
      : `${enough.length} cells that are accurate enough`;
  const reason = `${amount(perCorrect.of(figures))} ${perCorrect.unit} for a right answer, the least of ${among}; accuracy ${percentInterval(figures.accuracy)}${unsure}`;
  return { ...base, choice: told(chosen), reason };
}

/** One recommendation for each use case, with its reason in figures. Cells that mostly repeat what the response cache holds are left out (a note of the report says so). */
export function recommend(
  candidates: readonly Candidate[],
  index: ExampleIndex,
  settings: EquivalenceSettings,
  { useCases, pricing }: Pick<BenchmarkSpec, 'useCases' | 'pricing'>,
): Recommendation[] {
  const question: Question = {
    candidates: candidates.filter(({ figures }) => !isReplay(figures)),
    index,
    settings,
    useCases,
    perCorrect:
      pricing === null
        ? { unit: 's', of: (cell) => 1 / cell.inside.rightPerSecond }
        : { unit: 'USD', of: (cell) => cell.costPerCorrect ?? Number.POSITIVE_INFINITY },
  };
  return [interactive(question), batch(question), cheapest(question)].map((one) => ({
    ...one,
    reason: `${one.reason.charAt(0).toUpperCase()}${one.reason.slice(1)}`,
  }));
}
