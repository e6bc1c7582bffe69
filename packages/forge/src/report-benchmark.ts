import { judgeEquivalence } from './benchmark-equivalence.ts';
import { type CellFigures, cellFigures } from './benchmark-figures.ts';
import { findingsOf, type JudgedCell } from './benchmark-findings.ts';
import { goalOf } from './benchmark-goal.ts';
import { type CellPair, notesOf } from './benchmark-notes.ts';
import { paretoOf } from './benchmark-pareto.ts';
import { recommend } from './benchmark-recommendations.ts';
import type { BenchmarkReport, LoadCurve, MatrixCell } from './benchmark-report.ts';
import {
  type CellRows,
  type CellRun,
  createExampleIndex,
  type ExampleIndex,
  type RowStore,
  readCells,
} from './benchmark-rows.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';

export interface BenchmarkInput {
  readonly spec: Pick<
    BenchmarkSpec,
    'methods' | 'optimisations' | 'baseline' | 'repetitions' | 'compare' | 'pricing' | 'goal' | 'useCases'
  >;
  /** Of all repetitions, in any order; those that did not finish are left out, and the report says so. */
  readonly cells: readonly CellRun[];
  readonly load: readonly LoadCurve[];
}

type Spec = BenchmarkInput['spec'];

/** By method, then optimisation, as the file names them. */
function inOrder(cells: readonly CellRows[], { methods, optimisations }: Spec): CellRows[] {
  return methods.flatMap((method) =>
    optimisations.flatMap(({ name }) => cells.filter((one) => one.method === method && one.optimisation === name)),
  );
}

/** The cells of one method with their figures, and those that can be compared with its baseline, judged. */
function judgeMethod(
  cells: readonly CellRows[],
  spec: Spec,
  index: ExampleIndex,
): { pairs: CellPair[]; judged: JudgedCell[] } {
  const before = cells.find(({ optimisation }) => optimisation === spec.baseline) ?? null;
  const pairs = cells.map((rows) => ({
    rows,
    figures: cellFigures(rows, rows === before ? null : before, spec.pricing, index),
  }));
  const baseline = pairs.find(({ rows }) => rows === before)?.figures;
  if (before === null || baseline === undefined) return { pairs, judged: [] };
  const others = pairs.filter(({ rows }) => rows !== before);
  const verdicts = judgeEquivalence(
    before,
    others.map(({ rows }) => rows),
    index,
    spec.compare,
  );
  const judged = others.flatMap(({ figures }, i) => {
    const verdict = verdicts[i];
    return verdict === undefined ? [] : [{ figures, baseline, judged: verdict }];
  });
  return { pairs, judged };
}

function matrixCell(figures: CellFigures, judged: readonly JudgedCell[]): MatrixCell {
  const { inside: _, ...cell } = figures;
  const equivalence = judged.find((one) => one.figures === figures)?.judged.equivalence ?? null;
  return { ...cell, equivalence };
}

/**
 * Reads what the cells of a benchmark stored and says what it means: figures with intervals (examples averaged over repetitions
 * first, speeds over repetitions), equivalence of the answers, trade-off, recommendations, and whether the goal is reached.
 * Memory: 24 bytes for each example of each run.
 */
export async function reportBenchmark(
  { spec, cells, load }: BenchmarkInput,
  { store }: { readonly store: RowStore },
): Promise<BenchmarkReport> {
  const { methods, optimisations, baseline, compare, pricing, repetitions } = spec;
  const index = createExampleIndex();
  const finished = cells.filter(({ run }) => run.status === 'finished');
  const read = inOrder(await readCells(store, finished, compare.metric, index), spec);
  const byMethod = methods.map((method) =>
    judgeMethod(
      read.filter((one) => one.method === method),
      spec,
      index,
    ),
  );
  const pairs = byMethod.flatMap((one) => one.pairs);
  const judged = byMethod.flatMap((one) => one.judged);
  const figures = pairs.map((one) => one.figures);
  const matrix = figures.map((one) => matrixCell(one, judged));
  const pareto = paretoOf(pairs, index, pricing, repetitions);
  const candidates = pairs.map((pair, i) => ({ ...pair, equivalence: matrix[i]?.equivalence ?? null }));
  return {
    methods,
    optimisations: optimisations.map(({ name }) => name),
    baseline,
    cells: matrix,
    load,
    pareto,
    recommendations: recommend(candidates, index, compare, spec),
    goal: goalOf(figures, spec),
    findings: findingsOf(judged, load, pareto),
    notes: notesOf(pairs, cells, index, spec),
  };
}
