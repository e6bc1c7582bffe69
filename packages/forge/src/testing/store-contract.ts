import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Generation } from '../engine.ts';
import { ConfigError } from '../errors.ts';
import type { ExampleResult } from '../run.ts';
import type { Page, ScoredRow, Store } from '../store.ts';
import { exampleCall, exampleProvenance, exampleResult } from './example-results.ts';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** What Postgres itself cannot hold, and what looks like the marks it is stored with. */
const hardTexts = [
  'nul \0 in the middle',
  '\0',
  'lone high \ud83d end',
  'lone low \ude00 end',
  'reversed \ude00\ud83d pair',
  'whole pair \u{1f600}',
  'the mark \ufffe itself, \ufffe0000 and \uffff',
  'backslash \\u0000 as text, \\\\u0000, \\ud83d, \\',
  'quotes " \' and \u2028 \u0001 \u001b[31m \r\n\t',
  '',
];

async function newRun(store: Store, name = 'contract'): Promise<{ experimentId: string; runId: string }> {
  const { experiment, runs } = await store.createExperiment({
    name,
    source: 'version: 1\n',
    config: { name },
    configHash: 'hash',
    runs: [{ variant: 'only', spec: {} }],
  });
  const runId = runs[0]?.id ?? '';
  return { experimentId: experiment.id, runId };
}

async function allPages<T>(page: (after?: string) => Promise<Page<T>>): Promise<T[][]> {
  const pages: T[][] = [];
  let after: string | undefined;
  do {
    const { items, next } = await page(after);
    pages.push([...items]);
    after = next ?? undefined;
  } while (after !== undefined);
  return pages;
}

async function allScored(store: Store, runId: string): Promise<{ rows: ScoredRow[]; batches: number[] }> {
  const rows: ScoredRow[] = [];
  const batches: number[] = [];
  for await (const batch of store.scoredRows(runId)) {
    rows.push(...batch);
    batches.push(batch.length);
  }
  return { rows, batches };
}

