// Latency of the HTTP API over a large store: p95 of lists, filters and details against the limits of 100 ms (Postgres)
// and 200 ms (embedded database), a comparison of two runs of 10,000 examples under a second, and how long the server
// keeps another request waiting while it compares.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCorpora } from '../packages/forge/src/api/corpora.ts';
import { createJobs } from '../packages/forge/src/api/jobs.ts';
import { createLiveSummaries } from '../packages/forge/src/api/live-summary.ts';
import { startServer } from '../packages/forge/src/api/server.ts';
import { createCompareThread } from '../packages/forge/src/compare-thread.ts';
import type { Store } from '../packages/forge/src/store.ts';
import { openStore } from '../packages/forge/src/stores/index.ts';
import { startPostgres } from '../packages/forge/src/testing/postgres-server.ts';
import { type Seeded, seedStore } from './seed-store.ts';

const flag = (name: string, value: number) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? value : Number(process.argv[at + 1]);
};
const rows = flag('rows', 1_000_000);
const experiments = flag('experiments', 1000);
const repeats = flag('repeats', 50);
const only = process.argv.includes('--postgres-only')
  ? 'Postgres'
  : process.argv.includes('--pglite-only')
    ? 'PGlite'
    : undefined;

const dashboard = join(import.meta.dirname, '..', 'packages', 'dashboard', 'out');
const quantile = (times: readonly number[], q: number) =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(q * times.length))] as number;

async function timed(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return performance.now() - started;
}

function requests(seeded: Seeded): [name: string, path: (i: number) => string][] {
  const { long, pair, short } = seeded;
  return [
    ['list, newest', () => '/experiments'],
    ['list, by name', () => '/experiments?sort=name&limit=50'],
    ['list, by method and status', (i) => `/experiments?method=${['naive', 'react'][i % 2]}&status=finished`],
    ['list, by model and data set', () => '/experiments?model=qwen3-4b&dataset=gsm8k'],
    ['list, by text', (i) => `/experiments?text=${i % 10}`],
    ['facets', () => '/experiments/facets'],
    ['overview', () => '/overview'],
    ['experiment', () => `/experiments/${short.experimentId}`],
    ['experiment of two long runs', () => `/experiments/${pair.experimentId}`],
    ['rows anywhere in a long run', (i) => `/runs/${long.runId}/results?offset=${(i * 7919) % long.rows}&limit=200`],
    ['wrong rows of a long run', (i) => `/runs/${long.runId}/results?outcome=wrong&offset=${i * 200}&limit=200`],
    ['text in a long run', (i) => `/runs/${long.runId}/results?text=test%20${i}&limit=100`],
  ];
}

async function measure(name: string, limitMs: number, store: Store): Promise<boolean> {
  const started = performance.now();
  console.log(`${name}: seeding ${experiments} experiments, ${rows} rows`);
  const seeded = await seedStore(store, { experiments, rows });
  console.log(`${name}: seeded in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const surroundings = { baseDir: process.cwd(), cacheDir: tmpdir(), env: {}, now: Date.now, notify: () => {} };
  const clock = { now: Date.now, monotonic: () => performance.now() };
  const compareThread = createCompareThread();
  const log = (message: string) => console.error(message);
  const origin = { codeRevision: '', forgeVersion: '', machine: {} };
  const base = { store, surroundings, clock, random: Math.random, log };
  const jobs = createJobs({ ...base, origin });
  const liveSummary = createLiveSummaries(store, clock);
  const server = await startServer(
    {
      ...base,
      jobs,
      compareThread,
      liveSummary,
      corpora: createCorpora(surroundings, { monotonic: clock.monotonic, log }),
      version: '',
      database: 'embedded',
    },
    {
      host: '127.0.0.1',
      port: 0,
      anyPort: false,
      allowedHosts: [],
      dashboard,
      token: null,
      access: { required: false, publicReadOnly: false, proxies: 0, randomBytes },
    },
  );
  const api = `${server.url}/api`;
  let fine = true;
  const line = (what: string, times: readonly number[], limit: number) => {
    const p95 = quantile(times, 0.95);
    const ok = p95 < limit;
    fine &&= ok;
    const figures = [quantile(times, 0.5), p95, limit].map((ms) => ms.toFixed(1).padStart(8)).join(' ');
    console.log(`${name.padEnd(9)}${what.padEnd(32)}${figures}  ${ok ? 'ok' : 'OVER'}`);
  };
  try {
    console.log(`${''.padEnd(41)}${['p50', 'p95', 'limit'].map((title) => title.padStart(8)).join(' ')}  ms`);
    for (const [what, path] of requests(seeded)) {
      const times: number[] = [];
      await timed(api + path(0));
      for (let i = 0; i < repeats; i++) times.push(await timed(api + path(i)));
      line(what, times, limitMs);
    }
    const compare = `/compare?runs=${seeded.pair.runIds.join(',')}`;
    await timed(api + compare);
    for (const metric of ['exact-match', 'f1']) {
      const times: number[] = [];
      const others: number[] = [];
      for (let i = 0; i < 10; i++) {
        const comparing = timed(`${api}${compare}&metric=${metric}`);
        let over = false;
        void comparing.then(() => {
          over = true;
        });
        while (!over) others.push(await timed(`${api}/health`));
        times.push(await comparing);
      }
      line(`compare 2 x ${seeded.pair.rows}, ${metric}`, times, 1000);
      line('  another request meanwhile', others, 100);
    }
  } finally {
    await server.close();
    await jobs.close();
    await compareThread.close();
  }
  return fine;
}

let fine = true;
if (only !== 'PGlite') {
  const postgres = await startPostgres();
  const store = await openStore({ url: postgres.url });
  fine = (await measure('Postgres', 100, store)) && fine;
  await store.close();
  await postgres.stop();
}
if (only !== 'Postgres') {
  const dir = await mkdtemp(join(tmpdir(), 'forge-api-bench-'));
  const store = await openStore({ dir: join(dir, 'database') });
  fine = (await measure('PGlite', 200, store)) && fine;
  await store.close();
  await rm(dir, { recursive: true, force: true });
}
if (!fine) process.exitCode = 1;
