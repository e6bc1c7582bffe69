import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as shapes from '../api/benchmark-schemas.ts';
import type { Problem } from '../api/schemas.ts';
import type { Store } from '../store.ts';
import { range } from './contract-helpers.ts';
import {
  exampleBenchmark,
  exampleBenchmarkReport,
  exampleCells,
  exampleLoads,
  exampleMeasurement,
  exampleUse,
} from './example-benchmarks.ts';
import { exampleProvenance } from './example-results.ts';

interface Access {
  store(): Store;
  get<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.infer<Schema>>;
  refused(status: number, method: string, path: string): Promise<Problem>;
}

const pageSchema = z.strictObject({ items: z.array(shapes.benchmarkSchema), next: z.string().nullable() });

/** What the API says of benchmarks; a part of apiContract. */
export function benchmarkApiContract({ store, get, refused }: Access): void {
  async function created(name: string) {
    const { experiment, runs } = await store().createExperiment({
      name: `${name}-matrix`,
      source: '',
      config: { description: '', compare: { metric: 'numeric-match' } },
      configHash: 'h',
      runs: exampleCells.map(({ method, optimisation, repetition }) => ({
        variant: `${method} / ${optimisation} #${repetition}`,
        spec: { method: { name: method }, engine: { name: 'scripted', options: {} }, dataset: { name: 'lab-world' } },
      })),
    });
    const { id } = await store().createBenchmark(exampleBenchmark(name, experiment.id));
    return { id, runIds: runs.map((run) => run.id) };
  }
  const begin = (runId: string) =>
    store().startRun(runId, { total: 200, provenance: exampleProvenance, startedAt: 1000 });
  async function end(id: string, runId: string, status: 'finished' | 'failed' | 'cancelled' = 'finished') {
    await store().finishRun(runId, { status, wallMs: 500, finishedAt: 2000, summary: null });
    if (status === 'finished')
      await store().saveBenchmarkPoint(id, `cell ${runId}`, { kind: 'cell', runId, use: exampleUse(500) });
  }
  async function measure(id: string, count: number) {
    for (const { optimisation, arrivals, index } of exampleLoads.slice(0, count)) {
      for (const repetition of [1, 2]) {
        const measured = exampleMeasurement(optimisation, arrivals);
        const point = { kind: 'load' as const, optimisation, arrivals: index, repetition, measured };
        await store().saveBenchmarkPoint(id, `load ${optimisation} ${index} ${repetition}`, point);
      }
    }
  }
  const detail = (id: string) => get(shapes.benchmarkDetailSchema, `/benchmarks/${id}`);

  describe('benchmarks', () => {
    it('are listed in pages, newest first', async () => {
      const earlier = await created('api-earlier');
      await store().saveBenchmarkReport(earlier.id, exampleBenchmarkReport(earlier.runIds));
      const later = await created('api-later');
      await begin(later.runIds[0] ?? '');
      await end(later.id, later.runIds[0] ?? '');
      const page = await get(pageSchema, '/benchmarks?limit=1');
      expect(page.items).toMatchObject([
        {
          id: later.id,
          state: 'running',
          methods: ['naive', 'chain-of-thought', 'rag', 'react'],
          optimisations: ['sequential', 'batching', 'server', 'response-cache', 'q4'],
          progress: { cells: { done: 1, total: 40 }, loads: { done: 0, total: 66 } },
          sentences: [],
        },
      ]);
      const next = await get(pageSchema, `/benchmarks?limit=1&after=${page.next}`);
      expect(next.items).toMatchObject([{ id: earlier.id, state: 'finished', progress: null }]);
      expect(next.items[0]?.sentences[0]).toMatch(/^naive: batching is 3.2 times as fast/);
      expect((await refused(400, 'GET', '/benchmarks?limit=0')).field).toBe('limit');
      expect((await refused(400, 'GET', '/benchmarks?after=nowhere')).detail).toMatch(/after/);
    });

    it('say what was asked, what is measured so far, and then what was found', async () => {
      const { id, runIds } = await created('api-benchmark');
      const states = [(await detail(id)).state];
      for (const runId of runIds.slice(0, -1)) {
        await begin(runId);
        await end(id, runId);
      }
      const last = runIds.at(-1) ?? '';
      for (const status of ['cancelled', 'failed'] as const) {
        await begin(last);
        states.push((await detail(id)).state);
        await end(id, last, status);
        states.push((await detail(id)).state);
      }
      await measure(id, 2);
      const now = await detail(id);
      expect(now.asked).toMatchObject({
        baseline: 'sequential',
        compare: { metric: 'numeric-match', margin: 0.05 },
        goal: { optimisation: 'batching', speedUp: 4 },
        useCases: { latencyP95Ms: 500, accuracyAtLeast: 0.5 },
      });
      expect(now.asked.load?.arrivals.at(-1)).toEqual({ kind: 'trace', requests: 4, perSecond: 4 });
      expect(now.cells.map(({ runId }) => runId)).toEqual(runIds);
      expect(now.cells[1]).toMatchObject({
        method: 'naive',
        optimisation: 'batching',
        repetition: 1,
        status: 'finished',
        total: 200,
        use: { wallMs: 500, energyJoules: null },
      });
      expect(now.cells.at(-1)).toMatchObject({ repetition: 2, status: 'failed', use: null });
      expect(now.loadsTotal).toBe(66);
      expect(now.loads.map(({ optimisation, repetition }) => `${optimisation} ${repetition}`)).toEqual([
        'sequential 1',
        'sequential 2',
        'batching 1',
        'batching 2',
      ]);
      expect(now.loads[0]).toMatchObject({ arrivals: { kind: 'closed', concurrency: 1 }, measured: { failed: 0 } });
      expect(now.report).toBeNull();

      await measure(id, exampleLoads.length);
      states.push((await detail(id)).state);
      const report = exampleBenchmarkReport(runIds);
      await store().saveBenchmarkReport(id, report);
      const found = await detail(id.slice(0, 23));
      states.push(found.state);
      expect(states).toEqual(['pending', 'running', 'cancelled', 'running', 'loading', 'reporting', 'finished']);
      expect(found.report?.cells).toMatchObject(
        report.cells.map(({ method, optimisation, runIds: own }) => ({ method, optimisation, runIds: own })),
      );
      expect(found.report?.cells[1]?.equivalence).toMatchObject({ verdict: 'equivalent', adjustedPValue: 0.0016 });
      expect(found.report?.load.map(({ points }) => points.length)).toEqual(range(0, 3).map(() => 11));
      expect(found.report?.pareto.points).toEqual(report.pareto.points);
      expect(found.report?.goal.map(({ method }) => method)).toEqual(['naive', 'chain-of-thought']);
      expect(found.report?.notes).toEqual(report.notes);
    });

    it('show what they can read of another version', async () => {
      const { id, runIds } = await created('api-other-version');
      const { experimentId } = await detail(id);
      const report = exampleBenchmarkReport(runIds);
      const [cell] = report.cells;
      const changed = { ...cell, accuracy: { ...cell?.accuracy, method: 'of-the-future' }, joulesPerExample: 'many' };
      const odd = { ...report, cells: [{ method: 'of-the-future' }, changed], load: 7, pareto: null, goal: 'none' };
      await store().saveBenchmarkReport(id, odd);
      expect((await detail(id)).report).toMatchObject({
        cells: [{ method: 'naive', joulesPerExample: null }],
        load: [],
        pareto: { points: [] },
        goal: [],
        findings: report.findings,
      });
      const bare = await store().createBenchmark({ ...exampleBenchmark('bare', experimentId), config: 'only words' });
      expect(await detail(bare.id)).toMatchObject({ asked: { methods: [], load: null, goal: null }, state: 'pending' });
      expect((await detail(bare.id)).cells[1]).toMatchObject({ method: 'naive / batching #1', optimisation: '' });
    });

    it('say what is wrong with a request', async () => {
      const absent = 'ffffffff-ffff-7fff-bfff-ffffffffffff';
      expect((await refused(404, 'GET', `/benchmarks/${absent}`)).detail).toMatch(/no benchmark/);
      expect((await refused(400, 'GET', '/benchmarks/not-an-id')).field).toBe('id');
    });
  });
}
