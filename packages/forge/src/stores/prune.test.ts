import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { exampleResult } from '../testing/example-results.ts';
import { type Filled, filledExamples, fillStore } from '../testing/fill-store.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import type { Connection } from './connection.ts';
import { createStore } from './database-store.ts';
import { openConnection } from './index.ts';
import { planPrune, prune } from './prune.ts';

let server: PostgresServer;
let connection: Connection;
let store: Store;
let filled: Filled;
const none = { calls: false, cache: false, deleted: false };
/** After everything that fillStore writes. */
const later = Date.now() + 86_400_000;

beforeAll(async () => {
  server = await startPostgres();
  connection = await openConnection({ url: server.url });
  store = createStore(connection, { now: Date.now, randomBytes });
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});
beforeEach(async () => {
  await connection.query('truncate experiments, responses, trainings cascade');
  filled = await fillStore(store);
});

const count = async (table: string) => Number((await connection.query(`select count(*) from ${table}`))[0]?.[0]);

describe('prune', () => {
  test('a plan counts and changes nothing; what is younger stays', async () => {
    const all = { before: later, calls: true, cache: true, deleted: true };
    expect(await planPrune(connection.query, all)).toEqual({
      calls: filledExamples + 20 + 7,
      responses: 50,
      experiments: 1,
      runs: 1,
      results: 7,
      benchmarks: 0,
    });
    expect(await count('calls')).toBe(filledExamples + 27);
    const zero = { calls: 0, responses: 0, experiments: 0, runs: 0, results: 0, benchmarks: 0 };
    expect(await prune(connection.query, { ...all, before: 1_600_000_000_000 })).toEqual(zero);
    expect(await count('results')).toBe(filledExamples + 17);
  });

  test('calls of ended runs go, their examples, scores and figures stay', async () => {
    const [long = ''] = filled.runIds;
    const open = await store.createExperiment({
      name: 'running',
      source: '',
      config: {},
      configHash: 'r',
      runs: [{ variant: 'v', spec: {} }],
    });
    await store.addResults(open.runs[0]?.id ?? '', [exampleResult(0)]);
    const before = await store.listTableRows(long, {}, { offset: 0, limit: 10 });
    const report = await prune(connection.query, { ...none, before: later, calls: true });
    expect(report).toMatchObject({ calls: filledExamples + 20, results: 0, responses: 0 });
    expect(await store.listTableRows(long, {}, { offset: 0, limit: 10 })).toEqual(before);
    expect(await store.getResult(long, 'example-5')).toEqual(exampleResult(5, { calls: [] }));
    // Of runs that have not ended: those of the deleted experiment and of the open one.
    expect(await count('calls')).toBe(8);
    expect((await prune(connection.query, { ...none, before: later, calls: true })).calls).toBe(0);
  });

  test('the response cache goes by age', async () => {
    await connection.query("update responses set created_at = 5 where key like 'Key-1%'");
    expect((await prune(connection.query, { ...none, before: 10, cache: true })).responses).toBe(11);
    expect(await count('responses')).toBe(39);
  });

  test('deleted experiments go with all that is theirs, others stay', async () => {
    const report = await prune(connection.query, { ...none, before: later, deleted: true });
    expect(report).toEqual({ calls: 7, responses: 0, experiments: 1, runs: 1, results: 7, benchmarks: 0 });
    expect(await store.getExperiment(filled.deletedId)).toBeNull();
    expect(await store.getExperiment(filled.experimentId)).not.toBeNull();
    expect(await count('results')).toBe(filledExamples + 10);
    await store.deleteExperiment(filled.experimentId);
    const second = await prune(connection.query, { ...none, before: later, deleted: true });
    expect(second).toMatchObject({ experiments: 1, runs: 2, results: filledExamples + 10, benchmarks: 1 });
    expect(await count('calls')).toBe(0);
    expect(await count('benchmark_points')).toBe(0);
  });
});
