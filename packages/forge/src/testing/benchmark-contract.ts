import { describe, expect, test } from 'vitest';
import type { BenchmarkPoint, BenchmarkRecord } from '../benchmark-record.ts';
import { ConfigError } from '../errors.ts';
import type { Store } from '../store.ts';
import { allPages, hardTexts, newRun, range } from './contract-helpers.ts';

const absent = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

async function newBenchmark(store: Store): Promise<BenchmarkRecord> {
  const { experimentId } = await newRun(store);
  return store.createBenchmark({ name: 'contract', source: '', config: {}, configHash: 'hash', experimentId });
}

const cell = (runId: string, wallMs: number): BenchmarkPoint => ({
  kind: 'cell',
  runId,
  use: { wallMs, peakMemoryBytes: 5e9, peakGpuMemoryBytes: null, energyJoules: 0.1 + 0.2, notes: hardTexts },
});

const load = (repetition: number): BenchmarkPoint => ({
  kind: 'load',
  optimisation: 'batching \0',
  arrivals: 2,
  repetition,
  measured: {
    requests: 64,
    failed: 1,
    seconds: 1.5,
    requestsPerSecond: 42,
    completionTokensPerSecond: 1300.25,
    promptTokensPerSecond: 9000,
    goodputPerSecond: null,
    ttftMs: { mean: 1, p50: 2, p95: 3, p99: 4 },
    interTokenMs: null,
    tpotMs: null,
    totalMs: { mean: 5, p50: 6, p95: 7, p99: 8 },
    cachedPromptShare: 0.5,
    lateMs: null,
    saturated: true,
  },
});

/** What every store must do with benchmarks; a part of storeContract. */
export function benchmarkContract(store: () => Store): void {
  describe('benchmarks', () => {
    test('are read back as they were created, by id and by prefix', async () => {
      const { experimentId } = await newRun(store());
      const config = { text: hardTexts, nested: [1, 2.5, null] };
      const asked = { name: 'read back \0', source: hardTexts.join('\n'), config, configHash: 'abc', experimentId };
      const benchmark = await store().createBenchmark(asked);
      expect(benchmark).toMatchObject({ ...asked, report: null });
      for (const id of [benchmark.id, benchmark.id.slice(0, 18), benchmark.id.toUpperCase()]) {
        expect(await store().getBenchmark(id)).toEqual(benchmark);
      }
    });

    test('unknown, malformed and ambiguous ids', async () => {
      const { id } = await newBenchmark(store());
      await newBenchmark(store());
      await expect(store().getBenchmark(id.slice(0, 4))).rejects.toThrow(/more than one id begins so/);
      expect(await store().benchmarkPoints(absent)).toEqual(new Map());
      for (const wrong of [absent, 'abc', 'no id', '', `${id}0`]) {
        expect(await store().getBenchmark(wrong)).toBeNull();
        expect(await store().benchmarkPoints(wrong)).toEqual(new Map());
        await expect(store().saveBenchmarkPoint(wrong, 'key', load(1))).rejects.toThrow(/benchmark .*not in this data/);
        await expect(store().saveBenchmarkReport(wrong, {})).rejects.toThrow(/benchmark .*not in this database/);
        const asked = { name: 'n', source: '', config: {}, configHash: 'h', experimentId: wrong };
        const refused = expect(store().createBenchmark(asked)).rejects;
        await refused.toThrow(ConfigError);
        await refused.toThrow(/experiment .*not in this database/);
      }
    });

    test('are listed newest first, in pages that new ones do not shift', async () => {
      const ids: string[] = [];
      for (const _ of range(0, 5)) ids.push((await newBenchmark(store())).id);
      const first = await store().listBenchmarks({ limit: 2 });
      await newBenchmark(store());
      const rest = await allPages((after = first.next ?? '') => store().listBenchmarks({ limit: 2, after }));
      expect([...first.items, ...rest.flat()].map(({ id }) => id).slice(0, 5)).toEqual(ids.toReversed());
      await expect(store().listBenchmarks({ limit: 0 })).rejects.toThrow(/limit: 0; .* 1 to 1000/);
      await expect(store().listBenchmarks({ limit: 1, after: 'no id' })).rejects.toThrow(/after: .*start without/);
    });

    test('keep what was found', async () => {
      const { id } = await newBenchmark(store());
      const report = { findings: hardTexts, goal: [{ ratio: 3.25 }] };
      await store().saveBenchmarkReport(id, report);
      expect((await store().getBenchmark(id))?.report).toEqual(report);
      await store().saveBenchmarkReport(id, { findings: [] });
      expect((await store().getBenchmark(id))?.report).toEqual({ findings: [] });
    });

    test('points come in the order in which they were first stored; one that comes again replaces its place', async () => {
      const { id } = await newBenchmark(store());
      const other = await newBenchmark(store());
      await store().saveBenchmarkPoint(id, 'load 1', load(1));
      await store().saveBenchmarkPoint(id, 'cell \0', cell(absent, 12.5));
      await store().saveBenchmarkPoint(other.id, 'load 1', load(9));
      await store().saveBenchmarkPoint(id, 'load 2', load(2));
      await store().saveBenchmarkPoint(id, 'cell \0', cell(absent, 13.5));
      await store().saveBenchmarkPoint(id, 'load 1', load(3));
      const points = await store().benchmarkPoints(id);
      expect([...points]).toEqual([
        ['load 1', load(3)],
        ['cell \0', cell(absent, 13.5)],
        ['load 2', load(2)],
      ]);
      expect([...(await store().benchmarkPoints(other.id))]).toEqual([['load 1', load(9)]]);
    });

    test('writers of one point at the same time store it once', async () => {
      const { id } = await newBenchmark(store());
      await Promise.all(range(1, 9).map((repetition) => store().saveBenchmarkPoint(id, 'same', load(repetition))));
      expect((await store().benchmarkPoints(id)).size).toBe(1);
    });
  });
}
