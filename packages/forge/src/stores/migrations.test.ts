import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleCall, exampleResult } from '../testing/example-results.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import type { Connection, Query } from './connection.ts';
import { createStore } from './database-store.ts';
import { openConnection, type StoreTarget } from './index.ts';
import { applyMigrations, newestSchema, storedSchema } from './migrate.ts';
import { dumpDatabase } from './transfer/dump-database.ts';
import { restoreDatabase } from './transfer/restore-database.ts';

const migrations = readMigrationFiles({ migrationsFolder: fileURLToPath(new URL('../../drizzle', import.meta.url)) });
const id = (n: number) => `0190a000-0000-7000-8000-00000000000${n}`;
const json = JSON.stringify;

/** What each version's tables could hold, by the first migration that had the table: raw rows, as that version wrote them. */
const rows: readonly (readonly { readonly table: string; readonly row: Readonly<Record<string, unknown>> }[])[] = [
  [
    {
      table: 'experiments',
      row: {
        id: id(1),
        name: 'old \uFFFE0000 name',
        source: 'version: 1\n',
        config: json({ description: 'of an earlier version', nested: [1, 2.5, null] }),
        config_hash: 'c0ffee',
        created_at: 1_700_000_000_000,
        deleted_at: null,
      },
    },
    {
      table: 'runs',
      row: {
        id: id(2),
        experiment_id: id(1),
        position: 0,
        variant: 'naive',
        spec: json({
          method: { name: 'naive' },
          engine: { name: 'scripted', options: { model: 'm' } },
          dataset: { name: 'csv' },
        }),
        status: 'finished',
        total: 1,
        provenance: json({ seed: 7 }),
        created_at: 1_700_000_000_000,
        started_at: 1_700_000_000_001,
        finished_at: 1_700_000_000_002,
        wall_ms: 0.30000000000000004,
        summary: json({ n: 1, calls: 1, tokens: { prompt: 12, completion: 3 } }),
      },
    },
    {
      table: 'results',
      row: {
        run_id: id(2),
        example_id: 'example-3',
        row_index: 3,
        question: 'What is 3 + 3?',
        targets: json(['6']),
        answer: '6',
        steps: json([{ kind: 'reason', text: '3 + 3 = 6', depth: 1 }]),
        flags: json([]),
        scores: json({ 'exact-match': 1, f1: 0.5 }),
        latency_ms: 31.5,
        finished_at: 1_700_000_000_003,
        prompt_tokens: 12,
        cached_prompt_tokens: 4,
        completion_tokens: 3,
        compute_ms: 15.125,
        calls: 1,
        cached_calls: 0,
        retries: 0,
        size: 700,
      },
    },
    {
      table: 'calls',
      row: {
        result_id: 1,
        index: 0,
        prompt: exampleCall(0).prompt,
        sampling: json(exampleCall(0).sampling),
        seed: exampleCall(0).seed,
        output: exampleCall(0).output,
        finish_reason: 'stop',
        usage: json(exampleCall(0).usage),
        timing: json(exampleCall(0).timing),
        cached: false,
        retries: 0,
      },
    },
    {
      table: 'responses',
      row: { key: 'a-key', generation: json({ text: 'cached', finishReason: 'stop' }), created_at: 1_700_000_000_000 },
    },
  ],
  [],
  [],
  [
    {
      table: 'trainings',
      row: {
        id: id(3),
        name: 'trained',
        source: '',
        config: json({ a: 1 }),
        config_hash: 't',
        created_at: 1_700_000_000_000,
        report: json({ groups: [] }),
      },
    },
    {
      table: 'training_runs',
      row: {
        id: id(4),
        training_id: id(3),
        position: 0,
        variant: 'seed=1',
        spec: json({ seed: 1 }),
        status: 'cancelled',
        created_at: 1_700_000_000_000,
        artifacts: json([]),
      },
    },
    {
      table: 'training_events',
      row: {
        run_id: id(4),
        type: 'warning',
        step: 1,
        part: 'x',
        event: json({ type: 'warning', step: 1, message: 'm' }),
      },
    },
  ],
  [
    {
      table: 'benchmarks',
      row: {
        id: id(5),
        name: 'benched',
        source: '',
        config: json({}),
        config_hash: 'b',
        experiment_id: id(1),
        created_at: 1_700_000_000_000,
      },
    },
    { table: 'benchmark_points', row: { benchmark_id: id(5), key: 'k', point: json({ kind: 'cell', runId: id(2) }) } },
  ],
  [
    { table: 'queued_experiments', row: { experiment_id: id(1), priority: 2, planned: true, version: '0.0.1' } },
    {
      table: 'shards',
      row: {
        id: id(6),
        experiment_id: id(1),
        run_id: id(2),
        position: 0,
        indices: json([3]),
        requirement: json({ engines: ['scripted'], gpu: false, models: [] }),
        state: 'done',
        attempts: 1,
      },
    },
    { table: 'limits', row: { key: 'scripted', max: 4 } },
    { table: 'leases', row: { key: 'scripted', slot: 1 } },
  ],
  [
    {
      table: 'access_token',
      row: { id: id(7), name: 'mine', role: 'editor', hash: 'h'.repeat(64), created_at: 1_700_000_000_000 },
    },
    {
      table: 'audit_entry',
      row: {
        at: 1_700_000_000_000,
        token_id: id(7),
        caller: 'mine',
        via: 'token',
        action: 'POST /experiments',
        status: 200,
      },
    },
  ],
  [
    {
      table: 'queued_jobs',
      row: {
        id: id(8),
        kind: 'training',
        subject: id(3),
        name: 'trained',
        requirement: json({ engines: [], gpu: false, models: [] }),
        priority: 1,
        version: '0.0.1',
        state: 'failed',
        attempts: 1,
        error: 'no such file',
        ended_at: '2026-01-01T00:00:00Z',
      },
    },
  ],
];

