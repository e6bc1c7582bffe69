import { join } from 'node:path';
import type { BenchmarkRecord } from '../benchmark-record.ts';
import type { BenchmarkReport } from '../benchmark-report.ts';
import type { BenchmarkSpec } from '../benchmark-spec.ts';
import { benchmarkText } from '../benchmark-text.ts';
import { ConfigError } from '../errors.ts';
import { executeBenchmark } from '../execute-benchmark.ts';
import type { ExecuteParts } from '../execute-runs.ts';
import { textTable } from '../lib/format.ts';
import { type LoadedBenchmark, loadBenchmark, matrixExperiment } from '../load-benchmark.ts';
import type { Store } from '../store.ts';
import { writeBenchmarkFiles } from '../write-benchmark-files.ts';
import { createBenchProgress } from './bench-progress.ts';
import { type LogChoice, logBenchmark, openLog } from './logging.ts';
import { ExitCode } from './report-error.ts';
import { stopSignal } from './stop-signal.ts';
import { openWorkspace, shortPath, type Workspace } from './workspace.ts';

interface BenchOptions extends LogChoice {
  /** true: the latest. */
  readonly resume?: string | true;
  readonly output?: string;
  readonly json?: boolean;
}

/** A benchmark by id, by an unambiguous beginning of it, or the latest. Throws ConfigError saying how to look. */
async function findBenchmark(store: Store, id: string | undefined): Promise<BenchmarkRecord> {
  if (id === undefined) {
    const latest = (await store.listBenchmarks({ limit: 1 })).items[0];
    if (latest === undefined)
      throw new ConfigError('no benchmark is stored yet; start with: forge bench experiments/bench-lab.yaml');
    return latest;
  }
  const found = await store.getBenchmark(id);
  if (found === null) throw new ConfigError(`no benchmark "${id}"; forge benchmarks shows what is stored`);
  return found;
}

/** Prints a stored benchmark: what was found, or how far it is. */
export async function showBenchmark(store: Store, benchmark: BenchmarkRecord, json: boolean): Promise<void> {
  const { report, id, experimentId } = benchmark;
  if (json) return console.log(JSON.stringify(benchmark, null, 2));
  if (report !== null) return console.log(benchmarkText(benchmark, report as BenchmarkReport));
  const runs = await store.listRuns(experimentId);
  const done = runs.filter(({ status }) => status === 'finished').length;
  console.log(
    `${benchmark.name}: ${done} of ${runs.length} cells are measured. Go on with: forge bench --resume ${id}`,
  );
}

/** Measures what is left of a benchmark and shows progress on stderr. Returns it with its report. Throws ExitCode where it was stopped. */
export async function executeStoredBenchmark(
  store: Store,
  id: string,
  workspace: Workspace,
  options: LogChoice & Pick<BenchOptions, 'output'>,
): Promise<BenchmarkRecord> {
  const { output } = options;
  const { surroundings, clock, random, home } = workspace;
  const benchmark = await findBenchmark(store, id);
  const { compare, pricing } = benchmark.config as BenchmarkSpec;
  const progress =
    options.logFormat === 'json'
      ? logBenchmark(openLog(options, surroundings.env), clock.monotonic)
      : createBenchProgress(process.stderr, compare.metric, clock.monotonic);
  const signal = stopSignal();
  const parts: ExecuteParts = {
    store,
    surroundings: { ...surroundings, notify: progress.notice },
    clock,
    random,
    origin: await workspace.origin(),
    signal,
    ...(pricing === null ? {} : { pricing }),
  };
  for await (const event of executeBenchmark(benchmark, parts)) progress.event(event);
  if (signal.aborted) {
    console.error(`stopped; nothing finished is lost. Go on with: forge bench --resume ${id}`);
    throw new ExitCode(130);
  }
  const done = await findBenchmark(store, id);
  const folder = output ?? join(home, 'benchmarks', id);
  await writeBenchmarkFiles(folder, done, done.report as BenchmarkReport);
  console.error(`table and figures: ${shortPath(folder)}`);
  return done;
}

/** Its id. */
export async function storeBenchmark(store: Store, loaded: LoadedBenchmark): Promise<string> {
  const { experiment } = await store.createExperiment(matrixExperiment(loaded));
  const { spec, source, configHash } = loaded;
  const benchmark = { name: spec.name, source, config: spec, configHash, experimentId: experiment.id };
  return (await store.createBenchmark(benchmark)).id;
}

/** Measures what a benchmark file says, or goes on with a benchmark that was stopped. */
export async function bench(file: string | undefined, options: BenchOptions): Promise<void> {
  const { resume } = options;
  if ((file === undefined) === (resume === undefined))
    throw new ConfigError(
      'forge bench takes a benchmark file, or --resume with the id of a benchmark (the latest without)',
    );
  const loaded = file === undefined ? undefined : await loadBenchmark(file);
  const workspace = openWorkspace();
  const store = await workspace.openStore();
  try {
    const id =
      loaded === undefined
        ? (await findBenchmark(store, resume === true ? undefined : resume)).id
        : await storeBenchmark(store, loaded);
    const benchmark = await executeStoredBenchmark(store, id, workspace, options);
    await showBenchmark(store, benchmark, options.json === true);
  } finally {
    await store.close();
  }
}

/** Lists stored benchmarks. */
export async function benchmarks(options: { limit: number; after?: string; json?: boolean }): Promise<void> {
  const store = await openWorkspace().openStore();
  try {
    const { limit, after } = options;
    const page = await store.listBenchmarks({ limit, ...(after === undefined ? {} : { after }) });
    if (options.json) {
      const items = page.items.map(({ source: _, ...item }) => item);
      return console.log(JSON.stringify({ items, next: page.next }, null, 2));
    }
    const rows = page.items.map((item) => [
      item.id,
      item.name,
      new Date(item.createdAt).toISOString().slice(0, 16).replace('T', ' '),
      item.report === null ? 'no report yet' : 'reported',
    ]);
    console.log(rows.length === 0 ? 'no benchmark found' : textTable(['benchmark', 'name', 'created (UTC)', ''], rows));
    if (page.next !== null) console.log(`\nmore: forge benchmarks --after ${page.next}`);
  } finally {
    await store.close();
  }
}
