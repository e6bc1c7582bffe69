/**
 * One experiment with very many examples, through the whole product (data set file, runner, method, metric, recorder, store)
 * with an engine that answers at once: how fast rows are stored, whether memory stays flat, how many bytes the database takes
 * for a row, how long the figures take and how long it takes to page through. Prints Markdown; ends with 1 where the process
 * holds more than 1.35 times as much in the last tenth as in the third (before that, caches fill).
 *
 * node benchmarks/scale-rows.ts [--rows 1000000] [--database pglite|postgres] [--every 100000] [--keep <folder>]
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMetrics } from '../packages/forge/src/build.ts';
import { executeRuns } from '../packages/forge/src/execute-runs.ts';
import { parseExperiment, storedForm } from '../packages/forge/src/load-experiment.ts';
import type { RunRecord, Store } from '../packages/forge/src/store.ts';
import { createStore } from '../packages/forge/src/stores/database-store.ts';
import { openConnection } from '../packages/forge/src/stores/index.ts';
import { summarizeRun } from '../packages/forge/src/summarize-run.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    every: { type: 'string', default: '' },
    database: { type: 'string', default: 'pglite' },
    keep: { type: 'string' },
  },
});
const rows = Number(values.rows);
const every = values.every === '' ? Math.max(1, Math.round(rows / 10)) : Number(values.every);
const pageSize = 1000;
const allowedGrowth = 1.35;

const whole = (value: number) => Math.round(value).toLocaleString('en');
const seconds = (ms: number) => (ms / 1000).toFixed(1);

const yaml = `version: 1
name: scale
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: 'The answer is 42, as it was before and as it will be again.', concurrency: 64 }
method: { name: naive }
metrics: [exact-match, f1]
cache: false
`;

async function writeRows(folder: string): Promise<void> {
  const file = createWriteStream(join(folder, 'rows.jsonl'));
  for (let i = 0; i < rows; i++) {
    const row = {
      question: `Ward ${i % 97} has ${i} beds and gets ${i % 13} more. How many are there?`,
      answer: `${i}`,
    };
    if (!file.write(`${JSON.stringify(row)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}

interface Sample {
  readonly done: number;
  readonly rate: number;
  /** MB: the whole process with its database thread, and objects of JavaScript. */
  readonly residentMb: number;
  readonly heapMb: number;
}

