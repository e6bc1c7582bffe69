import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createRandom } from '../lib/random.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import { type ForgeServer, startForgeServer } from './forge-server.ts';
import { startOpenAiStub } from './openai-stub-server.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { createWorkerStage, isDone, startWorker, until, type WorkerProcess } from './worker-stage.ts';

export const victims = ['worker', 'database', 'server', 'both workers'] as const;
export type Victim = (typeof victims)[number];

/** What came of one kill. */
export interface DrillCycle {
  readonly victim: Victim;
  /** From when the experiment was asked for to the kill, ms. */
  readonly killedAfterMs: number;
  /** From the kill to the end of the experiment, ms. */
  readonly recoveredMs: number;
  readonly rows: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly failed: number;
}

export interface DrillOptions {
  readonly cycles: number;
  readonly rows: number;
  readonly seed: string;
  /** No cycle begins after this, ms from the start. */
  readonly deadlineMs?: number;
  /** `forge serve --queue`, which needs a built dashboard, is one of what is killed. */
  readonly withServer: boolean;
  /** Nothing else is killed; all in turn when left out. */
  readonly only?: Victim | undefined;
  onCycle?(cycle: DrillCycle): void;
}

export interface DrillResult {
  readonly cycles: readonly DrillCycle[];
  /** Calls at the engine at once, under a limit of `callLimit`. */
  readonly mostCalls: number;
}

export const callLimit = 6;
const workerCount = 2;

/** The processes of a small cluster; what was killed is started again. */
async function startCluster(database: PostgresServer, dir: string, withServer: boolean) {
  const work = () => startWorker({ cwd: dir, url: database.url, args: ['--shard-size', '10'] });
  const serve = () =>
    startForgeServer({
      cwd: dir,
      env: { DATABASE_URL: database.url },
      args: ['--port', '0', '--queue', '--private-host', '127.0.0.1:*'],
    });
  const workers: WorkerProcess[] = [];
  let stopping = false;
  /** Started again however it ends, as whatever supervises it would do: one that starts while the database is away ends. */
  function keep(index: number): void {
    const worker = work();
    workers[index] = worker;
    void worker.ended.then(() => {
      if (!stopping) keep(index);
    });
  }
  for (let index = 0; index < workerCount; index++) keep(index);
  let server: ForgeServer | undefined = withServer ? await serve() : undefined;
  await Promise.all(workers.map(({ ready }) => ready));

  /** The one that has worked longest first. */
  async function killWorkers(count: number): Promise<void> {
    const oldest = workers.toSorted((a, b) => (a.child.pid ?? 0) - (b.child.pid ?? 0));
    await Promise.all(oldest.slice(0, count).map((worker) => worker.stop('SIGKILL')));
  }

  return {
    url: () => server?.url,
    async kill(victim: Victim): Promise<void> {
      if (victim === 'worker') await killWorkers(1);
      else if (victim === 'both workers') await killWorkers(workerCount);
      else if (victim === 'database') {
        await database.kill();
        await sleep(300);
        await database.restart();
      } else {
        await server?.stop('SIGKILL');
        server = await serve();
      }
    },
    output: () => workers.map((worker) => worker.output()).join('\n'),
    async stop(): Promise<void> {
      stopping = true;
      await Promise.all([...workers.map((worker) => worker.stop('SIGKILL')), server?.stop('SIGKILL')]);
    },
  };
}

/** What is stored of an experiment, held against what must be. */
async function count(store: Store, experimentId: string, expected: number) {
  let rows = 0;
  let failed = 0;
  const seen = new Set<number>();
  for (const run of await store.listRuns(experimentId)) {
    for await (const batch of store.scoredRows(run.id)) {
      for (const row of batch) {
        rows++;
        if (row.failureKind !== null) failed++;
        seen.add(row.index);
      }
    }
  }
  return { rows, failed, lost: expected - seen.size, duplicated: rows - seen.size };
}

/** Where work stands in our tables and in pg-boss, for people who look for what it waits for. */
async function standing({ url, log }: PostgresServer): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  const questions = [
    'select status, total, error, count(*) from runs group by 1, 2, 3',
    'select experiment_id, paused, planned from queued_experiments',
    'select id, run_id, state, worker_id, attempts, issued_at, claimed_at from shards',
    'select id, name, kind, state, seen_at, clock_timestamp() from workers',
    'select * from leases where holder is not null',
    'select application_name, state, wait_event_type, wait_event, clock_timestamp() - query_start as since, left(query, 200) as query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    'select state, count(*), max(started_on), max(retry_count), min(start_after) from forge_queue.job group by 1',
  ];
  const answers = [];
  for (const question of questions)
    answers.push(`${question}\n${(await client.query(question)).rows.map((row) => JSON.stringify(row)).join('\n')}`);
  await client.end();
  return [...answers, log().slice(-6000)].join('\n');
}

/** Asks for an experiment: the server where there is one, else the database. */
async function ask(store: Store, url: string | undefined, source: string): Promise<string> {
  if (url === undefined) {
    const { parseExperiment, storedForm } = await import('../load-experiment.ts');
    const { experiment } = await store.createExperiment(storedForm(parseExperiment('drill', source)));
    await store.enqueueExperiment(experiment.id, { priority: 0, version: '0.1.0' });
    return experiment.id;
  }
  const response = await fetch(`${url}/api/experiments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source, start: true }),
  });
  if (!response.ok) throw new Error(`the server refused the experiment: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

/**
 * Kills one part of a cluster with -9 at a random moment of an experiment, starts it again, waits for the end of the
 * experiment and counts its rows; again and again, on the same database.
 */
export async function drillWorkers(options: DrillOptions): Promise<DrillResult> {
  const { cycles, rows, seed, deadlineMs = Number.POSITIVE_INFINITY, withServer, only, onCycle } = options;
  const random = createRandom(seed);
  const database = await startPostgres();
  const stub = await startOpenAiStub({ latencyMs: 40 });
  const stage = await createWorkerStage({ rows, baseUrl: stub.baseUrl, variants: '  plain: { method: naive }' });
  const store = await openStore({ url: database.url });
  const cluster = await startCluster(database, stage.dir, withServer);
  const done: DrillCycle[] = [];
  const started = performance.now();
  const kinds = only === undefined ? victims.filter((victim) => withServer || victim !== 'server') : [only];
  try {
    await store.setLimit('openai-compatible', callLimit);
    for (let cycle = 0; cycle < cycles && performance.now() - started < deadlineMs; cycle++) {
      const victim = kinds[cycle % kinds.length] as Victim;
      const asked = performance.now();
      const id = await ask(store, cluster.url(), stage.yaml);
      await sleep(random.below(Math.round(rows * 12)));
      const killed = performance.now();
      await cluster.kill(victim);
      await until(`the experiment of cycle ${cycle} is done`, () => isDone(store, id), 60_000).catch(async (error) => {
        throw new Error(`${String(error)}\n${await standing(database)}\n${cluster.output().slice(-12000)}`);
      });
      const ended = performance.now();
      const counted = await count(store, id, rows);
      const result = { victim, killedAfterMs: killed - asked, recoveredMs: ended - killed, ...counted };
      done.push(result);
      onCycle?.(result);
    }
    return { cycles: done, mostCalls: stub.stats.maxInFlight };
  } finally {
    await cluster.stop();
    await store.close();
    await stub.close();
    await stage.close();
    await database.stop();
  }
}
