import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.ts';
import { exampleResult } from '../testing/example-results.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import { storeContract } from '../testing/store-contract.ts';
import { openStore } from './index.ts';
import { openPostgres } from './postgres.ts';

let server: Pick<PostgresServer, 'url' | 'stop'>;
beforeAll(async () => {
  const given = process.env.DATABASE_URL_TEST;
  server = given === undefined ? await startPostgres() : { url: given, stop: async () => {} };
});
afterAll(() => server?.stop());

describe('Postgres', () => {
  test('two processes that open an empty database at the same time make its tables once', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore({ url: server.url })));
    const { experiment } = await (stores[0] as (typeof stores)[0]).createExperiment({
      name: 'shared',
      source: '',
      config: {},
      configHash: 'h',
      runs: [{ variant: 'v', spec: {} }],
    });
    const [run] = await (stores[1] as (typeof stores)[0]).listRuns(experiment.id);
    const runId = run?.id ?? '';
    // The same rows from four connections in different orders: no deadlock, each stored once.
    const indices = Array.from({ length: 800 }, (_, i) => i);
    await Promise.all(
      stores.map((store, k) =>
        store.addResults(
          runId,
          indices.map((i) => exampleResult((i * (2 * k + 1)) % 800)),
        ),
      ),
    );
    let rows = 0;
    for await (const batch of (stores[2] as (typeof stores)[0]).scoredRows(runId)) rows += batch.length;
    expect(rows).toBe(new Set(indices).size);
    await Promise.all(stores.map((store) => store.close()));
  });

  describe('store contract', () => storeContract(() => openStore({ url: server.url })));

  test('tables of a newer version are left alone', async () => {
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      const future = 9_999_999_999_999;
      await client.query("insert into drizzle.__drizzle_migrations (hash, created_at) values ('future', $1)", [future]);
      await expect(openStore({ url: server.url })).rejects.toThrow(/newer version of LLM Forge/);
      await client.query('delete from drizzle.__drizzle_migrations where created_at = $1', [future]);
    } finally {
      await client.end();
    }
  });

  test('a database that cannot hold every character is refused', async () => {
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      await client.query("create database forge_ascii encoding 'SQL_ASCII' locale 'C' template template0");
      const url = new URL(server.url);
      url.pathname = '/forge_ascii';
      await expect(openStore({ url: url.href })).rejects.toThrow(/its encoding is SQL_ASCII; create one with/);
    } finally {
      await client.query('drop database if exists forge_ascii');
      await client.end();
    }
  });

  test('what is wrong with a connection string is said in one line without its password', async () => {
    await expect(openStore({ url: 'nonsense' })).rejects.toThrow(/DATABASE_URL: not a URL/);
    await expect(openStore({ url: 'mysql://u:secret@h/d' })).rejects.toThrow(/"mysql:\/\/" is not Postgres/);
    const wrong = new URL(server.url);
    wrong.password = 'secret';
    await expect(openStore({ url: wrong.href })).rejects.toThrow(/user or password is refused/);
    const missing = new URL(server.url);
    missing.pathname = '/nowhere';
    await expect(openStore({ url: missing.href })).rejects.toThrow(/"nowhere" does not exist.*create it/);
    const closed = await openStore({ url: 'postgres://u:secret@127.0.0.1:1/d' }).catch((error: Error) => error);
    expect(String(closed)).toMatch(/127\.0\.0\.1:1\/d: cannot be reached \(ECONNREFUSED\)/);
    expect(String(closed)).not.toContain('secret');
  });

  test('a connection that breaks is a clear error, and the next query gets a new one', async () => {
    const connection = await openPostgres(server.url);
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      const broken = connection.query('select pg_sleep(60)').catch((error: unknown) => error);
      const terminate = "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)'";
      await expect.poll(async () => (await client.query(terminate)).rowCount).toBe(1);
      const error = await broken;
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toMatch(/the connection was lost; .* forge resume/);
      expect(await connection.query('select 1::bigint, true, null')).toEqual([['1', true, null]]);
    } finally {
      await client.end();
      await connection.close();
    }
  });
});
