import type { BenchmarkRecord } from './benchmark-record.ts';
import { ConfigError } from './errors.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import type { TrainingRecord } from './training-record.ts';
import type { TrainingReport } from './training-report.ts';

/** What a findings file speaks of: something stored, with its runs under the names that claims give them. */
export interface FindingSubject {
  readonly kind: 'experiment' | 'training' | 'benchmark';
  readonly id: string;
  readonly name: string;
  readonly configHash: string;
  /** One or more runs each, all finished; several are repeats of each other. A training's are called `evaluation: variant`. */
  readonly variants: ReadonlyMap<string, readonly RunRecord[]>;
  /** Wall time of a run, ms; of a benchmark's without opening models. */
  wallMs(run: RunRecord): number;
}

type Described = Pick<ExperimentRecord, 'id' | 'name' | 'configHash'>;

const described = ({ id, name, configHash }: Described) => ({ id, name, configHash });

/** The runs of an experiment by group, and each of a group's repeats by its own name. Throws ConfigError where one is not finished. */
async function runsByVariant(store: Store, experimentId: string, resume: string): Promise<Map<string, RunRecord[]>> {
  const runs = await store.listRuns(experimentId);
  const open = runs.find(({ status }) => status !== 'finished');
  if (open !== undefined) throw new ConfigError(`run "${open.variant}" is ${open.status}; finish it with: ${resume}`);
  const groups = Map.groupBy(runs, (run) => (run.spec as VariantSpec).group);
  for (const run of runs) if (!groups.has(run.variant)) groups.set(run.variant, [run]);
  return groups;
}

/** An experiment's own runs. Throws ConfigError where one is not finished. */
export const experimentSubject = async (store: Store, experiment: Described): Promise<FindingSubject> => ({
  kind: 'experiment',
  ...described(experiment),
  variants: await runsByVariant(store, experiment.id, `forge resume ${experiment.id}`),
  wallMs: (run) => run.wallMs,
});

/** A training's evaluations: the model before and after, on each. Throws ConfigError where it has not come to its report. */
export async function trainingSubject(
  store: Store,
  training: Described & Pick<TrainingRecord, 'report'>,
): Promise<FindingSubject> {
  const resume = `forge train --resume ${training.id}`;
  if (training.report === null)
    throw new ConfigError(`training "${training.name}" is not finished; go on with: ${resume}`);
  const { evaluations } = training.report as TrainingReport;
  const variants = new Map<string, RunRecord[]>();
  for (const [experimentId, name] of new Map(evaluations.map((one) => [one.experimentId, one.name]))) {
    const evaluation = name.startsWith(`${training.name}-`) ? name.slice(training.name.length + 1) : name;
    for (const [variant, runs] of await runsByVariant(store, experimentId, resume))
      variants.set(`${evaluation}: ${variant}`, runs);
  }
  return { kind: 'training', ...described(training), variants, wallMs: (run) => run.wallMs };
}

/** The cells of a benchmark, `method / optimisation`, each with its repetitions. Throws ConfigError where one is not measured. */
export async function benchmarkSubject(
  store: Store,
  benchmark: Described & Pick<BenchmarkRecord, 'experimentId'>,
): Promise<FindingSubject> {
  const points = [...(await store.benchmarkPoints(benchmark.id)).values()];
  const used = new Map(points.flatMap((one) => (one.kind === 'cell' ? [[one.runId, one.use.wallMs] as const] : [])));
  return {
    kind: 'benchmark',
    ...described(benchmark),
    variants: await runsByVariant(store, benchmark.experimentId, `forge bench --resume ${benchmark.id}`),
    wallMs: (run) => used.get(run.id) ?? run.wallMs,
  };
}
