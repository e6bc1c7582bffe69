import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { executeRuns } from '../execute-runs.ts';
import { parseExperiment, storedForm } from '../load-experiment.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import type { RunSummary } from '../summarize-run.ts';
import { forge } from '../testing/forge-process.ts';
import { startForgeServer } from '../testing/forge-server.ts';
import { root } from '../testing/lab-encoders.ts';
import { type StubServer, startOpenAiStub } from '../testing/openai-stub-server.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import {
  createWorkerStage,
  isDone,
  outcomeOf,
  startWorker,
  until,
  type WorkerProcess,
  type WorkerStage,
} from '../testing/worker-stage.ts';
import type { WorkerRecord } from '../worker-record.ts';

const rows = 120;
const version = '0.1.0';

let server: PostgresServer;
let stub: StubServer;
let stage: WorkerStage;
let store: Store;
let running: WorkerProcess[] = [];

beforeAll(async () => {
  server = await startPostgres();
  stub = await startOpenAiStub({ latencyMs: 30 });
  stage = await createWorkerStage({ rows, baseUrl: stub.baseUrl });
  store = await openStore({ url: server.url });
});
afterEach(async () => {
  await Promise.all(running.map((worker) => worker.stop('SIGKILL')));
  running = [];
});
afterAll(async () => {
  await store?.close();
  await stage?.close();
  await stub?.close();
  await server?.stop();
});

async function started(count: number, args: readonly string[] = []): Promise<WorkerProcess[]> {
  const workers = Array.from({ length: count }, () =>
    startWorker({ cwd: stage.dir, url: server.url, args: ['--shard-size', '10', ...args] }),
  );
  running.push(...workers);
  await Promise.all(workers.map((worker) => worker.ready));
  return workers;
}

async function created(yaml = stage.yaml): Promise<string> {
  const { experiment } = await store.createExperiment(storedForm(parseExperiment('staged', yaml)));
  return experiment.id;
}

async function queued(yaml?: string, priority = 0): Promise<string> {
  const id = await created(yaml);
  await store.enqueueExperiment(id, { priority, version });
  return id;
}

const ended = (id: string) => until(`experiment ${id} is done`, () => isDone(store, id), 120_000);

/** What a summary says without its times. */
const figures = async (id: string) =>
  (await store.listRuns(id)).map((run) => {
    const { n, failed, metrics, tokens, calls, liveExamples } = run.summary as RunSummary;
    return { n, failed, metrics, tokens, calls, liveExamples };
  });

