import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyBackup, writeBackup } from '../../lib/backup-file.ts';
import type { Store } from '../../store.ts';
import { embedded } from '../../testing/database-template.ts';
import { exampleResult } from '../../testing/example-results.ts';
import { type Filled, filledExamples, fillStore, readFilled } from '../../testing/fill-store.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres-server.ts';
import type { Connection } from '../connection.ts';
import { createStore } from '../database-store.ts';
import { openConnection, type StoreTarget } from '../index.ts';
import { dumpDatabase } from './dump-database.ts';
import { exportExperiment } from './export-experiment.ts';
import { importExperiment } from './import-experiment.ts';
import { restoreDatabase } from './restore-database.ts';

let home = '';
let server: PostgresServer;
let emptyFolder = '';
let source: Connection;
let filled: Filled;
/** Of the filled embedded database. */
let file = '';
let names = 0;
const parts = { forgeVersion: '0.1.0', now: 1_700_000_000_000 };

const storeOf = (connection: Connection): Store => createStore(connection, { now: Date.now, randomBytes });
const fresh = (name: string) => join(home, `${++names}-${name}`);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forge-transfer-'));
  server = await startPostgres();
  emptyFolder = join(home, 'empty');
  await (await openConnection(embedded(emptyFolder))).close();
  source = await openConnection(await emptyPglite());
  filled = await fillStore(storeOf(source));
  file = fresh('whole.backup');
  await dumpDatabase(source, file, parts);
});
afterAll(async () => {
  await source?.close();
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

async function emptyPglite(): Promise<StoreTarget> {
  const dir = fresh('database');
  await cp(emptyFolder, dir, { recursive: true });
  return { dir };
}

async function emptyPostgres(): Promise<StoreTarget> {
  const name = `restored_${++names}`;
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return { url: url.href };
}

const sums = async (connection: Connection) => {
  const path = fresh('again.backup');
  return dumpDatabase(connection, path, parts);
};

const restored = { place: 'test', replace: false };

describe('backup and restore', () => {
  test('the file has every table, is only for its user, and is verified', async () => {
    const { header, manifest } = await verifyBackup(file);
    expect(header).toMatchObject({ kind: 'database', forgeVersion: '0.1.0', createdAt: parts.now });
    const rows = Object.fromEntries(manifest.map((one) => [one.table, one.rows]));
    expect(rows).toMatchObject({ experiments: 3, runs: 3, results: filledExamples + 17, responses: 50, calls: 1227 });
    for (const table of ['trainings', 'training_runs', 'training_events', 'benchmarks', 'benchmark_points'])
      expect(rows[table], table).toBeGreaterThan(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(dumpDatabase(source, file, parts)).rejects.toThrow(/is there already; choose another name/);
  });

  test('from PGlite to Postgres and back: every row, every sum and every reading the same', async () => {
    const before = await readFilled(storeOf(source), filled);
    const original = await sums(source);
    const postgres = await openConnection(await emptyPostgres(), { asItIs: true });
    await restoreDatabase(postgres, file, restored);
    expect(await readFilled(storeOf(postgres), filled)).toEqual(before);
    const second = fresh('postgres.backup');
    expect(await dumpDatabase(postgres, second, parts)).toEqual(original);
    const pglite = await openConnection(await emptyPglite(), { asItIs: true });
    await restoreDatabase(pglite, second, restored);
    expect(await sums(pglite)).toEqual(original);
    expect(await readFilled(storeOf(pglite), filled)).toEqual(before);
    // Numbers go on after the largest.
    for (const connection of [postgres, pglite]) {
      const store = storeOf(connection);
      await store.addResults(filled.runIds[1] ?? '', [exampleResult(99_999)]);
      expect(await store.getResult(filled.runIds[1] ?? '', 'example-99999')).toEqual(exampleResult(99_999));
      await connection.close();
    }
  });

  test('a backup is of one moment: what is written meanwhile is in none of its tables', async () => {
    const target = await emptyPostgres();
    const [busy, reader] = [await openConnection(target), await openConnection(target)];
    const store = storeOf(busy);
    const { runIds } = await fillStore(store);
    const before = await sums(reader);
    let written: Promise<void> | undefined;
    const during = await dumpDatabase(reader, fresh('during.backup'), {
      ...parts,
      progress: (table) => {
        if (table === 'results') written = store.addResults(runIds[0] ?? '', [exampleResult(77_777)]);
      },
    });
    await written;
    expect(during).toEqual(before);
    expect(await sums(reader)).not.toEqual(before);
    await Promise.all([busy.close(), reader.close()]);
  });

  test('a database with rows in it is left alone without --replace, and replaced whole with it', async () => {
    for (const target of [await emptyPglite(), await emptyPostgres()]) {
      const connection = await openConnection(target);
      const store = storeOf(connection);
      const { experiment } = await store.createExperiment({
        name: 'mine',
        source: '',
        config: {},
        configHash: 'h',
        runs: [],
      });
      await expect(restoreDatabase(connection, file, restored)).rejects.toThrow(/is not empty \(table experiments/);
      expect((await store.getExperiment(experiment.id))?.name).toBe('mine');
      await restoreDatabase(connection, file, { ...restored, replace: true });
      expect(await store.getExperiment(experiment.id)).toBeNull();
      expect(await sums(connection)).toEqual(await sums(source));
      await connection.close();
    }
  });

  test('where a row does not fit, nothing is changed', async () => {
    const { header, manifest } = await verifyBackup(file);
    const bad = fresh('bad.backup');
    const runs = ['id', 'training_id', 'position', 'variant', 'spec', 'status', 'created_at', 'artifacts'];
    expect(manifest.map(({ table }) => table)).toContain('training_runs');
    await writeBackup(bad, header, async (to) => {
      await to.table('training_runs', runs, (async function* () {})());
    });
    for (const target of [await emptyPglite(), await emptyPostgres()]) {
      const connection = await openConnection(target);
      await restoreDatabase(connection, file, restored);
      const before = await sums(connection);
      await expect(restoreDatabase(connection, bad, { ...restored, replace: true })).rejects.toThrow(
        /table training_runs .* is not one of its version/,
      );
      // A row that the database itself refuses, after others went in.
      const lines = gunzipSync(await readFile(file)).toString('utf8');
      const refused = fresh('refused.backup');
      await writeFile(refused, gzipSync(rewritten(lines, '"finished"', '"nonsense"')));
      await expect(restoreDatabase(connection, refused, { ...restored, replace: true })).rejects.toThrow(
        /runs_status_known/,
      );
      expect(await sums(connection)).toEqual(before);
      expect((await storeOf(connection).getExperiment(filled.experimentId))?.configHash).toBe('hash-of-it');
      await connection.close();
    }
  });

  test('files that are damaged, cut, changed or of another program are refused', async () => {
    const packed = await readFile(file);
    const text = gunzipSync(packed).toString('utf8');
    const cases: [name: string, bytes: Buffer, message: RegExp][] = [
      ['cut', packed.subarray(0, packed.length - 2000), /not a whole gzip file/],
      ['cut between lines', gzipSync(text.slice(0, text.lastIndexOf('{"manifest"'))), /ends in the middle/],
      ['a changed row', gzipSync(text.replace('"finished"', '"cancelled"')), /does not have the sha256/],
      ['a row less', gzipSync(text.replace(/\n\["Key-0_0".*\n/, '\n')), /has 49 rows, not 50/],
      [
        'a table less',
        gzipSync(text.replace(/\{"table":"benchmark_points"[\s\S]*?\{"rows".*\n/, '')),
        /sha256 it should/,
      ],
      ['other', gzipSync('hello\n'), /its first line cannot be read/],
      ['not gzip', Buffer.from('hello'), /not a whole gzip file/],
      ['newer', gzipSync(text.replace('"version":1', '"version":9')), /version 9 of the format, this is 1/],
      ['more', gzipSync(`${text}[]\n`), /goes on after its end/],
    ];
    for (const [name, bytes, message] of cases) {
      const path = fresh(name);
      await writeFile(path, bytes);
      await expect(verifyBackup(path), name).rejects.toThrow(message);
    }
    await expect(verifyBackup(join(home, 'none'))).rejects.toThrow(/no such file/);
    const newer = fresh('newer-tables');
    const header = { ...(await verifyBackup(file)).header, schema: { migrations: 99, newest: 9_999_999_999_999 } };
    await writeBackup(newer, header, async () => {});
    await expect(restoreDatabase(source, newer, restored)).rejects.toThrow(/tables are newer than this one's/);
  });
});

/** The same tables with something replaced in the one of runs, and sums that are right again. */
function rewritten(text: string, from: string, to: string): string {
  const sha256 = (lines: string) => createHash('sha256').update(lines).digest('hex');
  const [header = '', ...rest] = text.split('\n').filter((line) => line !== '');
  const manifest: object[] = [];
  let [table, lines, columns] = ['', '', ''];
  let body = `${header}\n`;
  for (const line of rest.slice(0, -1)) {
    const parsed = JSON.parse(line);
    if (parsed.table !== undefined) {
      table = parsed.table;
      columns = `${JSON.stringify(parsed.columns)}\n`;
      lines = '';
      body += `${line}\n`;
    } else if (Array.isArray(parsed)) {
      lines += `${table === 'runs' ? line.replace(from, to) : line}\n`;
    } else {
      const sum = { rows: parsed.rows, sha256: sha256(columns + lines) };
      manifest.push({ table, ...sum });
      body += `${lines}${JSON.stringify(sum)}\n`;
    }
  }
  return `${body}${JSON.stringify({ manifest, sha256: sha256(body) })}\n`;
}

describe('one experiment', () => {
  test('goes into another database with all that is its own, once', async () => {
    const path = fresh('one.forge');
    await exportExperiment(source, filled.experimentId, path, parts);
    const before = await readFilled(storeOf(source), filled);
    for (const target of [await emptyPglite(), await emptyPostgres()]) {
      const connection = await openConnection(target);
      const store = storeOf(connection);
      // Other rows take the first numbers.
      const other = await store.createExperiment({
        name: 'other',
        source: '',
        config: {},
        configHash: 'o',
        runs: [{ variant: 'v', spec: {} }],
      });
      await store.addResults(other.runs[0]?.id ?? '', [exampleResult(0), exampleResult(1)]);
      const first = await importExperiment(connection.query, path, { now: 1 });
      expect(first).toMatchObject({
        experimentId: filled.experimentId,
        added: { experiments: 1, runs: 2, results: filledExamples + 10, calls: filledExamples + 20, benchmarks: 1 },
      });
      const after = await readFilled(store, filled);
      for (const key of ['experiment', 'finding', 'runs', 'first', 'hard', 'ids', 'benchmark', 'points'] as const)
        expect(after[key], key).toEqual(before[key]);
      const again = await importExperiment(connection.query, path, { now: 1 });
      expect(Object.values(again.added).every((rows) => rows === 0)).toBe(true);
      expect(await readFilled(store, filled)).toEqual(after);
      // What an interrupted import left out comes with the next one.
      await connection.query('delete from calls where index = 1');
      await connection.query("delete from results where example_id = 'example-5'");
      const third = await importExperiment(connection.query, path, { now: 1 });
      expect(third.added).toMatchObject({ experiments: 0, runs: 0, results: 1, calls: 11 });
      expect((await readFilled(store, filled)).ids).toEqual(before.ids);
      await connection.query("update experiments set config_hash = 'edited' where id = $1", [filled.experimentId]);
      await expect(importExperiment(connection.query, path, { now: 1 })).rejects.toThrow(/with another configuration/);
      await connection.close();
    }
  });

  test('files that were changed or are of another kind are refused before anything is written', async () => {
    const connection = await openConnection(await emptyPglite());
    const path = fresh('one.forge');
    await exportExperiment(source, filled.experimentId, path, parts);
    const text = gunzipSync(await readFile(path)).toString('utf8');
    const changed = fresh('changed.forge');
    await writeFile(changed, gzipSync(text.replace('What is 7 + 7?', 'What is 8 + 8?')));
    await expect(importExperiment(connection.query, changed, { now: 1 })).rejects.toThrow(/sha256/);
    await expect(importExperiment(connection.query, file, { now: 1 })).rejects.toThrow(/holds a whole database/);
    await expect(restoreDatabase(connection, path, restored)).rejects.toThrow(/holds one experiment/);
    const foreign = fresh('foreign.forge');
    const owner = `["${filled.runIds[0]}","${filled.experimentId}"`;
    const otherOwner = `["${filled.runIds[0]}","${filled.deletedId}"`;
    expect(text).toContain(owner);
    await writeFile(foreign, gzipSync(rewritten(text, owner, otherOwner)));
    await expect(importExperiment(connection.query, foreign, { now: 1 })).rejects.toThrow(/belongs to nothing/);
    expect((await connection.query('select count(*) from experiments'))[0]?.[0]).toBe('0');
    await connection.close();
  });
});
