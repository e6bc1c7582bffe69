/**
 * What workers give and what their queue costs: one experiment against a stub server that answers after 100 ms, by one
 * process without a queue, by one worker and by four, each a process of its own with the same concurrency. Prints Markdown;
 * ends with 1 where four workers are under 3.6 times one, or the queue takes 2 % or more of the wall time.
 *
 * node benchmarks/worker-throughput.ts [--rows 2400] [--concurrency 4] [--workers 4]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { executeRuns } from '../packages/forge/src/execute-runs.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { parseExperiment, storedForm } from '../packages/forge/src/load-experiment.ts';
import { openStore } from '../packages/forge/src/stores/index.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';
import { createWorkerStage, isDone, startWorker, until } from '../packages/forge/src/testing/worker-stage.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2400' },
    concurrency: { type: 'string', default: '4' },
    workers: { type: 'string', default: '4' },
  },
});
const rows = Number(values.rows);
const concurrency = Number(values.concurrency);
const many = Number(values.workers);

const stubScript = fileURLToPath(new URL('../packages/forge/src/testing/openai-stub-server.ts', import.meta.url));
const stub = spawn(process.execPath, [stubScript, '--latency-ms', '100'], { stdio: ['pipe', 'pipe', 'inherit'] });
const [line] = (await once(stub.stdout, 'data')) as [Buffer];
const { baseUrl } = JSON.parse(line.toString()) as { baseUrl: string };
const origin = new URL(baseUrl).origin;

const database = await startPostgres();
const stage = await createWorkerStage({ rows, baseUrl, concurrency, variants: '  plain: { method: naive }' });
const store = await openStore({ url: database.url });
const create = async () => (await store.createExperiment(storedForm(parseExperiment('bench', stage.yaml)))).experiment;

/** Seconds from the first call to the last answer, as the server of the calls saw it. */
async function measured(work: () => Promise<void>): Promise<number> {
  await fetch(`${origin}/stub/reset`);
  await work();
  const stats = (await (await fetch(`${origin}/stub/stats`)).json()) as {
    firstRequestAt: number;
    lastResponseAt: number;
  };
  return (stats.lastResponseAt - stats.firstRequestAt) / 1000;
}

const withoutQueue = () =>
  measured(async () => {
    const experiment = await create();
    const surroundings = {
      baseDir: stage.dir,
      cacheDir: join(stage.dir, '.forge'),
      env: {},
      now: Date.now,
      notify: () => {},
    };
    const parts = {
      store,
      surroundings,
      clock: { now: Date.now, monotonic: () => performance.now() },
      random: Math.random,
      origin: { codeRevision: 'bench', forgeVersion: '0.1.0', machine: {} },
    };
    const job = { configHash: experiment.configHash, runs: await store.listRuns(experiment.id) };
    for await (const _ of executeRuns(job, parts));
  });

async function withWorkers(count: number): Promise<number> {
  const workers = Array.from({ length: count }, () => startWorker({ cwd: stage.dir, url: database.url }));
  await Promise.all(workers.map(({ ready }) => ready));
  const seconds = await measured(async () => {
    const { id } = await create();
    await store.enqueueExperiment(id, { priority: 0, version: '0.1.0' });
    await until('the experiment is done', () => isDone(store, id), 600_000);
  });
  await Promise.all(workers.map((worker) => worker.stop('SIGTERM')));
  return seconds;
}

try {
  const alone = await withoutQueue();
  const one = await withWorkers(1);
  const four = await withWorkers(many);
  const overhead = (one - alone) / one;
  const ratio = one / four;
  const rate = (seconds: number) => (rows / seconds).toFixed(1);
  console.log(`${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; ${rows} examples, 100 ms a call, ${concurrency} calls at once in each process.

${markdownTable(
  ['processes', 'seconds', 'examples/s', 'times one worker'],
  [
    ['1, without a queue', alone.toFixed(2), rate(alone), (one / alone).toFixed(2)],
    ['1 worker', one.toFixed(2), rate(one), '1.00'],
    [`${many} workers`, four.toFixed(2), rate(four), ratio.toFixed(2)],
  ],
)}

The queue takes ${(overhead * 100).toFixed(1)} % of the wall time of one worker; the aim is under 2 %, and ${(many * 0.9).toFixed(1)} times for ${many} workers.`);
  process.exitCode = overhead < 0.02 && ratio >= many * 0.9 ? 0 : 1;
} finally {
  await store.close();
  await stage.close();
  await database.stop();
  stub.stdin.end();
}
