import { z } from 'zod';
import type { BenchmarkPoint, BenchmarkRecord } from '../benchmark-record.ts';
import type { RunState } from '../store.ts';
import type * as shapes from './benchmark-schemas.ts';
import {
  arrivalsSchema,
  cellUseSchema,
  costUnitSchema,
  goalOutcomeSchema,
  loadMeasurementSchema,
  loadPointSchema,
  matrixCellSchema,
  paretoPointSchema,
  recommendationSchema,
} from './benchmark-schemas.ts';
import { lenient, listOf, objectOf } from './read-stored.ts';

/** Stored benchmarks as the API shows them. What they were made of is JSON of any version: a part that cannot be read is left out. */

const text = z.string().catch('');
const count = z.number().catch(0);
const texts = z.array(z.string()).catch([]);
const bound = z.number().nullable().catch(null);

const cellReader = z.object({ method: text, optimisation: text, repetition: count });
const optimisationReader = z.object({
  name: z.string(),
  description: text,
  server: z.string().nullable().catch(null),
  rerun: z.boolean().catch(false),
});
const loadReader = z.object({
  optimisations: texts,
  method: text,
  requests: count,
  warmUp: count,
  repetitions: count,
  arrivals: z.array(z.unknown()).catch([]),
  objective: z
    .object({ ttftMs: z.number().optional(), tpotMs: z.number().optional(), totalMs: z.number().optional() })
    .catch({}),
});
const specReader = z.object({
  description: text,
  methods: texts,
  optimisations: z.array(z.unknown()).catch([]),
  baseline: text,
  repetitions: count,
  cells: z.array(cellReader).catch([]),
  compare: z.object({ metric: text, alpha: count, margin: count }).catch({ metric: '', alpha: 0.05, margin: 0 }),
  load: loadReader.nullable().catch(null),
  goal: z.object({ optimisation: z.string(), speedUp: z.number() }).nullable().catch(null),
  useCases: z
    .object({
      interactive: z.object({ latencyP95Ms: bound }).catch({ latencyP95Ms: null }),
      cheapest: z.object({ accuracyAtLeast: bound }).catch({ accuracyAtLeast: null }),
    })
    .catch({ interactive: { latencyP95Ms: null }, cheapest: { accuracyAtLeast: null } }),
});

const matrixCellReader = lenient(matrixCellSchema);
const loadPointReader = lenient(loadPointSchema);
const measurementReader = lenient(loadMeasurementSchema);
const useReader = lenient(cellUseSchema);

type Spec = z.infer<typeof specReader>;

const specOf = (benchmark: BenchmarkRecord): Spec => specReader.parse(objectOf(benchmark.config));
const optimisationsOf = (spec: Spec) => listOf(optimisationReader, spec.optimisations);
const loadsTotalOf = ({ load }: Spec) =>
  load === null ? 0 : load.optimisations.length * load.arrivals.length * load.repetitions;

/** A trace may have a hundred thousand moments: how many and how fast is enough to show. */
function arrivalsView(stored: unknown): unknown {
  const { kind, atMs } = objectOf(stored) as { kind?: unknown; atMs?: unknown };
  if (kind !== 'trace' || !Array.isArray(atMs)) return stored;
  const seconds = Number(atMs.at(-1)) / 1000;
  return { kind, requests: atMs.length, perSecond: seconds > 0 ? atMs.length / seconds : 0 };
}

/** Where a benchmark stands, from where its runs stand and how many loads are measured. */
function stateOf(
  benchmark: BenchmarkRecord,
  spec: Spec,
  measured: { readonly runs: readonly Pick<RunState, 'status'>[]; readonly loads: number },
): shapes.BenchmarkState {
  const some = (status: RunState['status']) => measured.runs.some((run) => run.status === status);
  if (benchmark.report !== null) return 'finished';
  if (some('running')) return 'running';
  if (some('cancelled')) return 'cancelled';
  if (measured.runs.every((run) => run.status === 'pending')) return 'pending';
  // Between two runs. One that failed is a part of what is found.
  if (some('pending')) return 'running';
  return measured.loads < loadsTotalOf(spec) ? 'loading' : 'reporting';
}

const fieldsOf = ({ id, name, configHash, experimentId, createdAt }: BenchmarkRecord, { description }: Spec) => ({
  id,
  name,
  description,
  configHash,
  experimentId,
  createdAt,
});

const hasEnded = ({ status }: Pick<RunState, 'status'>) => status === 'finished' || status === 'failed';
const loadsOf = (points: ReadonlyMap<string, BenchmarkPoint>) =>
  [...points.values()].filter((point) => point.kind === 'load');

