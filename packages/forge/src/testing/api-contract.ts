import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAccess } from '../api/access.ts';
import { createApi } from '../api/app.ts';
import { type Corpora, createCorpora } from '../api/corpora.ts';
import { createJobs, type Jobs } from '../api/jobs.ts';
import { createLiveSummaries } from '../api/live-summary.ts';
import * as shapes from '../api/schemas.ts';
import { compareInputs } from '../compare-inputs.ts';
import type { Store } from '../store.ts';
import { benchmarkApiContract } from './benchmark-api-contract.ts';
import { trainingApiContract } from './training-api-contract.ts';

const hostile = '<img src=x onerror=alert(1)>';
const rows = 60;

export const experimentYaml = (name: string, extra = '', latencyMs = 0) => `version: 1
name: ${name}
description: Which words work? ${name}
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: '${hostile}', latencyMs: ${latencyMs}, concurrency: 4, responses: [{ match: even, text: even }] }
metrics: [exact-match, f1]
cache: false
variants:
  plain: { method: naive }
  blind: { method: { name: naive, template: 'What? {question}' }, engine: { responses: [{ match: '1', text: even }] } }
${extra}`;

export async function writeRows(dir: string, count = rows): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => ({
    question: `Number ${i} is ${i % 2 === 0 ? 'even' : 'odd'}?`,
    answer: i % 2 === 0 ? 'even' : 'odd',
  }));
  await writeFile(join(dir, 'rows.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

const pageSchema = z.strictObject({ items: z.array(shapes.experimentSchema), next: z.string().nullable() });
const rowsSchema = z.strictObject({ total: z.number(), items: z.array(shapes.tableRowSchema) });

/** As a server on this machine is where no token was made. */
const openAccess = {
  host: '127.0.0.1',
  allowedHosts: [],
  required: false,
  publicReadOnly: false,
  proxies: 0,
  randomBytes,
};

/** The API on one kind of store: every answer is held against its schema. */
export function apiContract(openStore: () => Promise<Store>): void {
  let dir: string;
  let store: Store;
  let jobs: Jobs;
  let corpora: Corpora;
  let api: ReturnType<typeof createApi>;
  const log: string[] = [];

  function connect(): void {
    const surroundings = { baseDir: dir, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify: () => {} };
    const clock = { now: Date.now, monotonic: () => performance.now() };
    const random = () => 0.5;
    const origin = { codeRevision: 'test', forgeVersion: '0', machine: { cores: 2 } };
    const parts = { store, surroundings, clock, random, log: (message: string) => void log.push(message) };
    jobs = createJobs({ ...parts, origin });
    const compareThread = {
      compare: async (input: Parameters<typeof compareInputs>[0]) => compareInputs(input),
      close: async () => {},
    };
    const liveSummary = createLiveSummaries(store, clock);
    corpora = createCorpora(surroundings, { monotonic: clock.monotonic, log: parts.log });
    const access = createAccess(parts, openAccess);
    const all = { ...parts, jobs, compareThread, liveSummary, corpora, version: '0', database: 'embedded' as const };
    api = createApi(all, access);
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-api-'));
    await writeRows(dir);
    store = await openStore();
    connect();
  });
  afterAll(async () => {
    await jobs.close();
    await corpora.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });

  const json = (body: unknown) => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  async function call<Schema extends z.ZodType>(
    schema: Schema,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<z.infer<Schema>> {
    const response = await api.request(path, { method, ...(body === undefined ? {} : json(body)) });
    expect([path, response.status]).toEqual([path, 200]);
    return schema.parse(await response.json());
  }
  const get = <Schema extends z.ZodType>(schema: Schema, path: string) => call(schema, 'GET', path);
  async function refused(status: number, method: string, path: string, body?: unknown): Promise<shapes.Problem> {
    const response = await api.request(path, { method, ...(body === undefined ? {} : json(body)) });
    expect([path, response.status]).toEqual([path, status]);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    return shapes.problemSchema.parse(await response.json());
  }
  const create = (source: string, start = false) =>
    call(shapes.experimentDetailSchema, 'POST', '/experiments', { source, start });
  async function finished(source: string) {
    const { id } = await create(source, true);
    await jobs.ended(id);
    return get(shapes.experimentDetailSchema, `/experiments/${id}`);
  }

  interface Event {
    event: string;
    id: string;
    data: unknown;
  }
  async function* events(path: string, headers: Record<string, string> = {}): AsyncGenerator<Event> {
    const response = await api.request(path, { headers });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let rest = '';
    for await (const text of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
        if (fields.event !== undefined)
          yield { event: fields.event, id: fields.id as string, data: JSON.parse(fields.data as string) };
      }
    }
  }

  describe('experiments', () => {
    it('creates a draft, changes it, and refuses a change made on an old revision', async () => {
      const draft = await create(experimentYaml('draft'));
      expect(draft).toMatchObject({ state: 'draft', revision: 1, metric: 'exact-match', baseline: 'plain' });
      const change = { source: experimentYaml('draft', 'sample: 5'), revision: 1 };
      const changed = await call(shapes.experimentDetailSchema, 'PUT', `/experiments/${draft.id}`, change);
      expect(changed).toMatchObject({ revision: 2, state: 'draft' });
      expect(changed.runs.map((run) => run.spec.sample)).toEqual([5, 5]);
      expect((await refused(409, 'PUT', `/experiments/${draft.id}`, change)).detail).toMatch(/revision 2/);
    });

    it('runs what was asked for, and tells what was found', async () => {
      const experiment = await finished(experimentYaml('found'));
      expect(experiment.state).toBe('finished');
      expect(experiment.runs.map((run) => [run.variant, run.status, run.done])).toEqual([
        ['plain', 'finished', rows],
        ['blind', 'finished', rows],
      ]);
      expect(experiment.runs[0]?.summary?.metrics['exact-match']?.value).toBe(0.5);
      expect(experiment.comparisons[0]?.sentence).toContain('blind');
      expect(experiment.headline[0]?.sentence).toBe(experiment.comparisons[0]?.sentence);
      expect((await refused(409, 'POST', `/experiments/${experiment.id}/start`)).detail).toMatch(/duplicate it/);
      const change = { source: experimentYaml('found'), revision: experiment.revision };
      expect((await refused(409, 'PUT', `/experiments/${experiment.id}`, change)).detail).toMatch(/started/);
    });

    it('lists by filter, order and page', async () => {
      const names = async (query: string) =>
        (await get(pageSchema, `/experiments?${query}`)).items.map((item) => item.name);
      for (const name of ['list-b', 'list-a', 'list-c']) await create(experimentYaml(name));
      expect(await names('text=list-')).toEqual(['list-c', 'list-a', 'list-b']);
      expect(await names('text=LIST-&sort=name')).toEqual(['list-a', 'list-b', 'list-c']);
      expect(await names('text=list-&sort=oldest')).toEqual(['list-b', 'list-a', 'list-c']);
      expect(await names('text=list-&status=finished')).toEqual([]);
      expect(await names('text=list-&method=naive&dataset=json-lines&engine=scripted')).toHaveLength(3);
      const first = await get(pageSchema, '/experiments?text=list-&sort=name&limit=2');
      expect(first.items).toHaveLength(2);
      expect(await names(`text=list-&sort=name&limit=2&after=${first.next}`)).toEqual(['list-c']);
      expect((await refused(400, 'GET', '/experiments?status=wrong')).field).toBe('status');
      expect((await refused(400, 'GET', '/experiments?sort=best')).allowed).toContain('newest');
      expect((await refused(400, 'GET', '/experiments?limit=0')).field).toBe('limit');
      expect((await refused(400, 'GET', '/experiments?colour=red')).field).toBe('colour');
      expect((await refused(400, 'GET', '/experiments?sort=name&after=nonsense')).detail).toMatch(/after/);
      const facets = await get(shapes.facetsSchema, '/experiments/facets');
      expect(facets).toMatchObject({ methods: ['naive'], engines: ['scripted'], datasets: ['json-lines'] });
    });

    it('deletes and restores', async () => {
      const { id } = await create(experimentYaml('gone'));
      expect((await api.request(`/experiments/${id}`, { method: 'DELETE' })).status).toBe(204);
      expect((await get(pageSchema, '/experiments?text=gone')).items).toEqual([]);
      expect((await get(pageSchema, '/experiments?text=gone&deleted=only')).items).toHaveLength(1);
      expect((await refused(409, 'POST', `/experiments/${id}/start`)).detail).toMatch(/restore/);
      expect((await api.request(`/experiments/${id}/restore`, { method: 'POST' })).status).toBe(204);
      expect((await get(pageSchema, '/experiments?text=gone')).items).toHaveLength(1);
    });

    it('says what is wrong with a request', async () => {
      expect((await refused(404, 'GET', '/experiments/00000000')).detail).toMatch(/no experiment "00000000"/);
      expect((await refused(400, 'GET', '/experiments/not-an-id')).field).toBe('id');
      expect((await refused(404, 'GET', '/runs/00000000')).detail).toMatch(/no run/);
      expect((await refused(404, 'GET', '/nowhere')).detail).toMatch(/docs/);
      expect((await refused(400, 'POST', '/experiments', {})).field).toBe('source');
      expect((await refused(400, 'POST', '/experiments', { source: 'version: 1\nname: x\nfoo: 1' })).detail).toMatch(
        /experiment:3: foo: unknown key/,
      );
      expect((await refused(413, 'POST', '/experiments', { source: 'a'.repeat(2 ** 20) })).detail).toMatch(/1048576/);
      const broken = await api.request('/experiments', {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' },
      });
      expect(broken.status).toBe(400);
      expect(log).toEqual([]);
    });

    it('checks and plans without storing', async () => {
      const check = (source: string) => call(shapes.validationSchema, 'POST', '/experiments/validate', { source });
      expect(await check(experimentYaml('fine'))).toMatchObject({ ok: true, variants: ['plain', 'blind'] });
      const wrong = await check('version: 1\nname: x\nmethod: naiv\n');
      expect(wrong).toMatchObject({ ok: false });
      expect((await check('version: 1\nname: "x\n')).error?.message).toMatch(/broken YAML/);
      expect((await check('version: 1\nname: x\nsampel: 3\n')).error).toMatchObject({ line: 3 });
      const planned = await api.request('/experiments/plan', {
        method: 'POST',
        ...json({ source: experimentYaml('fine'), probe: 2 }),
      });
      const { variants } = (await planned.json()) as { variants: unknown[] };
      expect(shapes.variantPlanSchema.parse(variants[0])).toMatchObject({ rows, calls: rows, probe: { examples: 2 } });
      expect((await refused(400, 'POST', '/experiments/plan', { source: 'version: 2' })).detail).toMatch(/version/);
    });

    it('keeps a run that cannot start as failed, with the reason', async () => {
      const experiment = await finished(experimentYaml('missing').replace('rows.jsonl', 'absent.jsonl'));
      expect(experiment.state).toBe('failed');
      expect(experiment.runs[0]?.error).toMatch(/absent\.jsonl/);
    });

    it('stops, keeps what is finished, and goes on', async () => {
      const { id } = await create(experimentYaml('stopped', '', 30), true);
      await expect.poll(async () => (await store.runStates(id))[0]?.done, { timeout: 20_000 }).toBeGreaterThan(4);
      const stopped = await call(shapes.experimentDetailSchema, 'POST', `/experiments/${id}/cancel`);
      expect(stopped.state).toBe('cancelled');
      expect(stopped.runs[0]?.done).toBeLessThan(rows);
      await call(shapes.experimentDetailSchema, 'POST', `/experiments/${id}/resume`);
      await jobs.ended(id);
      const done = await get(shapes.experimentDetailSchema, `/experiments/${id}`);
      expect(done.runs.map((run) => [run.status, run.summary?.calls])).toEqual([
        ['finished', rows],
        ['finished', rows],
      ]);
    });

    it('a server that starts again goes on with what the one before left', async () => {
      const { id } = await create(experimentYaml('left', '', 30), true);
      await expect.poll(async () => (await store.runStates(id))[0]?.done, { timeout: 20_000 }).toBeGreaterThan(4);
      await jobs.close();
      expect((await get(shapes.experimentDetailSchema, `/experiments/${id}`)).state).toBe('queued');
      connect();
      jobs.resume();
      await jobs.ended(id);
      const done = await get(shapes.experimentDetailSchema, `/experiments/${id}`);
      expect(done.runs.map((run) => [run.status, run.summary?.calls])).toEqual([
        ['finished', rows],
        ['finished', rows],
      ]);
    });
  });

  describe('events', () => {
    it('tell of each example once, also to one who comes back', async () => {
      const { id } = await create(experimentYaml('live', '', 15), true);
      const seen: string[] = [];
      const note = (data: unknown) => {
        for (const item of shapes.examplesEventSchema.parse(data).items) seen.push(`${item.runId} ${item.exampleId}`);
      };
      let last = '0';
      for await (const { event, id: eventId, data } of events(`/experiments/${id}/events`, { 'last-event-id': '0' })) {
        last = eventId;
        if (event === 'examples') note(data);
        if (event === 'progress') shapes.progressEventSchema.parse(data);
        // The connection breaks in the middle.
        if (seen.length > 10) break;
      }
      expect(seen.length).toBeLessThan(2 * rows);
      let ended = false;
      for await (const { event, data } of events(`/experiments/${id}/events`, { 'last-event-id': last })) {
        if (event === 'examples') note(data);
        ended = event === 'end';
      }
      expect(ended).toBe(true);
      expect(seen).toHaveLength(2 * rows);
      expect(new Set(seen).size).toBe(2 * rows);
      expect((await refused(404, 'GET', '/experiments/00000000/events')).status).toBe(404);
    });

    it('show the figures so far while a run goes on', async () => {
      const { id } = await create(experimentYaml('so-far', '', 40), true);
      await expect.poll(async () => (await store.runStates(id))[0]?.done, { timeout: 20_000 }).toBeGreaterThan(4);
      const running = await get(shapes.experimentDetailSchema, `/experiments/${id}`);
      expect(running.state).toBe('running');
      expect(running.runs[0]?.summary?.n).toBeGreaterThan(0);
      expect(running.runs[0]?.summary?.n).toBeLessThan(rows);
      const overview = await get(shapes.overviewSchema, '/overview');
      expect(overview.active.map((one) => one.id)).toContain(id);
      await call(shapes.experimentDetailSchema, 'POST', `/experiments/${id}/cancel`);
    });
  });

  describe('runs', () => {
    let experiment: shapes.ExperimentDetail;
    beforeAll(async () => {
      experiment = await finished(experimentYaml('rows'));
    });
    const runId = (i: number) => experiment.runs[i]?.id as string;

    it('show their examples from any place, by outcome and text', async () => {
      const page = (query: string) => get(rowsSchema, `/runs/${runId(0)}/results?${query}`);
      expect(await page('limit=5&offset=20')).toMatchObject({
        total: rows,
        items: [{ index: 20 }, {}, {}, {}, { index: 24 }],
      });
      expect((await page('outcome=right')).total).toBe(rows / 2);
      const wrong = await page('outcome=wrong');
      expect(wrong.total).toBe(rows / 2);
      expect(wrong.items[0]?.answer).toBe(hostile);
      expect((await page('outcome=failed')).total).toBe(0);
      expect((await page('text=Number%2012%20')).items.map((item) => item.index)).toEqual([12]);
      expect((await page('text=%25')).total).toBe(0);
      const slow = await page('sort=slowest');
      expect(slow.items.map((item) => item.latencyMs)).toEqual(
        slow.items.map((item) => item.latencyMs).toSorted((a, b) => b - a),
      );
      expect(await refused(400, 'GET', `/runs/${runId(0)}/results?metric=bleu`)).toMatchObject({
        field: 'metric',
        allowed: ['exact-match', 'f1'],
      });
      expect((await refused(400, 'GET', `/runs/${runId(0)}/results?limit=5000`)).field).toBe('limit');
    });

    it('show one example with its calls', async () => {
      const { items } = await get(rowsSchema, `/runs/${runId(0)}/results?limit=1`);
      const result = await get(shapes.resultSchema, `/runs/${runId(0)}/results/${items[0]?.exampleId}`);
      expect(result.calls[0]?.prompt).toContain('Number 0');
      expect((await refused(404, 'GET', `/runs/${runId(0)}/results/nobody`)).detail).toMatch(/nobody/);
      await get(shapes.runSchema, `/runs/${runId(0)}`);
    });

    it('are compared, by example', async () => {
      const compared = await get(shapes.comparedRunsSchema, `/compare?runs=${runId(0)},${runId(1)}`);
      expect(compared).toMatchObject({ metric: 'exact-match', metrics: ['exact-match', 'f1'] });
      expect(compared.comparisons[0]?.pairs).toBe(rows);
      const flips = compared.comparisons[0]?.flips;
      expect(flips?.lost.count).toBeGreaterThan(0);
      expect(flips?.gained.count).toBe(0);
      const bound = { runs: `${runId(0)},${runId(1)}`, metric: 'f1', minimumEffect: '0.2' };
      const onF1 = await get(shapes.comparedRunsSchema, `/compare?${new URLSearchParams(bound)}`);
      expect(onF1.comparisons[0]).toMatchObject({ metric: 'f1', minimumEffect: 0.2 });
      expect((await refused(400, 'GET', `/compare?runs=${runId(0)}`)).field).toBe('runs');
      expect((await refused(400, 'GET', `/compare?runs=${runId(0)},${runId(0)}`)).detail).toMatch(/twice/);
      expect((await refused(404, 'GET', `/compare?runs=${runId(0)},00000000`)).detail).toMatch(/no run/);
      expect((await refused(400, 'GET', `/compare?runs=${runId(0)},${runId(1)}&metric=bleu`)).field).toBe('metric');
      const draft = await create(experimentYaml('unfinished'));
      expect((await refused(409, 'GET', `/compare?runs=${runId(0)},${draft.runs[0]?.id}`)).detail).toMatch(/pending/);
    });

    it('are exported as files', async () => {
      const file = async (format: string) =>
        (await api.request(`/experiments/${experiment.id}/export?format=${format}`)).text();
      expect((await file('csv')).trim().split('\n')).toHaveLength(2 * rows + 1);
      const lines = (await file('jsonl'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string });
      expect(lines.filter((line) => line.type === 'result')).toHaveLength(2 * rows);
      expect(await file('markdown')).toContain('| plain |');
      expect((await refused(400, 'GET', `/experiments/${experiment.id}/export?format=pdf`)).allowed).toContain('csv');
    });
  });

  benchmarkApiContract({ store: () => store, get, refused });
  trainingApiContract({ store: () => store, announce: () => jobs.announce(), get, refused, events });

  describe('configuration', () => {
    it('is described with the schemas of its options', async () => {
      const catalog = await get(shapes.catalogSchema, '/catalog');
      expect(catalog.method.map((one) => one.name)).toContain('chain-of-thought');
      expect(catalog.engine.find((one) => one.name === 'llama-cpp')?.options).toMatchObject({ required: ['model'] });
    });

    it('has an OpenAPI document that names every route', async () => {
      const document = (await (await api.request('/openapi.json')).json()) as { paths: Record<string, unknown> };
      expect(Object.keys(document.paths)).toEqual(
        expect.arrayContaining([
          '/experiments',
          '/experiments/{id}',
          '/experiments/{id}/events',
          '/compare',
          '/benchmarks',
          '/benchmarks/{id}',
          '/trainings',
          '/training-runs/{id}/events',
          '/health',
        ]),
      );
    });

    it('says that it is there and ready', async () => {
      expect((await api.request('/health')).status).toBe(200);
      expect((await api.request('/ready')).status).toBe(200);
    });
  });
}