async function buildOld(query: Query, version: number): Promise<void> {
  await query('begin');
  await applyMigrations(query, 'test', migrations[version]?.folderMillis ?? 0);
  for (const { table, row } of rows.slice(0, version + 1).flat()) {
    const names = Object.keys(row).map((name) => `"${name}"`);
    const places = Object.keys(row).map((_, i) => `$${i + 1}`);
    await query(`insert into "${table}" (${names.join(', ')}) values (${places.join(', ')})`, Object.values(row));
  }
  await query('commit');
}

/** Everything that was written, as the newest store reads it. */
async function checkReading(connection: Connection, version: number): Promise<void> {
  expect(await storedSchema(connection.query)).toEqual(newestSchema());
  const store = createStore(connection, { now: Date.now, randomBytes });
  const experiment = await store.getExperiment(id(1));
  expect(experiment).toMatchObject({
    name: 'old \0 name',
    config: { description: 'of an earlier version', nested: [1, 2.5, null] },
    revision: 1,
    queuedAt: null,
    headline: null,
  });
  const found = { text: 'earlier version', method: 'naive', engine: 'scripted', model: 'm', dataset: 'csv' };
  expect((await store.listExperiments(found, { limit: 5 })).items).toEqual([experiment]);
  expect(await store.listRuns(id(1))).toMatchObject([
    { status: 'finished', wallMs: 0.1 + 0.2, provenance: { seed: 7 } },
  ]);
  expect(await store.totals()).toMatchObject({ runs: 1, examples: 1, calls: 1, promptTokens: 12, completionTokens: 3 });
  expect((await store.listResults(id(2), {}, { limit: 5 })).items).toEqual([
    exampleResult(3, { calls: [exampleCall(0)] }),
  ]);
  expect((await store.listTableRows(id(2), {}, { offset: 0, limit: 5 })).items).toMatchObject([{ toolUse: null }]);
  expect([...(await store.getResponses(['a-key'])).values()]).toMatchObject([{ text: 'cached' }]);
  if (version >= 3) {
    expect(await store.getTraining(id(3))).toMatchObject({ name: 'trained', report: { groups: [] } });
    expect(await store.listTrainingRuns(id(3))).toMatchObject([{ variant: 'seed=1', status: 'cancelled', step: 0 }]);
    expect((await store.trainEvents(id(4), 0)).items).toEqual([{ type: 'warning', step: 1, message: 'm' }]);
  }
  if (version >= 4) {
    expect(await store.getBenchmark(id(5))).toMatchObject({ name: 'benched', experimentId: id(1) });
    expect([...(await store.benchmarkPoints(id(5)))]).toMatchObject([['k', { kind: 'cell' }]]);
  }
  if (version >= 5) {
    expect(await store.queueEntries()).toMatchObject([
      { experimentId: id(1), priority: 2, planned: true, shards: { waiting: 0, claimed: 0, done: 1 } },
    ]);
    expect(await store.listLimits()).toEqual([{ key: 'scripted', max: 4, held: 0 }]);
  }
  if (version >= 6) {
    expect((await store.listTokens({ limit: 5 })).items).toMatchObject([{ id: id(7), name: 'mine', role: 'editor' }]);
    expect((await store.listAudit({ limit: 5 })).items).toMatchObject([
      { caller: 'mine', action: 'POST /experiments' },
    ]);
  }
  if (version >= 7)
    expect(await store.listJobs(5)).toMatchObject([
      { id: id(8), subject: id(3), state: 'failed', error: 'no such file' },
    ]);
  // And it can be written as a new one can.
  const runId = id(2);
  await store.addResults(runId, [exampleResult(4), exampleResult(3)]);
  expect((await store.finishedExampleIds(runId)).size).toBe(2);
  await store.saveFinding(id(1), { found: true }, []);
  expect(await store.getFinding(id(1))).toEqual({ found: true });
}

let home = '';
let server: PostgresServer;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forge-migrations-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

async function database(name: string): Promise<StoreTarget> {
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return { url: url.href };
}

describe('a database of an earlier version', () => {
  test.each(migrations.map((_, version) => version))(
    'with %i migrations after the first is brought up to date with what it holds, and so is a backup of it',
    async (version) => {
      const target = await database(`old_${version}`);
      const old = await openConnection(target, { asItIs: true });
      await old.session((query) => buildOld(query, version));
      expect((await storedSchema(old.query)).migrations).toBe(version + 1);
      const file = join(home, `version-${version}.backup`);
      // Left at its version by the backup.
      await dumpDatabase(old, file, { forgeVersion: '0.0.1', now: 1 });
      expect((await storedSchema(old.query)).migrations).toBe(version + 1);
      await old.close();
      const updated = await openConnection(target);
      await checkReading(updated, version);
      await updated.close();
      const restored = await openConnection(await database(`restored_${version}`), { asItIs: true });
      await restoreDatabase(restored, file, { place: 'test', replace: false });
      await checkReading(restored, version);
      await restored.close();
    },
  );

  test('the embedded one as well', async () => {
    const dir = join(home, 'embedded');
    const old = await openConnection({ dir }, { asItIs: true });
    await old.session((query) => buildOld(query, 0));
    await old.close();
    const updated = await openConnection({ dir });
    await checkReading(updated, 0);
    await updated.close();
  });
});