/** What every store must do. `open` opens one on a database that may hold other rows; the suite closes it. */
export function storeContract(open: () => Promise<Store>): void {
  let store: Store;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  describe('experiments and runs', () => {
    test('are read back as they were created, by id and by prefix', async () => {
      const config = { nested: { list: [1, 2.5, null, true] }, text: hardTexts };
      const { experiment, runs } = await store.createExperiment({
        name: 'read-back',
        source: hardTexts.join('\n'),
        config,
        configHash: 'abc',
        runs: [
          { variant: 'first \0', spec: { method: { name: 'naive' } } },
          { variant: 'second', spec: { method: { name: 'chain-of-thought' } } },
        ],
      });
      expect(experiment.id).toMatch(uuidV7);
      expect(await store.getExperiment(experiment.id)).toEqual(experiment);
      expect(experiment).toMatchObject({ config, source: hardTexts.join('\n'), deletedAt: null });
      expect(await store.getExperiment(experiment.id.slice(0, 18))).toEqual(experiment);
      expect(await store.getExperiment(experiment.id.toUpperCase())).toEqual(experiment);
      const listed = await store.listRuns(experiment.id);
      expect(listed).toEqual(runs);
      expect(listed.map(({ variant, position, status }) => [variant, position, status])).toEqual([
        ['first \0', 0, 'pending'],
        ['second', 1, 'pending'],
      ]);
      expect(await store.getRun(runs[1]?.id ?? '')).toEqual(runs[1]);
      expect(experiment.id < (runs[0]?.id ?? '') && (runs[0]?.id ?? '') < (runs[1]?.id ?? '')).toBe(true);
    });

    test('unknown, malformed and ambiguous ids', async () => {
      const { experimentId } = await newRun(store);
      await newRun(store);
      for (const id of [
        'ffffffff-ffff-7fff-bfff-ffffffffffff',
        'abc',
        'no id',
        '%%%%',
        '',
        '----',
        `${experimentId}0`,
      ]) {
        expect(await store.getExperiment(id)).toBeNull();
        expect(await store.getRun(id)).toBeNull();
      }
      // Ids begin with the time: the first digits of two that were just made are the same.
      await expect(store.getExperiment(experimentId.slice(0, 4))).rejects.toThrow(/more than one id begins so/);
      expect(await store.listRuns('no id')).toEqual([]);
      for (const id of ['no id', 'ffffffff-ffff-7fff-bfff-ffffffffffff']) {
        await expect(store.deleteExperiment(id)).rejects.toThrow(ConfigError);
        const start = { total: 1, provenance: exampleProvenance, startedAt: 1 };
        await expect(store.startRun(id, start)).rejects.toThrow(/not in this database/);
        const end = { status: 'finished' as const, wallMs: 1, finishedAt: 2, summary: null };
        await expect(store.finishRun(id, end)).rejects.toThrow(/not in this database/);
        await expect(store.addResults(id, [exampleResult(0)])).rejects.toThrow(ConfigError);
      }
    });

    test('a run keeps its first start and sums the wall time of its attempts', async () => {
      const { runId } = await newRun(store);
      await store.startRun(runId, { total: 10, provenance: exampleProvenance, startedAt: 1000 });
      expect(await store.getRun(runId)).toMatchObject({ status: 'running', total: 10, startedAt: 1000, wallMs: 0 });
      await store.finishRun(runId, {
        status: 'cancelled',
        error: 'stop \0',
        wallMs: 12.5,
        finishedAt: 2000,
        summary: { n: 4 },
      });
      expect(await store.getRun(runId)).toMatchObject({
        status: 'cancelled',
        error: 'stop \0',
        wallMs: 12.5,
        finishedAt: 2000,
        summary: { n: 4 },
        provenance: exampleProvenance,
      });
      await store.startRun(runId, { total: 10, provenance: exampleProvenance, startedAt: 3000 });
      expect(await store.getRun(runId)).toMatchObject({
        status: 'running',
        startedAt: 1000,
        finishedAt: null,
        error: null,
      });
      await store.finishRun(runId, { status: 'finished', wallMs: 7.5, finishedAt: 4000, summary: { n: 10 } });
      expect(await store.getRun(runId)).toMatchObject({
        status: 'finished',
        wallMs: 20,
        error: null,
        summary: { n: 10 },
      });
    });

    test('are listed newest first, in pages that new ones do not shift', async () => {
      const name = `paged-${crypto.randomUUID()}`;
      const ids: string[] = [];
      for (const i of range(0, 7)) ids.push((await newRun(store, `${name}-${i}`)).experimentId);
      const first = await store.listExperiments({ text: name.toUpperCase() }, { limit: 3 });
      await newRun(store, `${name}-later`);
      const rest = await allPages((after = first.next ?? '') =>
        store.listExperiments({ text: name }, { limit: 3, after }),
      );
      expect([first.items, ...rest].map((page) => page.length)).toEqual([3, 3, 1]);
      expect([...first.items, ...rest.flat()].map(({ id }) => id)).toEqual(ids.toReversed());
      for (const limit of [0, -1, 1.5, 1001]) {
        await expect(store.listExperiments({}, { limit })).rejects.toThrow(/limit: .* 1 to 1000/);
      }
      await expect(store.listExperiments({}, { limit: 1, after: "' or 1=1" })).rejects.toThrow(/after: /);
    });

    test('are filtered by name, status, method, engine and data set', async () => {
      const name = `100%_${crypto.randomUUID()}`;
      const spec = (method: string) => ({
        method: { name: method },
        engine: { name: 'scripted' },
        dataset: { name: 'gsm8k' },
      });
      const input = { source: '', config: {}, configHash: 'h' };
      const a = await store.createExperiment({ ...input, name, runs: [{ variant: 'n', spec: spec('naive') }] });
      const b = await store.createExperiment({ ...input, name, runs: [{ variant: 'c', spec: spec('react') }] });
      await store.startRun(b.runs[0]?.id ?? '', { total: 1, provenance: exampleProvenance, startedAt: 1 });
      const found = async (filter: Parameters<Store['listExperiments']>[0]) =>
        (await store.listExperiments({ text: name, ...filter }, { limit: 10 })).items.map(({ id }) => id);
      expect(await found({})).toEqual([b.experiment.id, a.experiment.id]);
      expect(await found({ method: 'naive' })).toEqual([a.experiment.id]);
      expect(await found({ status: 'running' })).toEqual([b.experiment.id]);
      expect(await found({ status: 'running', method: 'naive' })).toEqual([]);
      expect(await found({ engine: 'scripted', dataset: 'gsm8k' })).toHaveLength(2);
      expect(await found({ dataset: 'squad' })).toEqual([]);
      // The name's % and _ mean themselves.
      expect(await found({ text: name.replace('%', 'x') })).toEqual([]);
      expect(await found({ text: name.replace('_', 'x') })).toEqual([]);
    });

    test('are deleted softly and restored', async () => {
      const name = `deleted-${crypto.randomUUID()}`;
      const { experimentId, runId } = await newRun(store, name);
      await store.addResults(runId, [exampleResult(1)]);
      const count = async (deleted?: 'exclude' | 'only' | 'include') =>
        (await store.listExperiments({ text: name, ...(deleted ? { deleted } : {}) }, { limit: 10 })).items.length;
      await store.deleteExperiment(experimentId);
      expect([await count(), await count('only'), await count('include')]).toEqual([0, 1, 1]);
      expect((await store.getExperiment(experimentId))?.deletedAt).toBeGreaterThan(0);
      expect((await store.listResults(runId, {}, { limit: 5 })).items).toHaveLength(1);
      await store.restoreExperiment(experimentId);
      expect([await count(), await count('only'), await count('include')]).toEqual([1, 0, 1]);
      expect((await store.getExperiment(experimentId))?.deletedAt).toBeNull();
    });
  });

  describe('results', () => {
    test('are read back as they were, with their calls', async () => {
      const { runId } = await newRun(store);
      const failed = exampleCall(1, {
        finishReason: 'error',
        output: '',
        error: { kind: 'timeout', message: 'no answer' },
      });
      const results: ExampleResult[] = [
        exampleResult(2, {
          flags: ['cut-off', 'empty'],
          cluster: 'article 1',
          calls: [exampleCall(0), failed, exampleCall(2)],
        }),
        exampleResult(0, { calls: [], steps: [], targets: ['a', 'b'] }),
        exampleResult(1, { failure: { kind: 'timeout', message: 'no answer' }, answer: '', scores: { f1: 0 } }),
      ];
      await store.addResults(runId, results);
      await store.addResults(runId, []);
      const { items, next } = await store.listResults(runId, {}, { limit: 10 });
      expect(items).toEqual([results[1], results[2], results[0]]);
      expect(next).toBeNull();
      expect(await store.listCalls(runId, 'example-2')).toEqual(results[0]?.calls);
      expect(await store.listCalls(runId, 'nobody')).toEqual([]);
      expect(await store.finishedExampleIds(runId)).toEqual(new Set(['example-0', 'example-1', 'example-2']));
    });

    test('hold any text a model can write', async () => {
      const { runId } = await newRun(store);
      const results = hardTexts.map((text, i) =>
        exampleResult(i, {
          exampleId: `${i} ${text}`,
          question: text,
          targets: [text],
          answer: text,
          cluster: text,
          steps: [{ kind: 'reason', text, [`key ${text}`]: text }],
          failure: { kind: 'method-error', message: text },
          scores: { [`metric ${text}`]: 1 },
          calls: [exampleCall(0, { prompt: text, output: text, error: { kind: 'bad-response', message: text } })],
        }),
      );
      await store.addResults(runId, results);
      await store.addResults(runId, results);
      expect((await store.listResults(runId, {}, { limit: 100 })).items).toEqual(results);
      expect(await store.finishedExampleIds(runId)).toEqual(new Set(results.map(({ exampleId }) => exampleId)));
      const [hard] = results;
      expect(await store.listCalls(runId, hard?.exampleId ?? '')).toEqual(hard?.calls);
      const found = await store.listResults(runId, { text: 'nul \0 in' }, { limit: 10 });
      expect(found.items).toEqual([hard]);
      const scored = await store.listResults(runId, { metric: `metric ${hardTexts[0]}`, score: 1 }, { limit: 10 });
      expect(scored.items).toEqual([hard]);
    });

    test('with outputs of a megabyte come in pages of bounded size', async () => {
      const { runId } = await newRun(store);
      const output = `${'long '.repeat(200_000)}\0`;
      const results = range(0, 24).map((i) => exampleResult(i, { calls: [exampleCall(0, { output })] }));
      await store.addResults(runId, results);
      const pages = await allPages((after) =>
        store.listResults(runId, {}, { limit: 100, ...(after === undefined ? {} : { after }) }),
      );
      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flat().map(({ exampleId }) => exampleId)).toEqual(results.map(({ exampleId }) => exampleId));
      expect(pages.flat().every(({ calls }) => calls[0]?.output === output)).toBe(true);
    });

    test('that are stored already stay as they are, and so do their calls', async () => {
      const { runId } = await newRun(store);
      await store.addResults(runId, [exampleResult(1), exampleResult(2)]);
      const changed = (i: number) => exampleResult(i, { answer: 'other', calls: [exampleCall(0), exampleCall(1)] });
      await store.addResults(runId, [changed(1), changed(3), changed(2), exampleResult(3)]);
      const { items } = await store.listResults(runId, {}, { limit: 10 });
      expect(items).toEqual([exampleResult(1), exampleResult(2), changed(3)]);
      // The same example of another run is another row.
      const other = await newRun(store);
      await store.addResults(other.runId, [changed(1)]);
      expect((await store.listResults(other.runId, {}, { limit: 10 })).items).toEqual([changed(1)]);
    });

    test('of writers that overlap are stored once each', async () => {
      const { runId } = await newRun(store);
      const batch = (order: number[]) =>
        store.addResults(
          runId,
          order.map((i) => exampleResult(i)),
        );
      const ascending = range(0, 300);
      await Promise.all([
        batch(ascending),
        batch(ascending.toReversed()),
        batch(ascending.filter((i) => i % 3 === 0)),
        batch(ascending.map((i) => (i * 7) % 300)),
      ]);
      const { rows } = await allScored(store, runId);
      expect(rows.map(({ index }) => index)).toEqual(ascending);
      expect((await store.listResults(runId, {}, { limit: 1000 })).items.every(({ calls }) => calls.length === 1)).toBe(
        true,
      );
    });

    test('are filtered by score, failure and text', async () => {
      const { runId } = await newRun(store);
      await store.addResults(runId, [
        exampleResult(0),
        exampleResult(1, { scores: { 'exact-match': 0, f1: 0.25 }, answer: '50% off' }),
        exampleResult(2, {
          scores: { 'exact-match': 0, f1: 0 },
          failure: { kind: 'timeout', message: 'm' },
          answer: '',
        }),
      ]);
      const found = async (filter: Parameters<Store['listResults']>[1]) =>
        (await store.listResults(runId, filter, { limit: 10 })).items.map(({ index }) => index);
      expect(await found({ metric: 'exact-match', score: 1 })).toEqual([0]);
      expect(await found({ metric: 'exact-match', score: 0 })).toEqual([1, 2]);
      expect(await found({ metric: 'f1', score: 0.25 })).toEqual([1]);
      expect(await found({ metric: 'unknown', score: 0 })).toEqual([]);
      expect(await found({ failed: true })).toEqual([2]);
      expect(await found({ failed: false, metric: 'exact-match', score: 0 })).toEqual([1]);
      expect(await found({ text: 'WHAT IS 2' })).toEqual([2]);
      expect(await found({ text: '0% O' })).toEqual([1]);
      expect(await found({ text: '%' })).toEqual([1]);
    });

    test('come in pages that rows written meanwhile do not shift', async () => {
      const { runId } = await newRun(store);
      await store.addResults(
        runId,
        range(10, 20).map((i) => exampleResult(i)),
      );
      const first = await store.listResults(runId, {}, { limit: 4 });
      await store.addResults(
        runId,
        range(0, 10).map((i) => exampleResult(i)),
      );
      const rest = await allPages((after = first.next ?? '') => store.listResults(runId, {}, { limit: 4, after }));
      expect([first.items, ...rest].flat().map(({ index }) => index)).toEqual(range(10, 20));
      await expect(store.listResults(runId, {}, { limit: 0 })).rejects.toThrow(/limit: 0/);
      await expect(store.listResults(runId, {}, { limit: 4, after: 'WzFd' })).rejects.toThrow(/after: "WzFd"/);
    });
  });

  describe('scored rows', () => {
    test('hold the sums over the calls', async () => {
      const { runId } = await newRun(store);
      const calls = [exampleCall(0), exampleCall(1, { cached: true, retries: 2 })];
      await store.addResults(runId, [
        exampleResult(5, { calls, cluster: 'c', flags: ['empty'], failure: { kind: 'crashed', message: 'm' } }),
      ]);
      expect((await allScored(store, runId)).rows).toEqual([
        {
          exampleId: 'example-5',
          index: 5,
          cluster: 'c',
          failureKind: 'crashed',
          flags: ['empty'],
          scores: { 'exact-match': 1, f1: 0.5 },
          latencyMs: 31.5,
          finishedAt: 1_700_000_000_005,
          promptTokens: 24,
          cachedPromptTokens: 8,
          completionTokens: 6,
          computeMs: 30.25,
          calls: 2,
          cachedCalls: 1,
          retries: 2,
        },
      ]);
    });

    test('stream 20,000 rows in order, in bounded batches', async () => {
      const { runId } = await newRun(store);
      // Written in an order of its own (7919 is coprime to 20,000).
      const order = range(0, 20_000).map((i) => (i * 7919) % 20_000);
      for (let i = 0; i < order.length; i += 2000) {
        await store.addResults(
          runId,
          order.slice(i, i + 2000).map((index) => exampleResult(index)),
        );
      }
      const { rows, batches } = await allScored(store, runId);
      expect(rows.map(({ index }) => index)).toEqual(range(0, 20_000));
      expect(batches.length).toBeGreaterThan(3);
      expect(Math.max(...batches)).toBeLessThanOrEqual(5000);
      expect((await store.finishedExampleIds(runId)).size).toBe(20_000);
      // A plan that was made while the table was empty must not scan the run for every row.
      const started = performance.now();
      await store.addResults(
        runId,
        range(20_000, 20_500).map((index) => exampleResult(index)),
      );
      expect(performance.now() - started).toBeLessThan(5000);
    });

    test('of a run without results are none', async () => {
      const { runId } = await newRun(store);
      expect(await allScored(store, runId)).toEqual({ rows: [], batches: [] });
    });
  });

  describe('responses', () => {
    const generation = (text: string): Generation => {
      const { usage, timing } = exampleCall(0);
      return { text, finishReason: 'stop', usage, timing, cached: false, retries: 1 };
    };

    test('are kept by key, the first one for good', async () => {
      const key = (name: string) => `${name} ${crypto.randomUUID()}`;
      const [a, b, missing] = [key('a'), key('b'), key('missing')];
      await store.putResponses([
        { key: a, generation: generation(hardTexts.join()) },
        { key: b, generation: generation('b') },
        { key: a, generation: generation('twice in one call') },
      ]);
      await store.putResponses([{ key: b, generation: generation('later') }]);
      await store.putResponses([]);
      const found = await store.getResponses([a, b, missing]);
      expect(found).toEqual(
        new Map([
          [a, generation(hardTexts.join())],
          [b, generation('b')],
        ]),
      );
      expect(await store.getResponses([])).toEqual(new Map());
    });

    test('of many callers at once reach the right ones', async () => {
      const prefix = crypto.randomUUID();
      await Promise.all(
        range(0, 400).map((i) =>
          store.putResponses([{ key: `${prefix} ${i % 200}`, generation: generation(`${i % 200}`) }]),
        ),
      );
      const answers = await Promise.all(
        range(0, 400).map(async (i) =>
          [...(await store.getResponses([`${prefix} ${i}`])).values()].map(({ text }) => text),
        ),
      );
      expect(answers).toEqual(range(0, 400).map((i) => (i < 200 ? [String(i)] : [])));
    });
  });
}