async function execute(store: Store, folder: string): Promise<{ run: RunRecord; samples: Sample[]; wallMs: number }> {
  const { experiment, runs } = await store.createExperiment(storedForm(parseExperiment('scale', yaml)));
  const clock = { now: Date.now, monotonic: () => performance.now() };
  const surroundings = {
    baseDir: folder,
    cacheDir: folder,
    env: {},
    allowPrograms: false,
    now: Date.now,
    notify: () => {},
  };
  const origin = { codeRevision: 'unknown', forgeVersion: '0.1.0', machine: {} };
  const samples: Sample[] = [];
  const started = performance.now();
  let last = started;
  let done = 0;
  const parts = { store, surroundings, clock, random: Math.random, origin };
  for await (const event of executeRuns({ configHash: experiment.configHash, runs }, parts)) {
    if (event.type === 'run-finished' && event.status !== 'finished') throw new Error(event.error ?? event.status);
    if (event.type !== 'example-finished') continue;
    done++;
    if (done % every !== 0) continue;
    const now = performance.now();
    const { rss, heapUsed } = process.memoryUsage();
    samples.push({ done, rate: (every / (now - last)) * 1000, residentMb: rss / 1e6, heapMb: heapUsed / 1e6 });
    const { rate, residentMb, heapMb } = samples.at(-1) as Sample;
    console.log(`| ${whole(done)} | ${whole(rate)} | ${whole(residentMb)} | ${whole(heapMb)} |`);
    last = now;
  }
  const [run] = await store.listRuns(experiment.id);
  return { run: run as RunRecord, samples, wallMs: performance.now() - started };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Every example with its calls, page by page. */
async function pageThrough(store: Store, runId: string): Promise<void> {
  let after: string | undefined;
  let read = 0;
  do {
    const page = await store.listResults(runId, {}, { limit: pageSize, ...(after === undefined ? {} : { after }) });
    read += page.items.length;
    after = page.next ?? undefined;
  } while (after !== undefined);
  if (read !== rows) throw new Error(`${read} rows were read, not ${rows}`);
}

async function reading(store: Store, runId: string): Promise<void> {
  const metrics = await describeMetrics(['exact-match', 'f1'].map((name) => ({ name, options: {} })));
  const table = (offset: number, order: 'row' | 'slowest') =>
    store.listTableRows(runId, {}, { offset, limit: 100, order });
  const what: [string, () => Promise<unknown>][] = [
    ['figures of the run (summarizeRun)', () => summarizeRun(store.scoredRows(runId), { metrics, wallMs: 1 })],
    [`every example with its calls, ${whole(pageSize)} a page`, () => pageThrough(store, runId)],
    ['100 lines of the table, first', () => table(0, 'row')],
    ['100 lines of the table, middle', () => table(Math.floor(rows / 2), 'row')],
    ['100 lines of the table, slowest first, last', () => table(Math.max(0, rows - 100), 'slowest')],
    ['ids of finished examples (before a resume)', () => store.finishedExampleIds(runId)],
  ];
  console.log('\n| reading | s | MB of the process after it |\n|---|---:|---:|');
  for (const [name, work] of what) {
    const ms = await timed(work);
    console.log(`| ${name} | ${(ms / 1000).toFixed(2)} | ${whole(process.memoryUsage.rss() / 1e6)} |`);
  }
}

async function folderBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sum;
}

async function main(): Promise<void> {
  const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'forge-scale-')));
  await mkdir(folder, { recursive: true });
  const postgres = values.database === 'postgres' ? await startPostgres() : undefined;
  const target = postgres === undefined ? { dir: join(folder, 'database') } : { url: postgres.url };
  const load = () => loadavg()[0]?.toFixed(1);
  console.log(
    `${whole(rows)} examples, ${values.database}, ${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, load ${load()} at the start.\n`,
  );
  const connection = await openConnection(target);
  const store = createStore(connection, { now: Date.now, randomBytes });
  try {
    await writeRows(folder);
    console.log('| examples stored | examples/s since the line before | MB of the process | MB of JavaScript |');
    console.log('|---:|---:|---:|---:|');
    const { run, samples, wallMs } = await execute(store, folder);
    console.log(
      `\n${whole(rows)} examples in ${seconds(wallMs)} s: ${whole((rows / wallMs) * 1000)} examples/s, figures included.`,
    );
    await reading(store, run.id);
    await connection.query('checkpoint');
    const sizes = await connection.query(
      "select pg_total_relation_size('results'), pg_total_relation_size('calls'), pg_indexes_size('results') + pg_indexes_size('calls'), pg_database_size(current_database())",
    );
    const [results = 0, calls = 0, indexes = 0, all = 0] = (sizes[0] ?? []).map(Number);
    console.log(
      `\nBytes for an example: ${whole(results / rows)} in results, ${whole(calls / rows)} in calls (of both, ${whole(indexes / rows)} in indexes); database ${whole(all / 1e6)} MB.`,
    );
    if (postgres === undefined)
      console.log(
        `Files of the database with its log: ${whole((await folderBytes(join(folder, 'database'))) / 1e6)} MB.`,
      );
    const settled = samples[Math.floor(samples.length * 0.3)]?.residentMb ?? 0;
    const end = samples.at(-1)?.residentMb ?? 0;
    const flat = end <= allowedGrowth * settled;
    console.log(
      `\nMemory: ${whole(settled)} MB after the third tenth, ${whole(end)} MB at the end: ${flat ? 'flat' : 'GROWS'}. Load ${load()} at the end.`,
    );
    if (!flat) process.exitCode = 1;
  } finally {
    await store.close();
    await postgres?.stop();
    if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

await main();