/** For lists. `runs` and `points`: the benchmark's own; not looked at once there is a report. */
export function benchmarkView(
  benchmark: BenchmarkRecord,
  runs: readonly RunState[],
  points: ReadonlyMap<string, BenchmarkPoint>,
): shapes.Benchmark {
  const spec = specOf(benchmark);
  const report = reportView(benchmark.report);
  const loads = loadsOf(points).length;
  return {
    ...fieldsOf(benchmark, spec),
    state: stateOf(benchmark, spec, { runs, loads }),
    methods: spec.methods,
    optimisations: optimisationsOf(spec).map(({ name }) => name),
    progress:
      report !== null
        ? null
        : {
            cells: { done: runs.filter(hasEnded).length, total: runs.length },
            loads: { done: loads, total: loadsTotalOf(spec) },
          },
    sentences: report === null ? [] : [...report.goal.map(({ sentence }) => sentence), ...report.findings].slice(0, 3),
  };
}

function reportView(stored: unknown): shapes.BenchmarkReport | null {
  if (stored === null) return null;
  const report = objectOf(stored) as Record<string, unknown>;
  const pareto = objectOf(report.pareto) as Record<string, unknown>;
  return {
    methods: texts.parse(report.methods),
    optimisations: texts.parse(report.optimisations),
    baseline: text.parse(report.baseline),
    cells: listOf(matrixCellReader, report.cells),
    load: listOf(z.looseObject({ optimisation: z.string() }), report.load).map(
      ({ optimisation, points, sustainedPerSecond }) => ({
        optimisation,
        points: pointsView(points),
        sustainedPerSecond: bound.parse(sustainedPerSecond),
      }),
    ),
    pareto: {
      costUnit: costUnitSchema.catch('seconds-per-example').parse(pareto.costUnit),
      points: listOf(paretoPointSchema, pareto.points),
    },
    recommendations: listOf(recommendationSchema, report.recommendations),
    goal: listOf(goalOutcomeSchema, report.goal),
    findings: listOf(z.string(), report.findings),
    notes: listOf(z.string(), report.notes),
  };
}

function pointsView(stored: unknown): shapes.LoadPoint[] {
  const points = listOf(z.looseObject({}), stored);
  return listOf(
    loadPointReader,
    points.map((point) => ({ ...point, arrivals: arrivalsView(point.arrivals) })),
  );
}

function askedView(spec: Spec): shapes.BenchmarkAsked {
  const { methods, baseline, repetitions, compare, load, goal, useCases } = spec;
  return {
    methods,
    optimisations: optimisationsOf(spec),
    baseline,
    repetitions,
    compare,
    load: load && { ...load, arrivals: listOf(arrivalsSchema, load.arrivals.map(arrivalsView)) },
    goal,
    useCases: { ...useCases.interactive, ...useCases.cheapest },
  };
}

function cellsView(
  { cells }: Spec,
  runs: readonly RunState[],
  points: ReadonlyMap<string, BenchmarkPoint>,
): shapes.CellRun[] {
  const uses = new Map(
    [...points.values()].flatMap((point) => (point.kind === 'cell' ? [[point.runId, point.use]] : [])),
  );
  return runs.map(({ runId, variant, status, total, done, failed }, position) => {
    const use = useReader.safeParse(uses.get(runId));
    const cell = cells[position] ?? { method: variant, optimisation: '', repetition: 1 };
    return { runId, ...cell, status, total, done, failed, use: use.success ? use.data : null };
  });
}

/** A benchmark as the API shows it: report, or how far it is. */
export function benchmarkDetailView(
  benchmark: BenchmarkRecord,
  runs: readonly RunState[],
  points: ReadonlyMap<string, BenchmarkPoint>,
): shapes.BenchmarkDetail {
  const spec = specOf(benchmark);
  const loads = loadsOf(points);
  return {
    ...fieldsOf(benchmark, spec),
    state: stateOf(benchmark, spec, { runs, loads: loads.length }),
    source: benchmark.source,
    asked: askedView(spec),
    cells: cellsView(spec, runs, points),
    loads: loads.flatMap(({ optimisation, arrivals, repetition, measured }) => {
      const sent = arrivalsSchema.safeParse(arrivalsView(spec.load?.arrivals[arrivals]));
      const read = measurementReader.safeParse(measured);
      return sent.success && read.success
        ? [{ optimisation, arrivals: sent.data, repetition, measured: read.data }]
        : [];
    }),
    loadsTotal: loadsTotalOf(spec),
    report: reportView(benchmark.report),
  };
}
