import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Role, roles } from '../access-record.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import { type AccessServer, startAccessServer } from '../testing/access-server.ts';
import { experimentYaml, writeRows } from '../testing/api-contract.ts';
import { embedded } from '../testing/database-template.ts';
import { exampleBenchmark } from '../testing/example-benchmarks.ts';
import { exampleTraining } from '../testing/example-trainings.ts';
import { root } from '../testing/lab-encoders.ts';
import { newToken } from '../testing/new-token.ts';
import { accessRules, mayAs } from './access-rules.ts';

const many = { burst: 10_000, perSecond: 1000 };
const limits = { token: many, address: many, signIn: many, failures: many };
const corpus = 'corpora/words.yaml';

let dir: string;
let store: Store;
let server: AccessServer;
let publicServer: AccessServer;
let tokens: Record<Role, string>;
/** Ids of what is stored. */
let made: {
  experiment: string;
  run: string;
  other: string;
  example: string;
  training: string;
  trainingRun: string;
  benchmark: string;
};

async function draft(): Promise<string> {
  const source = experimentYaml(`draft-${performance.now()}`, 'sample: 2');
  const answer = await server.request('POST', '/api/experiments', { token: tokens.admin, body: { source } });
  return ((await answer.json()) as { id: string }).id;
}

async function corpusRests(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const answer = await server.request('GET', '/api/corpora', { token: tokens.viewer });
      return ((await answer.json()) as { items: { state: string }[] }).items[0]?.state !== 'ingesting';
    },
    { timeout: 60_000, interval: 200 },
  );
}

interface Asked {
  readonly path: string;
  readonly body?: unknown;
}

/** A request to each route that is right but for the rights. */
const requests: Record<string, () => Asked | Promise<Asked>> = {
  'GET /health': () => ({ path: '/health' }),
  'GET /ready': () => ({ path: '/ready' }),
  'GET /session': () => ({ path: '/session' }),
  'POST /session': () => ({ path: '/session', body: { token: tokens.viewer } }),
  'DELETE /session': () => ({ path: '/session' }),
  'GET /openapi.json': () => ({ path: '/openapi.json' }),
  'GET /overview': () => ({ path: '/overview' }),
  'GET /catalog': () => ({ path: '/catalog' }),
  'GET /schema': () => ({ path: '/schema' }),
  'GET /experiments': () => ({ path: '/experiments' }),
  'GET /experiments/facets': () => ({ path: '/experiments/facets' }),
  'GET /experiments/{id}': () => ({ path: `/experiments/${made.experiment}` }),
  'GET /experiments/{id}/events': () => ({ path: `/experiments/${made.experiment}/events` }),
  'GET /experiments/{id}/export': () => ({ path: `/experiments/${made.experiment}/export?format=csv` }),
  'GET /runs/{id}': () => ({ path: `/runs/${made.run}` }),
  'GET /runs/{id}/results': () => ({ path: `/runs/${made.run}/results` }),
  'GET /runs/{id}/results/{exampleId}': () => ({
    path: `/runs/${made.run}/results/${encodeURIComponent(made.example)}`,
  }),
  'GET /compare': () => ({ path: `/compare?runs=${made.run},${made.other}` }),
  'GET /trainings': () => ({ path: '/trainings' }),
  'GET /trainings/{id}': () => ({ path: `/trainings/${made.training}` }),
  'GET /trainings/{id}/events': () => ({ path: `/trainings/${made.training}/events` }),
  'GET /training-runs/{id}': () => ({ path: `/training-runs/${made.trainingRun}` }),
  'GET /training-runs/{id}/events': () => ({ path: `/training-runs/${made.trainingRun}/events` }),
  'GET /benchmarks': () => ({ path: '/benchmarks' }),
  'GET /benchmarks/{id}': () => ({ path: `/benchmarks/${made.benchmark}` }),
  'GET /corpora': () => ({ path: '/corpora' }),
  'GET /workers': () => ({ path: '/workers' }),
  'POST /experiments/validate': () => ({ path: '/experiments/validate', body: { source: experimentYaml('valid') } }),
  'POST /experiments/plan': () => ({ path: '/experiments/plan', body: { source: experimentYaml('plan') } }),
  'POST /experiments': () => ({ path: '/experiments', body: { source: experimentYaml('new') } }),
  'PUT /experiments/{id}': async () => ({
    path: `/experiments/${await draft()}`,
    body: { source: experimentYaml('changed'), revision: 1 },
  }),
  'DELETE /experiments/{id}': async () => ({ path: `/experiments/${await draft()}` }),
  'POST /experiments/{id}/restore': async () => ({ path: `/experiments/${await draft()}/restore` }),
  'POST /experiments/{id}/start': async () => ({ path: `/experiments/${await draft()}/start` }),
  'POST /experiments/{id}/resume': async () => ({ path: `/experiments/${await draft()}/resume` }),
  'POST /experiments/{id}/cancel': async () => ({ path: `/experiments/${await draft()}/cancel` }),
  'POST /corpora/ingest': async () => {
    await corpusRests();
    return { path: '/corpora/ingest', body: { file: corpus } };
  },
  'POST /retrieve': async () => {
    await corpusRests();
    return { path: '/retrieve', body: { query: 'Vera', retrievers: { words: { name: 'bm25', corpus } } } };
  },
  'GET /audit': () => ({ path: '/audit' }),
};

