import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseExperiment, storedForm } from '../load-experiment.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import type { RunSummary } from '../summarize-run.ts';
import { drills } from '../testing/drills.ts';
import { type StubServer, startOpenAiStub } from '../testing/openai-stub-server.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import { startTcpProxy } from '../testing/tcp-proxy.ts';
import {
  createWorkerStage,
  isDone,
  outcomeOf,
  startWorker,
  until,
  type WorkerProcess,
  type WorkerStage,
} from '../testing/worker-stage.ts';

const rows = 60;
let server: PostgresServer;
let stub: StubServer;
let stage: WorkerStage;
let store: Store;
let running: WorkerProcess[] = [];
/** What the stub does before it answers. */
let before: (prompt: string) => void = () => {};

beforeAll(async () => {
  server = await startPostgres();
  stub = await startOpenAiStub({
    latencyMs: 40,
    answer({ body }) {
      before(String(body.prompt));
      return undefined;
    },
  });
  stage = await createWorkerStage({ rows, baseUrl: stub.baseUrl, variants: '  plain: { method: naive }' });
  store = await openStore({ url: server.url });
});
afterEach(async () => {
  before = () => {};
  await Promise.all(running.map((worker) => worker.stop('SIGKILL')));
  running = [];
});
afterAll(async () => {
  await store?.close();
  await stage?.close();
  await stub?.close();
  await server?.stop();
});

function start(url = server.url, within: readonly string[] = [], node: readonly string[] = []): WorkerProcess {
  const worker = startWorker({ cwd: stage.dir, url, args: ['--shard-size', '12'], within, node });
  running.push(worker);
  return worker;
}

async function queued(): Promise<string> {
  const { experiment } = await store.createExperiment(storedForm(parseExperiment('staged', stage.yaml)));
  await store.enqueueExperiment(experiment.id, { priority: 0, version: '0.1.0' });
  return experiment.id;
}

const doneOf = async (id: string) => (await store.runStates(id)).reduce((sum, { done }) => sum + done, 0);

it('does what it has claimed where the queue cannot drop it', async () => {
  const worker = start();
  await worker.ready;
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query(`
      create sequence refusals;
      create function refuse() returns trigger language plpgsql as $$
        begin if nextval('refusals') <= 2 then raise exception 'not now'; end if; return old; end $$;
      create trigger refuse before delete on forge_queue.job for each row execute function refuse()`);
    const id = await queued();
    await until('all of it is done', () => isDone(store, id));
    const { rows: counted } = await client.query("select nextval('refusals')");
    expect(Number(counted[0].nextval)).toBeGreaterThan(2);
  } finally {
    await client.query('drop function if exists refuse cascade; drop sequence if exists refusals');
    await client.end();
  }
});

describe.runIf(drills)('a worker that is lost', () => {
  it('with kill -9 in the middle of a shard: another one takes over, nothing is lost or there twice', async () => {
    const id = await queued();
    const first = start();
    await until('something is stored', async () => (await doneOf(id)) > 0);
    await first.stop('SIGKILL');
    start();
    await until('all of it is done', () => isDone(store, id));
    const [run] = await outcomeOf(store, id);
    expect(run?.rows.map(({ index }) => index)).toEqual(Array.from({ length: rows }, (_, i) => i));
    expect(run?.rows.every(({ failure }) => failure === undefined)).toBe(true);
  });

  it('each time at the same example: that one is set aside after three tries, the rest is done', async () => {
    const id = await queued();
    let kills = 0;
    before = (prompt) => {
      if (!prompt.includes('Number 17 ')) return;
      kills++;
      for (const worker of running) worker.child.kill('SIGKILL');
    };
    for (let i = 0; i < 8 && !(await isDone(store, id)); i++) {
      const worker = start();
      await Promise.race([worker.ended, until('all of it is done', () => isDone(store, id), 90_000)]);
    }
    const [run] = await outcomeOf(store, id);
    expect(run?.rows).toHaveLength(rows);
    const failed = run?.rows.filter(({ failure }) => failure !== undefined) ?? [];
    expect(failed.map(({ index }) => index)).toEqual([17]);
    expect(failed[0]?.failure).toMatchObject({ kind: 'poison' });
    expect(failed[0]?.failure?.message).toContain('3 times');
    // Once without a note, because no worker had been lost before, and three times with one.
    expect(kills).toBe(4);
    const [record] = await store.listRuns(id);
    const summary = record?.summary as RunSummary | undefined;
    expect(summary?.failed).toEqual({ total: 1, byKind: { poison: 1 } });
  });
});

