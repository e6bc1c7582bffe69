import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Generation } from '../engine.ts';
import { ConfigError, ConflictError } from '../errors.ts';
import type { ExperimentFilter, ExperimentOrder, Store } from '../store.ts';
import { accessContract } from './access-contract.ts';
import { benchmarkContract } from './benchmark-contract.ts';
import { allPages, hardTexts, newRun, range } from './contract-helpers.ts';
import { exampleCall, exampleProvenance, exampleResult } from './example-results.ts';
import { jobContract } from './job-contract.ts';
import { resultContract } from './result-contract.ts';
import { trainingContract } from './training-contract.ts';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

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
      expect(experiment).toMatchObject({
        config,
        source: hardTexts.join('\n'),
        revision: 1,
        deletedAt: null,
        queuedAt: null,
        headline: null,
      });
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
      expect(await store.runStates('no id')).toEqual([]);
      expect(await store.getFinding('no id')).toBeNull();
      for (const id of ['no id', 'ffffffff-ffff-7fff-bfff-ffffffffffff']) {
        await expect(store.setQueued(id, 1)).rejects.toThrow(/not in this database/);
        await expect(store.saveFinding(id, {}, [])).rejects.toThrow(/not in this database/);
        const edit = { revision: 1, name: 'n', source: '', config: {}, configHash: 'h', runs: [] };
        await expect(store.updateExperiment(id, edit)).rejects.toThrow(/not in this database/);
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

    test('are listed by age and by name, in pages', async () => {
      const tag = crypto.randomUUID();
      const names = ['delta', 'Alpha', 'charlie', 'alpha', 'Bravo', 'alpha \0', 'charlie'];
      const ids: string[] = [];
      for (const name of names) ids.push((await newRun(store, `${name} ${tag}`)).experimentId);
      const listed = async (order: ExperimentOrder, limit: number) =>
        (
          await allPages((after) =>
            store.listExperiments({ text: tag }, { limit, ...(after === undefined ? {} : { after }) }, order),
          )
        )
          .flat()
          .map(({ id }) => ids.indexOf(id));
      for (const limit of [1, 2, 3, 7, 100]) {
        expect(await listed('oldest', limit)).toEqual([0, 1, 2, 3, 4, 5, 6]);
        expect(await listed('newest', limit)).toEqual([6, 5, 4, 3, 2, 1, 0]);
        const byName = await listed('name', limit);
        // Whatever the case; equal names newest first. Where the mark of a NUL is sorted depends on the database.
        expect(byName.filter((i) => i !== 5)).toEqual([3, 1, 4, 6, 2, 0]);
        expect(byName).toHaveLength(7);
      }
      const { next } = await store.listExperiments({ text: tag }, { limit: 1 }, 'name');
      for (const order of ['newest', 'oldest'] as const) {
        await expect(store.listExperiments({}, { limit: 1, after: next ?? '' }, order)).rejects.toThrow(/after: /);
      }
      for (const after of [ids[0] ?? '', '', 'WzFd', Buffer.from('["n","no id"]').toString('base64url')]) {
        await expect(store.listExperiments({}, { limit: 1, after }, 'name')).rejects.toThrow(/after: .*start without/);
      }
    });

    test('are found by their description and their model', async () => {
      const tag = crypto.randomUUID();
      const input = { source: '', configHash: 'h' };
      const runs = (model: string) => [{ variant: 'v', spec: { engine: { name: 'x', options: { model } } } }];
      const a = await store.createExperiment({
        ...input,
        name: 'a',
        config: { description: `Is ${tag} \0 BETTER?` },
        runs: runs(`one \0 ${tag}`),
      });
      const b = await store.createExperiment({ ...input, name: `b ${tag}`, config: {}, runs: runs(`two ${tag}`) });
      const found = async (filter: ExperimentFilter) =>
        (await store.listExperiments(filter, { limit: 10 })).items.map(({ id }) => id);
      expect(await found({ text: tag })).toEqual([b.experiment.id, a.experiment.id]);
      expect(await found({ text: `${tag} \0 better` })).toEqual([a.experiment.id]);
      expect(await found({ model: `one \0 ${tag}` })).toEqual([a.experiment.id]);
      expect(await found({ model: `two ${tag}`, engine: 'x' })).toEqual([b.experiment.id]);
      expect(await found({ model: tag })).toEqual([]);
    });

    test('name the values of filters', async () => {
      const tag = crypto.randomUUID();
      const spec = (i: number) => ({
        method: { name: `method ${i} ${tag}` },
        engine: { name: `engine ${tag}`, options: { model: `model \0 ${i} ${tag}` } },
        dataset: { name: `data ${tag}` },
      });
      const planned = [2, 1, 2].map((i) => ({ variant: 'v', spec: spec(i) }));
      await store.createExperiment({ name: 'f', source: '', config: {}, configHash: 'h', runs: planned });
      const facets = await store.facets();
      const own = (values: readonly string[]) => values.filter((value) => value.includes(tag));
      expect(own(facets.methods)).toEqual([`method 1 ${tag}`, `method 2 ${tag}`]);
      expect(own(facets.engines)).toEqual([`engine ${tag}`]);
      expect(own(facets.models)).toEqual([`model \0 1 ${tag}`, `model \0 2 ${tag}`]);
      expect(own(facets.datasets)).toEqual([`data ${tag}`]);
    });

    test('are summed up', async () => {
      const before = await store.totals();
      const { experimentId, runId } = await newRun(store);
      await newRun(store);
      const grown = async () => {
        const now = await store.totals();
        return Object.entries(now).map(([key, value]) => value - before[key as keyof typeof before]);
      };
      expect(await grown()).toEqual([2, 2, 0, 0, 0, 0]);
      const start = { total: 9, provenance: exampleProvenance, startedAt: 1 };
      await store.startRun(runId, start);
      const summary = { n: 9, calls: 12, tokens: { prompt: 5_000_000_000, completion: 70 } };
      await store.finishRun(runId, { status: 'cancelled', wallMs: 1, finishedAt: 2, summary });
      expect(await grown()).toEqual([2, 2, 9, 12, 5_000_000_000, 70]);
      // Resumed: its earlier figures are no longer those of an end.
      await store.startRun(runId, start);
      expect(await grown()).toEqual([2, 2, 0, 0, 0, 0]);
      await store.finishRun(runId, { status: 'finished', wallMs: 1, finishedAt: 2, summary });
      await store.deleteExperiment(experimentId);
      expect(await grown()).toEqual([1, 1, 0, 0, 0, 0]);
    });

    test('are edited until they start', async () => {
      const { experiment } = await store.createExperiment({
        name: 'before',
        source: 'old',
        config: { a: 1 },
        configHash: 'old',
        runs: ['a', 'b', 'c'].map((variant) => ({ variant, spec: {} })),
      });
      const edit = {
        revision: 1,
        name: 'after \0',
        source: hardTexts.join('\n'),
        config: { text: hardTexts },
        configHash: 'new',
        runs: ['x', 'y'].map((variant) => ({ variant, spec: { method: { name: variant } } })),
      };
      await store.setQueued(experiment.id, 77);
      const edited = await store.updateExperiment(experiment.id, edit);
      const { runs: _runs, ...fields } = edit;
      expect(edited).toEqual({ ...experiment, ...fields, revision: 2, queuedAt: 77 });
      expect(await store.getExperiment(experiment.id)).toEqual(edited);
      const runs = await store.listRuns(experiment.id);
      expect(runs.map(({ variant, position, status }) => [variant, position, status])).toEqual([
        ['x', 0, 'pending'],
        ['y', 1, 'pending'],
      ]);
      const stale = store.updateExperiment(experiment.id, edit);
      await expect(stale).rejects.toThrow(ConflictError);
      await expect(stale).rejects.toThrow(
        `experiment ${experiment.id} was changed by somebody else (revision 2, yours is 1); load it again`,
      );
      await store.startRun(runs[1]?.id ?? '', { total: 1, provenance: exampleProvenance, startedAt: 1 });
      const late = store.updateExperiment(experiment.id, { ...edit, revision: 2 });
      await expect(late).rejects.toThrow(ConflictError);
      await expect(late).rejects.toThrow(`experiment ${experiment.id} has started; duplicate it to change it`);
      expect(await store.getExperiment(experiment.id)).toEqual(edited);
      expect((await store.listRuns(experiment.id)).map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
    });

    test('of many edits at once exactly one is made', async () => {
      const { experimentId } = await newRun(store);
      const outcomes = await Promise.allSettled(
        range(0, 8).map((i) =>
          store.updateExperiment(experimentId, {
            revision: 1,
            name: `edit ${i}`,
            source: '',
            config: {},
            configHash: 'h',
            runs: range(0, i + 1).map((variant) => ({ variant: `${variant}`, spec: {} })),
          }),
        ),
      );
      const made = outcomes.findIndex(({ status }) => status === 'fulfilled');
      for (const [i, outcome] of outcomes.entries()) {
        if (i !== made) expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(ConflictError) });
      }
      expect(await store.getExperiment(experimentId)).toMatchObject({ name: `edit ${made}`, revision: 2 });
      expect(await store.listRuns(experimentId)).toHaveLength(made + 1);
    });

    test('wait in a queue, longest first, and leave it', async () => {
      const ids: string[] = [];
      for (const _ of range(0, 3)) ids.push((await newRun(store)).experimentId);
      const [a = '', b = '', c = ''] = ids;
      await store.setQueued(c, 10);
      await store.setQueued(a, 20);
      await store.setQueued(b, 30);
      const queued = async () => (await store.listQueued()).filter(({ id }) => ids.includes(id));
      expect((await queued()).map(({ id, queuedAt }) => [id, queuedAt])).toEqual([
        [c, 10],
        [a, 20],
        [b, 30],
      ]);
      expect((await queued())[0]).toEqual(await store.getExperiment(c));
      await store.setQueued(a, null);
      await store.deleteExperiment(c);
      expect((await queued()).map(({ id }) => id)).toEqual([b]);
      expect((await store.getExperiment(a))?.queuedAt).toBeNull();
      await store.setQueued(b, null);
    });

    test('keep what was found', async () => {
      const { experimentId } = await newRun(store, `found-${crypto.randomUUID()}`);
      expect(await store.getFinding(experimentId)).toBeNull();
      const headline = [{ baseline: 'a', candidate: 'b \0', verdict: 'better', sentence: hardTexts.join() }];
      const finding = { comparisons: [{ text: hardTexts }], n: 3 };
      await store.saveFinding(experimentId, finding, headline);
      expect(await store.getFinding(experimentId)).toEqual(finding);
      const record = await store.getExperiment(experimentId);
      expect(record?.headline).toEqual(headline);
      expect(record).not.toHaveProperty('finding');
      await store.saveFinding(experimentId, { n: 4 }, []);
      expect(await store.getFinding(experimentId)).toEqual({ n: 4 });
      expect((await store.getExperiment(experimentId))?.headline).toEqual([]);
    });

    test('runs of several experiments come in the order asked for', async () => {
      const create = async () =>
        (
          await store.createExperiment({
            name: 'several',
            source: '',
            config: {},
            configHash: 'h',
            runs: ['a', 'b'].map((variant) => ({ variant, spec: {} })),
          })
        ).runs;
      const first = await create();
      const second = await create();
      const [x = '', y = ''] = [first, second].map((runs) => runs[0]?.experimentId);
      expect(await store.listRuns(y, 'no id', x)).toEqual([...second, ...first]);
      expect(await store.listRuns(x, y, x)).toEqual([...first, ...second]);
      expect(await store.listRuns()).toEqual([]);
    });

    test('runs say how far they are', async () => {
      const { experiment, runs } = await store.createExperiment({
        name: 'states',
        source: '',
        config: {},
        configHash: 'h',
        runs: ['a', 'b \0', 'c'].map((variant) => ({ variant, spec: {} })),
      });
      const [a = '', b = '', c = ''] = runs.map(({ id }) => id);
      const start = { total: 4, provenance: exampleProvenance, startedAt: 1 };
      await store.startRun(a, start);
      await store.startRun(b, start);
      const failure = { kind: 'timeout' as const, message: 'm' };
      await store.addResults(a, [exampleResult(0), exampleResult(1, { failure }), exampleResult(2)]);
      await store.addResults(b, [exampleResult(0, { failure })]);
      await store.finishRun(a, { status: 'finished', wallMs: 1, finishedAt: 2, summary: { n: 3 } });
      expect(await store.runStates(experiment.id)).toEqual([
        { runId: a, variant: 'a', status: 'finished', total: 4, done: 3, failed: 1 },
        { runId: b, variant: 'b \0', status: 'running', total: 4, done: 1, failed: 1 },
        { runId: c, variant: 'c', status: 'pending', total: null, done: 0, failed: 0 },
      ]);
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

  resultContract(() => store);
  trainingContract(() => store);
  benchmarkContract(() => store);
  accessContract(() => store);
  jobContract(() => store);

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
