import type { BenchmarkPoint, BenchmarkRecord, CellUse } from './benchmark-record.ts';
import type { BenchmarkReport, LoadCurve } from './benchmark-report.ts';
import type { BenchmarkSpec, CellSpec, LoadSpec, OptimisationSpec, ServerSpec } from './benchmark-spec.ts';
import { buildDataset, buildMethod } from './build.ts';
import { catalog } from './catalog.ts';
import { createComponentPool } from './component-pool.ts';
import { createComponent } from './create-component.ts';
import type { GenerateRequest } from './engine.ts';
import { ConfigError } from './errors.ts';
import { probeVariant } from './execute-probe.ts';
import { type ExecuteParts, executeRuns } from './execute-runs.ts';
import { contentSeed } from './lib/content-seed.ts';
import { startMeter } from './lib/machine-meter.ts';
import { createRandom } from './lib/random.ts';
import { type ServerProcess, startServer } from './lib/server-process.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { LoadMeasurement } from './load-point.ts';
import { readFinding } from './read-finding.ts';
import { reportBenchmark } from './report-benchmark.ts';
import type { RunEvent } from './run.ts';
import { type LoadOptions, runLoad } from './run-load.ts';
import type { RunRecord } from './store.ts';
import { summarizeLoad, sustainedRate } from './summarize-load.ts';

/** Where something stands among its like: `index` from 0. */
interface Place {
  readonly index: number;
  readonly total: number;
}

/** The one stream that CLI and dashboard read of a benchmark. */
export type BenchmarkEvent =
  | { readonly type: 'stage'; readonly stage: 'matrix' | 'load' | 'report'; readonly label: string }
  | ({ readonly type: 'cell-started' } & CellSpec & Place)
  | { readonly type: 'cell'; readonly event: RunEvent }
  | ({ readonly type: 'load-started'; readonly optimisation: string; readonly label: string } & Place)
  | { readonly type: 'load-measured'; readonly optimisation: string; readonly measured: LoadMeasurement }
  | { readonly type: 'report'; readonly report: BenchmarkReport };

/** Prompts that are kept for a load; more requests than that begin again. */
const maxPrompts = 20_000;

const cellKey = (runId: string) => `cell ${runId}`;
const loadKey = (optimisation: string, arrivals: number, repetition: number) =>
  `load ${optimisation} ${arrivals} ${repetition}`;

const optimisationOf = (spec: BenchmarkSpec, name: string): OptimisationSpec =>
  spec.optimisations.find((one) => one.name === name) as OptimisationSpec;

/** The servers of a benchmark: one at a time is up, and one that is not to be fresh stays for what needs it next. */
function serverRoom(servers: BenchmarkSpec['servers'], { surroundings, signal }: ExecuteParts) {
  const kept = new Map<string, ServerProcess>();

  async function start(name: string, { command, ready, timeoutSeconds }: ServerSpec): Promise<ServerProcess> {
    if (surroundings.allowPrograms !== true)
      throw new ConfigError(`servers.${name}: starts a program, which this server does not allow; use forge bench`);
    const { baseDir: cwd, env } = surroundings;
    return startServer({ command, readyUrl: ready, readyTimeoutMs: 1000 * timeoutSeconds, cwd, env }, signal);
  }

  return {
    /** Brings the server up where one is named; gives back how to say that it is no longer needed. Throws ConfigError. */
    async take(name: string | null): Promise<() => Promise<void>> {
      const spec = name === null ? undefined : servers[name];
      if (name === null || spec === undefined) return async () => {};
      const server = kept.get(name) ?? (await start(name, spec));
      if (spec.fresh) return () => server.stop();
      kept.set(name, server);
      return async () => {};
    },
    async close(): Promise<void> {
      await Promise.all([...kept.values()].map((server) => server.stop()));
    },
  };
}

type ServerRoom = ReturnType<typeof serverRoom>;

interface Job {
  readonly benchmark: BenchmarkRecord;
  readonly spec: BenchmarkSpec;
  readonly servers: ServerRoom;
  readonly points: ReadonlyMap<string, BenchmarkPoint>;
}