describe.runIf(drills)('a clock that jumps', () => {
  it('up to a day, back and forth: nothing is lost, nothing there twice, limits hold', async () => {
    await store.setLimit('openai-compatible', 3);
    await fetch(`${new URL(stub.baseUrl).origin}/stub/reset`);
    const id = await queued();
    const jumping = ['--import', join(import.meta.dirname, '..', 'testing', 'jumping-clock.ts')];
    for (let i = 0; i < 2; i++) start(server.url, [], jumping);
    await until('all of it is done', () => isDone(store, id));
    const [run] = await outcomeOf(store, id);
    expect(run?.rows.map(({ index }) => index)).toEqual(Array.from({ length: rows }, (_, i) => i));
    expect(run?.rows.every(({ failure }) => failure === undefined)).toBe(true);
    expect(stub.stats.maxInFlight).toBeLessThanOrEqual(3);
    await store.setLimit('openai-compatible', null);
  });
});

describe.runIf(drills)('a network that is cut', () => {
  it.each(['reset', 'silent'] as const)('between a worker and the database (%s): nothing is lost', async (how) => {
    const id = await queued();
    const { port } = new URL(server.url);
    const proxy = await startTcpProxy(`127.0.0.1:${port}`);
    try {
      const url = new URL(server.url);
      url.port = String(proxy.port);
      const worker = start(url.href);
      await until('something is stored', async () => (await doneOf(id)) > 0);
      proxy.cut(how);
      // It stops what others may take over, and does not end.
      await until('no call is under way', async () => stub.stats.inFlight === 0, 10_000);
      expect(worker.child.exitCode).toBeNull();
      const other = start();
      await other.ready;
      await until('the other one has something', async () => (await doneOf(id)) > 20 || isDone(store, id));
      proxy.heal();
      await until('all of it is done', () => isDone(store, id));
      const [run] = await outcomeOf(store, id);
      expect(run?.rows.map(({ index }) => index)).toEqual(Array.from({ length: rows }, (_, i) => i));
    } finally {
      await Promise.all(running.map((one) => one.stop('SIGKILL')));
      await proxy.close();
    }
  });
});

const network = join(import.meta.dirname, '..', 'testing', 'two-networks.sh');
const permitted =
  process.platform === 'linux' &&
  (await promisify(execFile)('bash', [network, 'check']).then(
    () => true,
    () => false,
  ));

describe('two machines', () => {
  it.skipIf(!permitted)(
    `as two network namespaces with a wire between them${permitted ? '' : ' (skipped: this machine does not permit network namespaces)'}`,
    async () => {
      const id = await queued();
      // Database and engine are reached over the wire only: bridges at its other end go on through Unix sockets.
      const database = join(stage.dir, 'database.sock');
      const engine = join(stage.dir, 'engine.sock');
      const toDatabase = await startTcpProxy(`127.0.0.1:${new URL(server.url).port}`, { path: database });
      const toEngine = await startTcpProxy(`127.0.0.1:${new URL(stub.baseUrl).port}`, { path: engine });
      try {
        const { port } = new URL(stub.baseUrl);
        const url = new URL(server.url);
        url.hostname = '10.77.0.1';
        url.port = '5432';
        // The experiment names the engine at 127.0.0.1: there, in the worker's own network, a bridge goes on over the wire.
        const worker = start(url.href, ['bash', network, 'run', database, engine, port]);
        await until('all of it is done', () => isDone(store, id), 90_000);
        expect(existsSync(database)).toBe(true);
        expect(worker.output()).toContain('takes shards');
        expect((await outcomeOf(store, id))[0]?.rows).toHaveLength(rows);
      } finally {
        await Promise.all(running.map((one) => one.stop('SIGTERM')));
        running = [];
        await toDatabase.close();
        await toEngine.close();
      }
    },
  );
});
