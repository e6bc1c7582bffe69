import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { embedded } from '../testing/database-template.ts';
import { exampleResult } from '../testing/example-results.ts';
import { storeContract } from '../testing/store-contract.ts';
import { createStore } from './database-store.ts';
import { openConnection, openStore } from './index.ts';
import { openPglite } from './pglite.ts';

const storeProcess = fileURLToPath(new URL('../testing/store-process.ts', import.meta.url));
let home = '';
/** An empty database: making one takes seconds, copying it does not. */
let empty = '';
let copies = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forge-pglite-'));
  empty = join(home, 'missing', 'parents', 'empty');
  await (await openStore({ dir: empty })).close();
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function freshFolder(): Promise<string> {
  const folder = join(home, `copy-${++copies}`);
  await cp(empty, folder, { recursive: true });
  return folder;
}

interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly exited: Promise<unknown>;
  line(text: string): Promise<void>;
}

function startChild(folder: string, ...what: string[]): Child {
  const child = spawn(process.execPath, [storeProcess, folder, ...what], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    process: child,
    lines,
    exited: Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => code),
    async line(text) {
      await expect.poll(() => lines.includes(text) || child.exitCode, { timeout: 30_000 }).toBe(true);
    },
  };
}

async function newRun(store: Store): Promise<string> {
  const input = { name: 'n', source: '', config: {}, configHash: 'h', runs: [{ variant: 'v', spec: {} }] };
  const { runs } = await store.createExperiment(input);
  return runs[0]?.id ?? '';
}