/** Executes one cell by itself, with an engine of its own, and measures what the machine gave to it. */
async function* executeCell(
  { benchmark, spec, servers }: Job,
  cell: CellSpec & { run: RunRecord; configHash: string },
  parts: ExecuteParts,
): AsyncGenerator<BenchmarkEvent> {
  const { store, clock, signal } = parts;
  const { server, rerun } = optimisationOf(spec, cell.optimisation);
  const { run, configHash } = cell;
  if (rerun) {
    const release = await servers.take(server);
    await probeVariant(run.spec as VariantSpec, store, parts).finally(release);
  }
  if (signal?.aborted) return;
  // Before the server starts: its memory is the cell's.
  const meter = await startMeter(clock.monotonic);
  let use: Omit<CellUse, 'wallMs'>;
  try {
    const release = await servers.take(server);
    try {
      for await (const event of executeRuns({ configHash, runs: [run] }, parts)) yield { type: 'cell', event };
    } finally {
      await release();
    }
  } finally {
    use = await meter.stop();
  }
  const done = await store.getRun(run.id);
  if (done?.status !== 'finished') return;
  const notes =
    run.startedAt === null ? use.notes : [...use.notes, `${run.variant}: measured in more than one attempt`];
  const point: BenchmarkPoint = { kind: 'cell', runId: run.id, use: { ...use, notes, wallMs: done.wallMs } };
  await store.saveBenchmarkPoint(benchmark.id, cellKey(run.id), point);
}

/** Executes the cells that are not finished; false after an abort. */
async function* executeMatrix(job: Job, parts: ExecuteParts): AsyncGenerator<BenchmarkEvent, boolean> {
  const { store, signal } = parts;
  const experiment = await store.getExperiment(job.benchmark.experimentId);
  if (experiment === null) throw new ConfigError(`experiment "${job.benchmark.experimentId}": not in this database`);
  const { id, configHash } = experiment;
  const { cells } = job.spec;
  yield { type: 'stage', stage: 'matrix', label: `${cells.length} cells` };
  for (const run of await store.listRuns(id)) {
    if (signal?.aborted) return false;
    if (run.status === 'finished') continue;
    const cell = cells[run.position] as CellSpec;
    yield { type: 'cell-started', ...cell, index: run.position, total: cells.length };
    yield* executeCell(job, { ...cell, run, configHash }, parts);
  }
  // Kept with the experiment, so that lists show it.
  if (!signal?.aborted) await readFinding(store, experiment);
  return !signal?.aborted;
}

/** The first prompts of a method over the examples of a cell, as requests; repeated where there are fewer examples than requests. */
async function loadRequests(
  variant: VariantSpec,
  count: number,
  { surroundings, signal }: ExecuteParts,
): Promise<GenerateRequest[]> {
  const components = createComponentPool(surroundings);
  const requests: GenerateRequest[] = [];
  try {
    const dataset = await buildDataset(variant.dataset, surroundings);
    const method = await buildMethod(variant.method, components);
    for await (const { id, text, context, choices } of dataset.examples(signal === undefined ? {} : { signal })) {
      const question = {
        id,
        text,
        ...(context === undefined ? {} : { context }),
        ...(choices === undefined ? {} : { choices }),
      };
      const prompt = method.preview(question).prompts[0];
      if (prompt === undefined) continue;
      requests.push({ ...variant.sampling, prompt, seed: contentSeed(`${variant.seed}\n${id}\n0`) });
      if (requests.length >= Math.min(count, maxPrompts)) break;
    }
  } finally {
    await components.close();
  }
  if (requests.length === 0)
    throw new ConfigError(`load.method: "${variant.variant}" sends no prompt that is known before it runs`);
  return Array.from({ length: count }, (_, i) => requests[i % requests.length] as GenerateRequest);
}

const arrivalsLabel = (arrivals: LoadSpec['arrivals'][number]): string => {
  if (arrivals.kind === 'closed') return `${arrivals.concurrency} at once`;
  if (arrivals.kind === 'trace') return `a trace of ${arrivals.atMs.length}`;
  return `${arrivals.perSecond}/s ${arrivals.kind}`;
};

/** One load on an engine of its own. */
async function measureLoad(
  load: Pick<LoadOptions, 'arrivals' | 'requests' | 'warmUp' | 'objective'> & { seed: string },
  variant: VariantSpec,
  { surroundings, clock, signal }: ExecuteParts,
): Promise<LoadMeasurement> {
  const { arrivals, requests, warmUp, objective, seed } = load;
  const engine = await createComponent(catalog.engine, variant.engine, surroundings);
  try {
    const random = createRandom(seed).next;
    return await runLoad({ engine, requests, arrivals, warmUp, objective, random, now: clock.monotonic }, signal);
  } finally {
    await engine.close();
  }
}

