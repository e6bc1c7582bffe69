import type { Query } from '../connection.ts';
import { quoted, type TableShape, tableShapes } from './table-shape.ts';

/** What belongs to one experiment: those first that others refer to. */
const parts = {
  experiments: { from: 'experiments', where: 'experiments.id = $1', order: 'experiments.id' },
  runs: { from: 'runs', where: 'runs.experiment_id = $1', order: 'runs.position' },
  results: {
    from: 'results join runs on runs.id = results.run_id',
    where: 'runs.experiment_id = $1',
    order: 'runs.position, results.id',
  },
  calls: {
    from: 'calls join results on results.id = calls.result_id join runs on runs.id = results.run_id',
    where: 'runs.experiment_id = $1',
    order: 'runs.position, results.id, calls.index',
  },
  benchmarks: { from: 'benchmarks', where: 'benchmarks.experiment_id = $1', order: 'benchmarks.id' },
  benchmark_points: {
    from: 'benchmark_points join benchmarks on benchmarks.id = benchmark_points.benchmark_id',
    where: 'benchmarks.experiment_id = $1',
    order: 'benchmarks.id, benchmark_points.id',
  },
} as const;

export interface ExperimentTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Its rows of the experiment $1, all columns as text. */
  readonly select: string;
}

/**
 * The columns that can travel. Numbers that a database gives are its own; what refers to anything else than the experiment
 * would refer to nothing elsewhere. Calls name their example in place of its number.
 */
function travelling(shape: TableShape): { name: string; type: string; sql: string }[] {
  const own = shape.columns
    .filter(({ identity, refersTo }) => !identity && (refersTo === null || Object.hasOwn(parts, refersTo)))
    .map(({ name, type }) => ({ name, type, sql: `${shape.name}.${quoted(name)}` }));
  if (shape.name !== 'calls') return own;
  return [
    { name: 'run_id', type: 'uuid', sql: 'results.run_id' },
    { name: 'example_id', type: 'text', sql: 'results.example_id' },
    ...own.filter(({ name }) => name !== 'result_id'),
  ];
}

/** How the tables of this database hold an experiment. */
export async function experimentTables(query: Query): Promise<readonly ExperimentTable[]> {
  const shapes = new Map((await tableShapes(query)).map((shape) => [shape.name, shape]));
  return Object.entries(parts).flatMap(([name, { from, where, order }]) => {
    const shape = shapes.get(name);
    if (shape === undefined) return [];
    const columns = travelling(shape);
    const selected = columns.map(({ sql }) => `${sql}::text`).join(', ');
    return [{ name, columns, select: `select ${selected} from ${from} where ${where} order by ${order}` }];
  });
}
