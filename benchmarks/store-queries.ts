/**
 * How long the store's queries take that a dashboard waits for: 1,000 experiments, 1,000,000 results, each query 50 times,
 * on PGlite (a folder) and on a Postgres server of this machine. Prints Markdown; ends with 1 where a p95 is over its limit.
 *
 * node benchmarks/store-queries.ts [--rows 1000000] [--experiments 1000] [--pglite-only] [--postgres-only]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Store } from '../packages/forge/src/store.ts';
import { openStore } from '../packages/forge/src/stores/index.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';
import { type Seeded, seedStore } from './seed-store.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    experiments: { type: 'string', default: '1000' },
    'pglite-only': { type: 'boolean', default: false },
    'postgres-only': { type: 'boolean', default: false },
  },
});
const size = { rows: Number(values.rows), experiments: Number(values.experiments) };
const repetitions = 50;

type Query = readonly [name: string, run: (i: number) => Promise<unknown>];

async function queriesOf(store: Store, seeded: Seeded): Promise<Query[]> {
  const { long, pair, short } = seeded;
  const page = { limit: 50 };
  const ids = (await store.listExperiments({}, page)).items.map(({ id }) => id);
  const { next: byName } = await store.listExperiments({}, { limit: 500 }, 'name');
  const later = { limit: 50, ...(byName === null ? {} : { after: byName }) };
  const latest = (await store.newResults(pair.experimentId, null)).cursor;
  const table = (offset: number, order: 'row' | 'slowest', limit = 100) =>
    store.listTableRows(long.runId, {}, { offset, limit, order });
  const spread = (i: number) => Math.floor((long.rows * i) / repetitions);
  return [
    ['listExperiments, newest', () => store.listExperiments({}, page)],
    ['listExperiments, oldest', () => store.listExperiments({}, page, 'oldest')],
    ['listExperiments, name', () => store.listExperiments({}, page, 'name')],
    ['listExperiments, name, page 11', () => store.listExperiments({}, later, 'name')],
    ['listExperiments, text', () => store.listExperiments({ text: 'few-shot help' }, page)],
    ['listExperiments, text that is nowhere', () => store.listExperiments({ text: 'nowhere at all' }, page, 'name')],
    ['listExperiments, status', () => store.listExperiments({ status: 'failed' }, page)],
    [
      'listExperiments, all filters, name',
      () =>
        store.listExperiments(
          { status: 'finished', method: 'react', engine: 'llama-cpp', model: 'qwen3-4b', dataset: 'squad', text: 'on' },
          page,
          'name',
        ),
    ],
    ['listExperiments, 1000 at once', () => store.listExperiments({}, { limit: 1000 })],
    ['facets', () => store.facets()],
    ['totals', () => store.totals()],
    ['listRuns, 1 experiment', () => store.listRuns(pair.experimentId)],
    ['listRuns, 50 experiments', () => store.listRuns(...ids)],
    ['runStates, 1,000 rows', () => store.runStates(short.experimentId)],
    ['runStates, 2 runs of 1 %', () => store.runStates(pair.experimentId)],
    ['runStates, 1 run of 10 %', () => store.runStates(long.experimentId)],
    ['listTableRows, begin', () => table(0, 'row')],
    ['listTableRows, anywhere', (i) => table(spread(i), 'row')],
    ['listTableRows, end', () => table(long.rows - 100, 'row')],
    ['listTableRows, 1000 from the middle', () => table(Math.floor(long.rows / 2), 'row', 1000)],
    ['listTableRows, slowest, anywhere', (i) => table(spread(i), 'slowest')],
    ['listTableRows, slowest, end', () => table(long.rows - 100, 'slowest')],
    ['getResult', (i) => store.getResult(long.runId, `test-${spread(i)}`)],
    ['newResults, from the first', () => store.newResults(long.experimentId, 0)],
    ['newResults, only the cursor', () => store.newResults(pair.experimentId, null)],
    ['newResults, nothing new', () => store.newResults(pair.experimentId, latest)],
  ];
}

/** Not among the limits: they look at every row of the run. */
const filtered = (store: Store, { long }: Seeded): Query[] => [
  [
    'listTableRows, wrong ones',
    () => store.listTableRows(long.runId, { metric: 'exact-match', belowScore: 1 }, { offset: 1000, limit: 100 }),
  ],
  ['listTableRows, text', () => store.listTableRows(long.runId, { text: 'Sunday noon' }, { offset: 0, limit: 100 })],
];

async function timesOf(run: Query[1], times: number): Promise<{ p50: number; p95: number }> {
  await run(0);
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await run(i);
    taken.push(performance.now() - started);
  }
  taken.sort((a, b) => a - b);
  const quantile = (q: number) => taken[Math.ceil(q * taken.length) - 1] ?? Number.NaN;
  return { p50: quantile(0.5), p95: quantile(0.95) };
}

/** True where every query keeps its limit. */
async function measure(title: string, store: Store, limitMs: number): Promise<boolean> {
  const started = performance.now();
  let longestFinishMs = 0;
  const timed: Store = {
    ...store,
    async finishRun(...end) {
      const from = performance.now();
      await store.finishRun(...end);
      longestFinishMs = Math.max(longestFinishMs, performance.now() - from);
    },
  };
  const progress = (rows: number) => void process.stderr.write(`\r${title}: ${rows} rows`);
  const seeded = await seedStore(timed, { ...size, progress });
  process.stderr.write('\n');
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`\n## ${title}\n\nSeeded in ${seconds} s; the longest finishRun took ${longestFinishMs.toFixed(0)} ms.`);
  console.log(`Limit ${limitMs} ms.\n`);
  console.log('| Query | p50 ms | p95 ms | |\n| --- | ---: | ---: | --- |');
  let passed = true;
  for (const [name, run] of await queriesOf(store, seeded)) {
    const { p50, p95 } = await timesOf(run, repetitions);
    const ok = p95 <= limitMs;
    passed &&= ok;
    console.log(`| ${name} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${ok ? 'pass' : 'FAIL'} |`);
  }
  for (const [name, run] of filtered(store, seeded)) {
    const { p50, p95 } = await timesOf(run, 10);
    console.log(`| ${name} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | no limit |`);
  }
  return passed;
}

async function measurePostgres(): Promise<boolean> {
  const server = await startPostgres();
  try {
    const store = await openStore({ url: server.url });
    const passed = await measure('Postgres', store, 100);
    await store.close();
    return passed;
  } finally {
    await server.stop();
  }
}

async function measurePglite(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-store-queries-'));
  try {
    const store = await openStore({ dir: join(folder, 'database') });
    const passed = await measure('PGlite', store, 200);
    await store.close();
    return passed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { rows, experiments } = size;
console.log(
  `${experiments.toLocaleString('en')} experiments, ${rows.toLocaleString('en')} results; ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}.`,
);
const passed: boolean[] = [];
if (!values['pglite-only']) passed.push(await measurePostgres());
if (!values['postgres-only']) passed.push(await measurePglite());
process.exitCode = passed.every(Boolean) ? 0 : 1;