async function statusOf(route: string, of: AccessServer, token: string | undefined): Promise<number> {
  const asked = requests[route];
  if (asked === undefined) throw new Error(`say in this test what a right request to ${route} is`);
  const { path, body } = await asked();
  const answer = await of.request(route.split(' ')[0] ?? '', `/api${path}`, { token, body });
  await answer.body?.cancel();
  return answer.status;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-access-rules-'));
  await writeRows(dir);
  await mkdir(join(dir, 'corpora'));
  const words = { version: 1, name: 'words', sources: [{ path: join(root, 'datasets/lab-world/corpus.jsonl') }] };
  await writeFile(join(dir, corpus), JSON.stringify({ ...words, embedder: 'none' }));
  store = await openStore(embedded(join(dir, 'database')));
  server = await startAccessServer({ store, dir, limits });
  publicServer = await startAccessServer({ store, dir, limits, publicReadOnly: true });
  tokens = { viewer: '', editor: '', admin: '' };
  for (const role of roles) tokens[role] = await newToken(store, role);
  const answer = await server.request('POST', '/api/experiments', {
    token: tokens.editor,
    body: { source: experimentYaml('finished'), start: true },
  });
  const experiment = (await answer.json()) as { id: string; runs: { id: string }[] };
  await vi.waitUntil(async () => (await store.runStates(experiment.id)).every(({ status }) => status === 'finished'), {
    timeout: 60_000,
    interval: 100,
  });
  const [run = '', other = ''] = experiment.runs.map(({ id }) => id);
  const { items } = await store.listTableRows(run, {}, { offset: 0, limit: 1 });
  const { training, runs } = await store.createTraining(exampleTraining('a training'));
  const benchmark = await store.createBenchmark(exampleBenchmark('a benchmark', experiment.id));
  made = {
    experiment: experiment.id,
    run,
    other,
    example: items[0]?.exampleId ?? '',
    training: training.id,
    trainingRun: runs[0]?.id ?? '',
    benchmark: benchmark.id,
  };
  await server.request('POST', '/api/corpora/ingest', { token: tokens.editor, body: { file: corpus } });
  await corpusRests();
});
afterAll(async () => {
  await server?.close();
  await publicServer?.close();
  await store?.close();
  await rm(dir, { recursive: true, force: true });
});

describe('the table of rights', () => {
  it('has every route of the OpenAPI document, and no other', async () => {
    const answer = await server.request('GET', '/api/openapi.json', { token: tokens.viewer });
    const { paths } = (await answer.json()) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...routes, 'GET /openapi.json'].sort()).toEqual(Object.keys(accessRules).sort());
    expect(routes.length).toBeGreaterThan(30);
  });

  it('lets viewers read and nothing else, and only editors change or spend', () => {
    for (const [route, { role, effect }] of Object.entries(accessRules)) {
      if (role === 'viewer') expect([route, effect]).toEqual([route, 'reads']);
      if (!route.startsWith('GET ') && !route.endsWith(' /session')) expect([route, role]).toEqual([route, 'editor']);
    }
  });

  describe.each(Object.entries(accessRules))('%s', (route, rule) => {
    it.each(roles)('as %s', async (role) => {
      const status = await statusOf(route, server, tokens[role]);
      if (mayAs(role, rule.role)) expect(status).toBeOneOf([200, 204]);
      else expect(status).toBe(403);
    });

    it('without a token', async () => {
      const status = await statusOf(route, server, undefined);
      if (rule.role === 'anyone') expect(status).toBeOneOf([200, 204]);
      else expect(status).toBe(401);
    });

    it('without a token where everybody may read', async () => {
      const status = await statusOf(route, publicServer, undefined);
      const allowed = rule.role === 'anyone' || (rule.role === 'viewer' && rule.effect === 'reads');
      if (allowed) expect(status).toBeOneOf([200, 204]);
      else expect(status).toBe(401);
    });
  });
});