describe('workers', () => {
  it('give the same rows and figures as one process without workers, be they one or three', async () => {
    const alone = await created();
    const record = await store.getExperiment(alone);
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
      random: () => 0.5,
      origin: { codeRevision: 'test', forgeVersion: version, machine: {} },
    };
    const job = { configHash: record?.configHash ?? '', runs: await store.listRuns(alone) };
    for await (const _ of executeRuns(job, parts));

    const [worker] = await started(1);
    const withOne = await queued();
    await ended(withOne);
    await started(2);
    const withThree = await queued();
    await ended(withThree);

    const expected = await outcomeOf(store, alone);
    expect(expected.map((run) => run.rows.length)).toEqual([rows, rows]);
    expect(await outcomeOf(store, withOne)).toEqual(expected);
    expect(await outcomeOf(store, withThree)).toEqual(expected);
    expect(await figures(withOne)).toEqual(await figures(alone));
    expect(await figures(withThree)).toEqual(await figures(alone));
    expect(await store.getFinding(withThree)).toMatchObject({});
    // The others had a part in it.
    expect(worker?.output()).toContain('takes shards');
    expect((await store.getExperiment(withThree))?.queuedAt).toBeNull();
  });

  it('stop in order at SIGTERM: the shard is given back, the exit code is 0, and another goes on', async () => {
    const [worker] = await started(1, ['--drain-seconds', '0']);
    const id = await queued();
    await until('something is stored', async () => (await store.runStates(id)).some(({ done }) => done > 0));
    expect(await worker?.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const [entry] = await store.queueEntries();
    expect(entry?.shards.claimed).toBe(0);
    expect(entry?.shards.waiting).toBeGreaterThan(0);
    const names = (await store.listWorkers(15)).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith(`:${worker?.child.pid}`))).toEqual([]);
    await started(1);
    await ended(id);
    expect((await outcomeOf(store, id)).map((run) => run.rows.length)).toEqual([rows, rows]);
  });

  it('stop within two seconds of a cancel, and go on after a pause', async () => {
    await started(2);
    const id = await queued();
    const someDone = async () => (await store.runStates(id)).some(({ done }) => done > 0);
    await until('something is stored', someDone);
    await store.pauseExperiment(id, true);
    await until('nothing is under way', async () => (await store.queueEntries())[0]?.shards.claimed === 0, 2000);
    const paused = await store.runStates(id);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await store.runStates(id)).toEqual(paused);
    await store.pauseExperiment(id, false);
    await until('more is stored', async () => {
      const states = await store.runStates(id);
      return states.reduce((sum, { done }) => sum + done, 0) > paused.reduce((sum, { done }) => sum + done, 0);
    });
    const before = stub.stats.requests;
    await store.dequeueExperiment(id);
    await until(
      'no call is under way',
      async () => stub.stats.inFlight === 0 && stub.stats.requests > before - 1,
      2000,
    );
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const requests = stub.stats.requests;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(stub.stats.requests).toBe(requests);
    expect((await store.listRuns(id)).some(({ status }) => status === 'cancelled')).toBe(true);
    // What was cancelled can be queued again, and nothing is done twice.
    await store.enqueueExperiment(id, { priority: 0, version });
    await ended(id);
    expect((await outcomeOf(store, id)).map((run) => run.rows.length)).toEqual([rows, rows]);
  });

  it('hold a limit over all of them', async () => {
    await forge(['queue', 'limit', 'openai-compatible', '3'], { cwd: stage.dir, env: { DATABASE_URL: server.url } });
    await started(3);
    await fetch(`${new URL(stub.baseUrl).origin}/stub/reset`);
    const id = await queued();
    await ended(id);
    expect(stub.stats.maxInFlight).toBeLessThanOrEqual(3);
    expect(stub.stats.maxInFlight).toBeGreaterThan(1);
    await store.setLimit('openai-compatible', null);
  });

  it('take what they can do, and what has priority first', async () => {
    const gguf = `engine: { name: llama-cpp, model: models/none.gguf, gpu: cuda }`;
    const needsGpu = await queued(stage.yaml.replace(/engine: .*/, gguf), 5);
    const low = await queued();
    const high = await queued(undefined, 1);
    await started(1, ['--no-gpu', '--lanes', '1']);
    await ended(high);
    const states = await store.runStates(low);
    await ended(low);
    expect(states.reduce((sum, { done }) => sum + done, 0)).toBeLessThan(rows);
    const [entry] = await store.queueEntries();
    expect(entry).toMatchObject({ experimentId: needsGpu, planned: true });
    expect(entry?.shards).toMatchObject({ claimed: 0, done: 0 });
    await store.dequeueExperiment(needsGpu);
  });

  it('say that a run has failed when none of them can do it, and do the others', async () => {
    await started(1);
    const variants = `  bad: { method: { name: naive }, dataset: { name: json-lines, path: missing.jsonl } }\n  good: { method: naive }`;
    const id = await queued(`${stage.yaml.split('variants:')[0]}variants:\n${variants}\n`);
    await ended(id);
    const [bad, good] = await store.listRuns(id);
    expect(bad).toMatchObject({ status: 'failed' });
    expect(bad?.error).toContain('missing.jsonl');
    expect(good).toMatchObject({ status: 'finished', total: rows });
  });

  it('do trainings, benchmarks and ingestions as a whole, go on where one was killed, and say why one failed', async () => {
    const env = { DATABASE_URL: server.url };
    const cli = async (...args: string[]) => {
      const done = await forge(['queue', ...args], { cwd: stage.dir, env });
      if (done.code !== 0) throw new Error(done.stderr);
      return done.stdout;
    };
    const added = async (file: string) =>
      JSON.parse(await cli('add', file, '--json')) as { jobId: string; subject: string };
    const job = async (id: string) => (await store.listJobs(100)).find((one) => one.id === id);
    const isIn = (id: string, state: string) => async () => (await job(id))?.state === state;
    const lab = join(root, 'models/lab');
    const { cache: _, ...staged } = parse(stage.yaml.split('variants:')[0] as string);
    const files = {
      'corpus.yaml': {
        version: 1,
        name: 'words',
        sources: [{ path: 'rows.jsonl', columns: { text: 'question' } }],
        embedder: 'none',
      },
      'missing.yaml': { version: 1, name: 'missing', sources: [{ path: 'nowhere.jsonl' }], embedder: 'none' },
      'training.yaml': {
        version: 1,
        name: 'small',
        model: lab,
        data: { name: 'preference-json-lines', path: join(root, 'datasets/lab-world/pairs.jsonl') },
        split: { train: 24, validation: 8 },
        objective: { name: 'dpo' },
        batch: { size: 2, accumulate: 1 },
        epochs: 10,
        maxSteps: 30,
        checkpointEvery: 2,
        maxLength: 256,
      },
      'benchmark.yaml': {
        ...staged,
        metrics: ['exact-match'],
        sample: 10,
        methods: { naive: { method: 'naive' } },
        optimisations: { baseline: {}, wide: { engine: { concurrency: 8 } } },
      },
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(stage.dir, name), stringify(content));

    const reach = ['--data-folder', root];
    const [first] = await started(1, reach);
    const training = await added('training.yaml');
    await until('it trains', async () => ((await store.listTrainingRuns(training.subject))[0]?.step ?? 0) >= 4);
    await first?.stop('SIGKILL');
    await started(2, reach);
    const [corpus, missing, benchmark] = [
      await added('corpus.yaml'),
      await added('missing.yaml'),
      await added('benchmark.yaml'),
    ];
    await until('the training is done', isIn(training.jobId, 'done'), 120_000);
    const [run] = await store.listTrainingRuns(training.subject);
    expect(run).toMatchObject({ status: 'finished', step: 30 });
    expect(await job(training.jobId)).toMatchObject({ attempts: 2, error: null });
    await until('the corpus is ingested', isIn(corpus.jobId, 'done'));
    await until('the missing corpus has failed', isIn(missing.jobId, 'failed'));
    expect((await job(missing.jobId))?.error).toContain('nowhere.jsonl');
    await until('the benchmark is done', isIn(benchmark.jobId, 'done'), 120_000);
    expect((await store.getBenchmark(benchmark.subject))?.report).toMatchObject({});
    expect(existsSync(join(stage.dir, '.forge/benchmarks', benchmark.subject))).toBe(true);
    expect(await cli()).toMatch(/missing +0 +failed: .*nowhere/);

    // Cancelled, it stops within two seconds.
    const lasting = { ...files['training.yaml'], epochs: 1000, maxSteps: 5000 };
    await writeFile(join(stage.dir, 'long.yaml'), stringify(lasting));
    const long = await added('long.yaml');
    await until('it trains', async () => ((await store.listTrainingRuns(long.subject))[0]?.step ?? 0) >= 2);
    expect(await cli('cancel', long.jobId)).toContain('cancelled');
    const stopped = async () => (await store.listTrainingRuns(long.subject))[0]?.status === 'cancelled';
    await until('it has stopped', stopped, 2000);
    expect(await job(long.jobId)).toMatchObject({ state: 'cancelled' });
  }, 300_000);

  it('refuse a server of another version, tables that are newer, and a missing DATABASE_URL, in one line', async () => {
    const other = await store.registerWorker({
      name: 'elsewhere:1',
      kind: 'server',
      version: '9.9.9',
      capabilities: { gpu: false, engines: [], models: [] },
    });
    const env = { DATABASE_URL: server.url };
    // It lives for as long as the worker takes to start.
    const beats = setInterval(() => void store.beat(other, { state: 'working', waitsFor: null }), 1000);
    const refused = await forge(['worker'], { cwd: stage.dir, env });
    clearInterval(beats);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /this worker is of LLM Forge 0\.1\.0, and the server elsewhere:1 of 9\.9\.9; install/,
    );
    await store.removeWorker(other);

    const [worker] = await started(1);
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query("insert into drizzle.__drizzle_migrations (hash, created_at) values ('future', 9999999999999)");
    expect(await worker?.ended).toEqual({ code: 2, signal: null });
    expect(worker?.output()).toContain('newer version of LLM Forge; update this worker');
    const late = await forge(['worker'], { cwd: stage.dir, env });
    expect(late).toMatchObject({ code: 2 });
    expect(late.stderr).toContain('newer version of LLM Forge');
    await client.query('delete from drizzle.__drizzle_migrations where created_at = 9999999999999');
    await client.end();
    const alone = await forge(['worker'], { cwd: stage.dir, env: { DATABASE_URL: '' } });
    expect(alone.code).toBe(2);
  });
});

