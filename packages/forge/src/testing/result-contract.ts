import { describe, expect, test } from 'vitest';
import type { ExampleResult } from '../run.ts';
import type { ScoredRow, Store } from '../store.ts';
import { allPages, hardTexts, newRun, range } from './contract-helpers.ts';
import { exampleCall, exampleResult, toolStep } from './example-results.ts';

async function allScored(store: Store, runId: string): Promise<{ rows: ScoredRow[]; batches: number[] }> {
  const rows: ScoredRow[] = [];
  const batches: number[] = [];
  for await (const batch of store.scoredRows(runId)) {
    rows.push(...batch);
    batches.push(batch.length);
  }
  return { rows, batches };
}

/** What every store must do with results; a part of storeContract. */
export function resultContract(store: () => Store): void {
  describe('results', () => {
    test('are read back as they were, with their calls', async () => {
      const { runId } = await newRun(store());
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
      await store().addResults(runId, results);
      await store().addResults(runId, []);
      const { items, next } = await store().listResults(runId, {}, { limit: 10 });
      expect(items).toEqual([results[1], results[2], results[0]]);
      expect(next).toBeNull();
      expect(await store().getResult(runId, 'example-2')).toEqual(results[0]);
      expect(await store().getResult(runId, 'nobody')).toBeNull();
      expect(await store().getResult('no id', 'example-2')).toBeNull();
      expect(await store().finishedExampleIds(runId)).toEqual(new Set(['example-0', 'example-1', 'example-2']));
    });

    test('hold any text a model can write', async () => {
      const { runId } = await newRun(store());
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
      await store().addResults(runId, results);
      await store().addResults(runId, results);
      expect((await store().listResults(runId, {}, { limit: 100 })).items).toEqual(results);
      expect(await store().finishedExampleIds(runId)).toEqual(new Set(results.map(({ exampleId }) => exampleId)));
      const [hard] = results;
      for (const result of results) expect(await store().getResult(runId, result.exampleId)).toEqual(result);
      const found = await store().listResults(runId, { text: 'nul \0 in' }, { limit: 10 });
      expect(found.items).toEqual([hard]);
      const scored = await store().listResults(runId, { metric: `metric ${hardTexts[0]}`, minScore: 1 }, { limit: 10 });
      expect(scored.items).toEqual([hard]);
    });

    test('with outputs of a megabyte come in pages of bounded size', async () => {
      const { runId } = await newRun(store());
      const output = `${'long '.repeat(200_000)}\0`;
      const results = range(0, 24).map((i) => exampleResult(i, { calls: [exampleCall(0, { output })] }));
      await store().addResults(runId, results);
      const pages = await allPages((after) =>
        store().listResults(runId, {}, { limit: 100, ...(after === undefined ? {} : { after }) }),
      );
      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flat().map(({ exampleId }) => exampleId)).toEqual(results.map(({ exampleId }) => exampleId));
      expect(pages.flat().every(({ calls }) => calls[0]?.output === output)).toBe(true);
    });

    test('that are stored already stay as they are, and so do their calls', async () => {
      const { runId } = await newRun(store());
      await store().addResults(runId, [exampleResult(1), exampleResult(2)]);
      const changed = (i: number) => exampleResult(i, { answer: 'other', calls: [exampleCall(0), exampleCall(1)] });
      await store().addResults(runId, [changed(1), changed(3), changed(2), exampleResult(3)]);
      const { items } = await store().listResults(runId, {}, { limit: 10 });
      expect(items).toEqual([exampleResult(1), exampleResult(2), changed(3)]);
      // The same example of another run is another row.
      const other = await newRun(store());
      await store().addResults(other.runId, [changed(1)]);
      expect((await store().listResults(other.runId, {}, { limit: 10 })).items).toEqual([changed(1)]);
    });

    test('of writers that overlap are stored once each', async () => {
      const { runId } = await newRun(store());
      const batch = (order: number[]) =>
        store().addResults(
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
      const { rows } = await allScored(store(), runId);
      expect(rows.map(({ index }) => index)).toEqual(ascending);
      expect(
        (await store().listResults(runId, {}, { limit: 1000 })).items.every(({ calls }) => calls.length === 1),
      ).toBe(true);
    });

    test('are filtered by score, failure and text', async () => {
      const { runId } = await newRun(store());
      await store().addResults(runId, [
        exampleResult(0),
        exampleResult(1, { scores: { 'exact-match': 0, f1: 0.25 }, answer: '50% off' }),
        exampleResult(2, {
          scores: { 'exact-match': 0, f1: 0 },
          failure: { kind: 'timeout', message: 'm' },
          answer: '',
        }),
      ]);
      const found = async (filter: Parameters<Store['listResults']>[1]) =>
        (await store().listResults(runId, filter, { limit: 10 })).items.map(({ index }) => index);
      expect(await found({ metric: 'exact-match', minScore: 1 })).toEqual([0]);
      expect(await found({ metric: 'exact-match', belowScore: 1 })).toEqual([1, 2]);
      expect(await found({ metric: 'f1', minScore: 0.25 })).toEqual([0, 1]);
      expect(await found({ metric: 'f1', minScore: 0.25, belowScore: 0.5 })).toEqual([1]);
      expect(await found({ metric: 'unknown', belowScore: 1 })).toEqual([]);
      expect(await found({ failed: true })).toEqual([2]);
      expect(await found({ failed: false, metric: 'exact-match', belowScore: 1 })).toEqual([1]);
      expect(await found({ text: 'WHAT IS 2' })).toEqual([2]);
      expect(await found({ text: '0% O' })).toEqual([1]);
      expect(await found({ text: '%' })).toEqual([1]);
    });

    test('are filtered by what an agent did', async () => {
      const { runId } = await newRun(store());
      const acting = (index: number, ...calls: [tool: string, error?: 'timeout' | 'failed'][]) =>
        exampleResult(index, { steps: calls.map(([tool, error], i) => toolStep(i + 1, tool, error)) });
      await store().addResults(runId, [
        acting(0, ['search']),
        acting(1, ['search', 'timeout'], ['calculator', 'failed'], ['search']),
        acting(2, ["it's \\ 100 %"]),
        exampleResult(3),
      ]);
      const found = async (filter: Parameters<Store['listResults']>[1]) =>
        (await store().listResults(runId, filter, { limit: 10 })).items.map(({ index }) => index);
      expect(await found({ tool: 'search' })).toEqual([0, 1]);
      expect(await found({ tool: 'calculator' })).toEqual([1]);
      expect(await found({ tool: "it's \\ 100 %" })).toEqual([2]);
      expect(await found({ tool: 'sear' })).toEqual([]);
      expect(await found({ toolError: 'failed' })).toEqual([1]);
      expect(await found({ tool: 'search', toolError: 'failed' })).toEqual([]);
      expect(await found({ tool: 'search', toolError: 'timeout' })).toEqual([1]);
      const { items } = await store().listTableRows(runId, {}, { offset: 0, limit: 10 });
      expect(items.map(({ toolUse }) => toolUse)).toEqual([
        { turns: 1, calls: [{ tool: 'search' }] },
        {
          turns: 3,
          calls: [{ tool: 'search', error: 'timeout' }, { tool: 'calculator', error: 'failed' }, { tool: 'search' }],
        },
        { turns: 1, calls: [{ tool: "it's \\ 100 %" }] },
        null,
      ]);
    });

    test('come in pages that rows written meanwhile do not shift', async () => {
      const { runId } = await newRun(store());
      await store().addResults(
        runId,
        range(10, 20).map((i) => exampleResult(i)),
      );
      const first = await store().listResults(runId, {}, { limit: 4 });
      await store().addResults(
        runId,
        range(0, 10).map((i) => exampleResult(i)),
      );
      const rest = await allPages((after = first.next ?? '') => store().listResults(runId, {}, { limit: 4, after }));
      expect([first.items, ...rest].flat().map(({ index }) => index)).toEqual(range(10, 20));
      await expect(store().listResults(runId, {}, { limit: 0 })).rejects.toThrow(/limit: 0/);
      await expect(store().listResults(runId, {}, { limit: 4, after: 'WzFd' })).rejects.toThrow(/after: "WzFd"/);
    });
  });

  describe('table rows', () => {
    test('are what a table shows of a result', async () => {
      const { runId } = await newRun(store());
      const failure = { kind: 'timeout' as const, message: 'no answer' };
      const calls = [exampleCall(0), exampleCall(1, { cached: true })];
      await store().addResults(runId, [exampleResult(4), exampleResult(3, { failure, calls, flags: ['cut-off'] })]);
      expect(await store().listTableRows(runId, {}, { offset: 0, limit: 1 })).toEqual({
        total: 2,
        items: [
          {
            exampleId: 'example-3',
            index: 3,
            question: 'What is 3 + 3?',
            targets: ['6'],
            answer: '6',
            failureKind: 'timeout',
            flags: ['cut-off'],
            toolUse: null,
            scores: { 'exact-match': 1, f1: 0.5 },
            latencyMs: 31.5,
            completionTokens: 6,
            cachedCalls: 1,
          },
        ],
      });
      expect((await store().listTableRows(runId, {}, { offset: 1, limit: 1 })).items[0]).toMatchObject({
        exampleId: 'example-4',
        failureKind: null,
        flags: [],
      });
    });

    test('have their texts cut after 300 characters, whatever these are', async () => {
      const { runId } = await newRun(store());
      // The last one: the cut falls into a pair.
      const texts = [...hardTexts, ...hardTexts.map((text) => `${text} x`.repeat(400)), `x${'\u{1f600}'.repeat(400)}`];
      await store().addResults(
        runId,
        texts.map((text, i) => exampleResult(i, { question: text, targets: [text, 'b', text, 'd'], answer: text })),
      );
      const { items } = await store().listTableRows(runId, {}, { offset: 0, limit: 100 });
      const cut = texts.map((text) => text.slice(0, 300));
      cut[cut.length - 1] = `x${'\u{1f600}'.repeat(149)}`;
      expect(items.map(({ question }) => question)).toEqual(cut);
      expect(items.map(({ answer }) => answer)).toEqual(cut);
      expect(items.map(({ targets }) => targets)).toEqual(cut.map((text) => [text, 'b', text]));
    });

    test('come from any place of the table, in two orders, filtered', async () => {
      const { runId } = await newRun(store());
      // Every latency twice.
      await store().addResults(
        runId,
        range(0, 40).map((i) =>
          exampleResult(i, { latencyMs: Math.floor(((i * 7) % 40) / 2), scores: { 'exact-match': i % 2 } }),
        ),
      );
      const all = (await store().listTableRows(runId, {}, { offset: 0, limit: 1000 })).items;
      expect(all.map(({ index }) => index)).toEqual(range(0, 40));
      const slowest = (await store().listTableRows(runId, {}, { offset: 0, limit: 1000, order: 'slowest' })).items;
      expect(slowest.map(({ latencyMs }) => latencyMs)).toEqual(range(0, 40).map((i) => 19 - Math.floor(i / 2)));
      expect(new Set(slowest.map(({ index }) => index)).size).toBe(40);
      for (const offset of [0, 1, 17, 35, 39, 40, 1000]) {
        const window = { offset, limit: 5 };
        const end = offset + 5;
        expect(await store().listTableRows(runId, {}, window)).toEqual({ total: 40, items: all.slice(offset, end) });
        const slow = await store().listTableRows(runId, {}, { ...window, order: 'slowest' });
        expect(slow).toEqual({ total: 40, items: slowest.slice(offset, end) });
        const right = { metric: 'exact-match', minScore: 1 };
        const isRight = ({ index }: { index: number }) => index % 2 === 1;
        expect(await store().listTableRows(runId, right, window)).toEqual({
          total: 20,
          items: all.filter(isRight).slice(offset, end),
        });
        expect((await store().listTableRows(runId, right, { ...window, order: 'slowest' })).items).toEqual(
          slowest.filter(isRight).slice(offset, end),
        );
      }
      expect(await store().listTableRows(runId, { text: 'nowhere' }, { offset: 0, limit: 5 })).toEqual({
        total: 0,
        items: [],
      });
      for (const limit of [0, 1001]) {
        await expect(store().listTableRows(runId, {}, { offset: 0, limit })).rejects.toThrow(/limit: /);
      }
      for (const offset of [-1, 0.5]) {
        await expect(store().listTableRows(runId, {}, { offset, limit: 1 })).rejects.toThrow(/offset: /);
      }
    });
  });

  describe('new results', () => {
    test('of all runs of an experiment come in the order in which they were stored, each once', async () => {
      const { experiment, runs } = await store().createExperiment({
        name: 'followed',
        source: '',
        config: {},
        configHash: 'h',
        runs: [
          { variant: 'a', spec: {} },
          { variant: 'b', spec: {} },
        ],
      });
      const [a = '', b = ''] = runs.map(({ id }) => id);
      const other = await newRun(store());
      await store().addResults(other.runId, [exampleResult(0)]);
      expect(await store().newResults(experiment.id, null)).toEqual({ cursor: 0, items: [] });
      expect(await store().newResults(experiment.id, 0)).toEqual({ cursor: 0, items: [] });
      await store().addResults(b, [exampleResult(5, { failure: { kind: 'crashed', message: 'm' } })]);
      await store().addResults(a, [exampleResult(3)]);
      await store().addResults(other.runId, [exampleResult(1)]);
      const first = await store().newResults(experiment.id, 0);
      const scores = { 'exact-match': 1, f1: 0.5 };
      expect(first.items).toEqual([
        { runId: b, exampleId: 'example-5', index: 5, failureKind: 'crashed', scores, latencyMs: 31.5 },
        { runId: a, exampleId: 'example-3', index: 3, failureKind: null, scores, latencyMs: 31.5 },
      ]);
      expect(await store().newResults(experiment.id, null)).toEqual({ cursor: first.cursor, items: [] });
      expect(await store().newResults(experiment.id, first.cursor)).toEqual({ cursor: first.cursor, items: [] });
      // One stored already is not new.
      await store().addResults(a, [exampleResult(3), exampleResult(4)]);
      const next = await store().newResults(experiment.id, first.cursor);
      expect(next.items.map(({ index }) => index)).toEqual([4]);
      expect(await store().newResults('no id', 7)).toEqual({ cursor: 7, items: [] });
    });

    test('of writers at the same time are all seen by a reader who follows', async () => {
      const { experimentId, runId } = await newRun(store());
      let writing = true;
      const written = Promise.all(
        range(0, 4).map(async (writer) => {
          for (const batch of range(0, 10)) {
            const indices = range(0, 40).map((i) => writer * 400 + batch * 40 + i);
            await store().addResults(
              runId,
              indices.map((index) => exampleResult(index)),
            );
          }
        }),
      ).finally(() => {
        writing = false;
      });
      const seen: number[] = [];
      let cursor = 0;
      for (let last = false; !last; ) {
        last = !writing;
        const found = await store().newResults(experimentId, cursor);
        if (found.items.length > 0) last = false;
        expect(found.items.length).toBeLessThanOrEqual(1000);
        seen.push(...found.items.map(({ index }) => index));
        cursor = found.cursor;
      }
      await written;
      expect(seen.toSorted((x, y) => x - y)).toEqual(range(0, 1600));
    });
  });

  describe('scored rows', () => {
    test('hold the sums over the calls', async () => {
      const { runId } = await newRun(store());
      const calls = [exampleCall(0), exampleCall(1, { cached: true, retries: 2 })];
      await store().addResults(runId, [
        exampleResult(5, { calls, cluster: 'c', flags: ['empty'], failure: { kind: 'crashed', message: 'm' } }),
      ]);
      expect((await allScored(store(), runId)).rows).toEqual([
        {
          exampleId: 'example-5',
          index: 5,
          cluster: 'c',
          failureKind: 'crashed',
          flags: ['empty'],
          toolUse: null,
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
      const { runId } = await newRun(store());
      // Written in an order of its own (7919 is coprime to 20,000).
      const order = range(0, 20_000).map((i) => (i * 7919) % 20_000);
      for (let i = 0; i < order.length; i += 2000) {
        await store().addResults(
          runId,
          order.slice(i, i + 2000).map((index) => exampleResult(index)),
        );
      }
      const { rows, batches } = await allScored(store(), runId);
      expect(rows.map(({ index }) => index)).toEqual(range(0, 20_000));
      expect(batches.length).toBeGreaterThan(3);
      expect(Math.max(...batches)).toBeLessThanOrEqual(5000);
      expect((await store().finishedExampleIds(runId)).size).toBe(20_000);
      // A plan that was made while the table was empty must not scan the run for every row.
      const started = performance.now();
      await store().addResults(
        runId,
        range(20_000, 20_500).map((index) => exampleResult(index)),
      );
      expect(performance.now() - started).toBeLessThan(5000);
    });

    test('of a run without results are none', async () => {
      const { runId } = await newRun(store());
      expect(await allScored(store(), runId)).toEqual({ rows: [], batches: [] });
    });
  });
}