/** Every point of the loads that is not measured yet, each on an engine of its own: no cache is warm. False after an abort. */
async function* executeLoads(job: Job, load: LoadSpec, parts: ExecuteParts): AsyncGenerator<BenchmarkEvent, boolean> {
  const { spec, benchmark, servers, points } = job;
  const { store, signal } = parts;
  const { optimisations, arrivals, repetitions, method, warmUp } = load;
  const total = optimisations.length * arrivals.length * repetitions;
  yield { type: 'stage', stage: 'load', label: `${total} points` };
  for (let index = 0; index < total; index++) {
    if (signal?.aborted) return false;
    const optimisation = optimisations[index % optimisations.length] as string;
    const at = Math.floor(index / optimisations.length) % arrivals.length;
    const repetition = 1 + Math.floor(index / (optimisations.length * arrivals.length));
    const key = loadKey(optimisation, at, repetition);
    if (points.has(key)) continue;
    const arrival = arrivals[at] as LoadSpec['arrivals'][number];
    yield { type: 'load-started', optimisation, label: arrivalsLabel(arrival), index, total };
    const cell = spec.cells.findIndex((one) => one.method === method && one.optimisation === optimisation);
    const variant = spec.variants[cell] as VariantSpec;
    const count = arrival.kind === 'trace' ? arrival.atMs.length : load.requests;
    const requests = await loadRequests(variant, warmUp + count, parts);
    const release = await servers.take(optimisationOf(spec, optimisation).server);
    try {
      const measured = await measureLoad(
        { ...load, arrivals: arrival, requests, seed: `${at} ${repetition}` },
        variant,
        parts,
      );
      const point: BenchmarkPoint = { kind: 'load', optimisation, arrivals: at, repetition, measured };
      await store.saveBenchmarkPoint(benchmark.id, key, point);
      yield { type: 'load-measured', optimisation, measured };
    } finally {
      await release();
    }
  }
  return !signal?.aborted;
}

function loadCurves(spec: BenchmarkSpec, points: Iterable<BenchmarkPoint>): LoadCurve[] {
  const { load } = spec;
  if (load === null) return [];
  const measured = [...points].filter((point) => point.kind === 'load');
  return load.optimisations.map((optimisation) => {
    const curve = load.arrivals.flatMap((arrivals, at) => {
      const repeats = measured.filter((point) => point.optimisation === optimisation && point.arrivals === at);
      return repeats.length === 0
        ? []
        : [
            summarizeLoad(
              arrivals,
              repeats.map((point) => point.measured),
            ),
          ];
    });
    return { optimisation, points: curve, sustainedPerSecond: sustainedRate(curve) };
  });
}

async function report({ benchmark, spec }: Job, parts: ExecuteParts): Promise<BenchmarkReport> {
  const { store } = parts;
  const points = await store.benchmarkPoints(benchmark.id);
  const runs = await store.listRuns(benchmark.experimentId);
  const cells = runs.map((run) => {
    const point = points.get(cellKey(run.id));
    return { ...(spec.cells[run.position] as CellSpec), run, use: point?.kind === 'cell' ? point.use : null };
  });
  return reportBenchmark({ spec, cells, load: loadCurves(spec, points.values()) }, { store });
}

/**
 * Executes what is left of a stored benchmark: the cells of its matrix one after another, each with an engine and server of
 * its own, then the loads, then the report. The stream holds an event once it is stored. Throws ConfigError.
 */
export async function* executeBenchmark(
  benchmark: BenchmarkRecord,
  parts: ExecuteParts,
): AsyncGenerator<BenchmarkEvent> {
  const { store } = parts;
  const spec = benchmark.config as BenchmarkSpec;
  const servers = serverRoom(spec.servers, parts);
  const job: Job = { benchmark, spec, servers, points: await store.benchmarkPoints(benchmark.id) };
  try {
    if (!(yield* executeMatrix(job, parts))) return;
    if (spec.load !== null && !(yield* executeLoads(job, spec.load, parts))) return;
  } finally {
    await servers.close();
  }
  yield { type: 'stage', stage: 'report', label: 'reading what was measured' };
  const found = await report(job, parts);
  await store.saveBenchmarkReport(benchmark.id, found);
  yield { type: 'report', report: found };
}