const openError = (dir: string) =>
  openStore(embedded(dir)).then(
    () => 'opened',
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('PGlite', () => {
  describe('store contract', () => storeContract(async () => openStore(embedded(await freshFolder()))));

  test('a database of an earlier version gets the new tables and keeps its rows', async () => {
    const dir = await freshFolder();
    const earlier = await openStore(embedded(dir));
    const runId = await newRun(earlier);
    await earlier.addResults(runId, [exampleResult(0)]);
    await earlier.close();
    // What the newest two migrations made, and their record, taken away again.
    const connection = await openPglite(dir);
    for (const table of ['queued_jobs', 'session', 'access_token', 'audit_entry'])
      await connection.query(`drop table ${table}`);
    const newest = 'select created_at from drizzle.__drizzle_migrations order by created_at desc limit 2';
    await connection.query(`delete from drizzle.__drizzle_migrations where created_at in (${newest})`);
    await connection.close();
    const store = await openStore(embedded(dir));
    expect(await store.getResult(runId, 'example-0')).toEqual(exampleResult(0));
    const token = await store.createToken({ name: 'me', role: 'viewer', hash: 'h', expiresAt: null });
    expect((await store.listTokens({ limit: 5 })).items).toEqual([token]);
    await store.close();
  });

  test('keeps the event loop free while it writes', async () => {
    const store = await openStore(embedded(await freshFolder()));
    const runId = await newRun(store);
    const results = Array.from({ length: 500 }, (_, i) => exampleResult(i));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const query = store.addResults(runId, results);
    await query;
    clearInterval(timer);
    // Run on this thread it would be one turn.
    expect(turns).toBeGreaterThan(2);
    await store.close();
  });

  test('loses no acknowledged row and stores none twice when killed at any moment', async () => {
    const folder = await freshFolder();
    const store = await openStore(embedded(folder));
    const runId = await newRun(store);
    await store.close();
    const acknowledged = new Set<number>();
    for (let cycle = 0; cycle < 5; cycle++) {
      const child = startChild(folder, 'write', runId, String(acknowledged.size));
      await child.line('open');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
      child.process.kill('SIGKILL');
      await child.exited;
      for (const line of child.lines) {
        if (line.startsWith('stored ')) for (const id of line.slice(7).split(' ')) acknowledged.add(Number(id));
      }
    }
    expect(acknowledged.size).toBeGreaterThan(0);
    const again = await openStore(embedded(folder));
    const stored: number[] = [];
    for await (const rows of again.scoredRows(runId)) stored.push(...rows.map(({ index }) => index));
    expect(new Set(stored).size).toBe(stored.length);
    expect([...acknowledged].filter((index) => !new Set(stored).has(index))).toEqual([]);
    // Not only the rows: their calls as well.
    const last = Math.max(...acknowledged);
    expect(await again.getResult(runId, `example-${last}`)).toEqual(exampleResult(last));
    await again.close();
  });

  test('closes after what is under way, and only once', async () => {
    const dir = await freshFolder();
    const connection = await openPglite(dir);
    const late = connection.query('select count(*) from generate_series(1, 100000)');
    await Promise.all([connection.close(), connection.close()]);
    expect(await late).toEqual([['100000']]);
    await expect(connection.query('select 1')).rejects.toThrow(/^database .*: closed$/);
    expect(existsSync(`${dir}.lock`)).toBe(false);
  });

  test('says when the disk is full, and keeps what it acknowledged', async (context) => {
    const disk = join(home, 'small-disk');
    await mkdir(disk);
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', disk]);
    context.skip(mount.status !== 0, 'needs the right to mount a small disk');
    try {
      const dir = join(disk, 'database');
      await cp(empty, dir, { recursive: true });
      const store = await openStore(embedded(dir));
      const runId = await newRun(store);
      // Random text: Postgres compresses the rest.
      const result = (i: number) => exampleResult(i, { question: randomBytes(40_000).toString('hex') });
      let acknowledged = 0;
      let failure: unknown;
      while (failure === undefined && acknowledged < 10_000) {
        const indices = Array.from({ length: 50 }, (_, i) => acknowledged + i);
        await store.addResults(runId, indices.map(result)).then(
          () => {
            acknowledged += 50;
          },
          (error: unknown) => {
            failure = error;
          },
        );
      }
      expect(String(failure)).toMatch(/ConfigError: database .*: the disk is full; make room, .*forge resume/);
      await store.close();
      const roomy = join(home, 'roomy');
      await cp(dir, roomy, { recursive: true });
      const again = await openStore(embedded(roomy));
      expect(acknowledged).toBeGreaterThan(0);
      expect((await again.finishedExampleIds(runId)).size).toBeGreaterThanOrEqual(acknowledged);
      await again.close();
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

describe('PGlite lock', () => {
  test('a folder that is open is not opened again, until its process is killed', async () => {
    const dir = await freshFolder();
    const child = startChild(dir, 'hold');
    await child.line('open');
    expect(await openError(dir)).toBe(
      `ConfigError: ${dir}.lock: the database is in use by process ${child.process.pid}; wait until it ends or stop it (kill ${child.process.pid})`,
    );
    child.process.kill('SIGKILL');
    await child.exited;
    expect(existsSync(`${dir}.lock`)).toBe(true);
    const store = await openStore(embedded(dir));
    expect(await openError(`${dir}/../${dir.split('/').at(-1)}`)).toMatch(/already open in this process/);
    await store.close();
    expect(existsSync(`${dir}.lock`)).toBe(false);
  });

  test('is released when the process exits, or has nothing more to do, without a close', async () => {
    const dir = await freshFolder();
    for (const what of ['exit', 'idle']) {
      const child = startChild(dir, what);
      expect(await child.exited).toBe(0);
      expect(child.lines).toEqual(['open']);
      expect(existsSync(`${dir}.lock`)).toBe(false);
    }
  });

  test('is judged by process number, start time and machine', async () => {
    const dir = await freshFolder();
    const holder = { pid: process.ppid, startedAt: '1', host: hostname(), nonce: 'n' };
    const openWith = async (content: string) => {
      await writeFile(`${dir}.lock`, content);
      const outcome = await openStore(embedded(dir)).then((store) => store.close(), String);
      await rm(`${dir}.lock`, { force: true });
      return outcome ?? 'opened';
    };
    if (existsSync('/proc/self/stat')) {
      // The number was given to another process since.
      expect(await openWith(JSON.stringify(holder))).toBe('opened');
    }
    expect(await openWith(JSON.stringify({ ...holder, startedAt: null }))).toMatch(`in use by process ${process.ppid}`);
    expect(await openWith(JSON.stringify({ ...holder, host: 'elsewhere' }))).toMatch(
      /on "elsewhere"; if .* delete this file/,
    );
    expect(await openWith('')).toBe('opened');
  });
});

describe('a PGlite folder that cannot be opened is a clear error', () => {
  test('other files, a file, another version', async () => {
    const dir = join(home, 'other');
    await mkdir(dir);
    await writeFile(join(dir, 'thesis.txt'), 'not yours');
    expect(await openError(dir)).toMatch(/ConfigError: .*holds other files and no database/);
    expect(await readFile(join(dir, 'thesis.txt'), 'utf8')).toBe('not yours');
    expect(await openError(join(dir, 'thesis.txt'))).toMatch(/ConfigError: .*a file, not a folder/);
    expect(await openError(join(dir, 'thesis.txt', 'below'))).toMatch(/ConfigError: .*cannot be made \(E/);
    await writeFile(join(dir, 'PG_VERSION'), '17\n');
    expect(await openError(dir)).toMatch(/ConfigError: .*written by Postgres 17, this is 18/);
  });

  test('damaged files', async () => {
    for (const damaged of ['global/pg_control', 'global/pg_filenode.map']) {
      const dir = await freshFolder();
      await truncate(join(dir, damaged), 100);
      expect(await openError(dir)).toMatch(
        /^ConfigError: database .*: could not read file .*the folder is damaged: move it away/,
      );
      expect(existsSync(`${dir}.lock`)).toBe(false);
    }
  });

  test('what a crash left of a half-made database is made anew', async () => {
    const dir = join(home, 'half');
    await mkdir(`${dir}.creating`);
    await writeFile(join(`${dir}.creating`, 'PG_VERSION'), '18\n');
    await (await openStore(embedded(dir))).close();
    expect(existsSync(`${dir}.creating`)).toBe(false);
  });
});

test('long runs are read by the index, not sorted page by page', async () => {
  const connection = await openConnection({ dir: await freshFolder() });
  const store = createStore(connection, { now: Date.now, randomBytes });
  try {
    const runId = await newRun(store);
    for (let first = 0; first < 6000; first += 500)
      await store.addResults(
        runId,
        Array.from({ length: 500 }, (_, i) => exampleResult(first + i)),
      );
    const plan = await connection.query(
      `explain select scores from results where run_id = '${runId}' and (row_index, example_id) > (1000, 'x') order by row_index, example_id limit 2000`,
    );
    expect(plan.flat().join('\n')).toContain('Index Scan using results_in_order');
  } finally {
    await store.close();
  }
});