describe('a server with a queue', () => {
  it('leaves experiments to workers and shows them', async () => {
    const env = { DATABASE_URL: server.url };
    const web = await startForgeServer({
      cwd: stage.dir,
      env,
      args: ['--port', '0', '--queue', '--private-host', '127.0.0.1:*'],
    });
    try {
      const post = (path: string, body: unknown) =>
        fetch(`${web.url}/api${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const { id } = (await (await post('/experiments', { source: stage.yaml, start: true })).json()) as { id: string };
      const workers = async () =>
        (await (await fetch(`${web.url}/api/workers`)).json()) as { queue: unknown[]; workers: WorkerRecord[] };
      const found = await workers();
      expect(found).toMatchObject({ queue: [{ experimentId: id, paused: false }], limits: [] });
      // Those that earlier tests have killed are there for a while.
      expect(found.workers.at(-1)).toMatchObject({ kind: 'server', alive: true, version });
      await started(1);
      await until('a worker is shown', async () => (await workers()).workers.length > found.workers.length);
      await until('some is done', async () => (await store.runStates(id)).some(({ done }) => done > 0));
      expect((await post(`/experiments/${id}/cancel`, {})).status).toBe(200);
      expect((await workers()).queue).toEqual([]);
      expect((await post(`/experiments/${id}/resume`, {})).status).toBe(200);
      await ended(id);
      const events = await (await fetch(`${web.url}/api/experiments/${id}/events?after=0`)).text();
      expect(events).toContain('event: end');
    } finally {
      expect(await web.stop()).toBe(0);
    }
  });
});
