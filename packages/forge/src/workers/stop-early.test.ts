import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeRuns } from '../execute-runs.ts';
import { type ExperimentSpec, parseExperiment, storedForm } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { ExperimentRecord, Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import type { RunSummary } from '../summarize-run.ts';
import { drills } from '../testing/drills.ts';
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

const rows = 400;
let server: PostgresServer;
let stage: WorkerStage;
let store: Store;
const running: WorkerProcess[] = [];

beforeAll(async () => {
  server = await startPostgres();
  stage = await createWorkerStage({ rows, baseUrl: 'http://127.0.0.1:1' });
  store = await openStore({ url: server.url });
});
afterAll(async () => {
  await Promise.all(running.map((worker) => worker.stop('SIGKILL')));
  await store?.close();
  await stage?.close();
  await server?.stop();
});

const variants = `  base: {}
  same: {}
  never: { engine: { default: neither } }`;
const yaml = (more = variants, columns = '') => `version: 1
name: staged
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer${columns} } }
engine: { name: scripted, default: odd, latencyMs: 5, concurrency: 4 }
method: naive
metrics: [exact-match]
cache: false
variants:
${more}
compare: { minimumEffect: 0.15, stop: { when: settled, atLeast: 20, every: 20 } }
`;
const created = async (text: string) =>
  (await store.createExperiment(storedForm(parseExperiment('staged', text)))).experiment;

async function queued(text: string): Promise<ExperimentRecord> {
  const experiment = await created(text);
  await store.enqueueExperiment(experiment.id, { priority: 0, version: '0.1.0' });
  return experiment;
}
const worker = () => {
  const one = startWorker({ cwd: stage.dir, url: server.url, args: ['--shard-size', '5'] });
  running.push(one);
  return one;
};
const figures = async ({ id }: ExperimentRecord) =>
  (await store.listRuns(id)).map(({ summary }) => {
    const { n, metrics } = summary as RunSummary;
    return { n, metrics };
  });
const comparisons = async (experiment: ExperimentRecord) => (await readFinding(store, experiment)).comparisons;

describe('workers on an experiment that may stop early', () => {
  it('stop where one process without workers stops, also when one of them is killed on the way', async () => {
    const alone = await created(yaml());
    const parts = {
      store,
      surroundings: {
        baseDir: stage.dir,
        cacheDir: join(stage.dir, '.forge'),
        env: {},
        now: Date.now,
        notify: () => {},
      },
      clock: { now: Date.now, monotonic: () => performance.now() },
      random: () => 0.5,
      origin: { codeRevision: 'test', forgeVersion: '0.1.0', machine: {} },
    };
    const { compare } = alone.config as ExperimentSpec;
    const job = { configHash: alone.configHash, runs: await store.listRuns(alone.id), compare };
    for await (const _ of executeRuns(job, parts));

    const experiment = await queued(yaml());
    const first = worker();
    await until('something is stored', async () =>
      (await store.runStates(experiment.id)).some(({ done }) => done > 20),
    );
    await first.stop('SIGKILL');
    worker();
    worker();
    await until('it is done', () => isDone(store, experiment.id), 120_000);

    const expected = await outcomeOf(store, alone.id);
    const [base, same, never] = expected.map((run) => run.rows.length);
    expect(never).toBeLessThan(same as number);
    expect(base).toBe(same);
    expect(same).toBeLessThan(rows);
    expect(await outcomeOf(store, experiment.id)).toEqual(expected);
    expect(await figures(experiment)).toEqual(await figures(alone));
    expect(await comparisons(experiment)).toEqual(await comparisons(alone));
    expect((await comparisons(experiment)).map(({ verdict }) => verdict)).toEqual(['tied', 'worse']);
  }, 180_000);

  it.runIf(drills)(
    'let the others go on where a variant fails, and say why clusters cannot be',
    async () => {
      worker();
      const bad = `${variants}\n  bad: { method: { name: rag, retriever: { name: bm25, corpus: missing.yaml } } }`;
      const withBad = await queued(yaml(bad));
      const clustered = await queued(yaml(variants, ', cluster: answer'));
      for (const { id } of [withBad, clustered]) await until('it is done', () => isDone(store, id), 120_000);
      expect((await store.listRuns(withBad.id)).map(({ status }) => status)).toEqual([
        'finished',
        'finished',
        'finished',
        'failed',
      ]);
      expect((await comparisons(withBad)).map(({ verdict }) => verdict)).toEqual(['tied', 'worse']);
      for (const run of await store.listRuns(clustered.id)) {
        expect(run.status).toBe('failed');
        expect(run.error).toContain('is part of a cluster');
      }
    },
    180_000,
  );
});
