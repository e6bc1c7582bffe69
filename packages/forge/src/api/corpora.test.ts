import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labModels, root, surroundingsIn } from '../testing/lab-encoders.ts';
import { type Corpora, createCorpora } from './corpora.ts';
import { corpusRoutes } from './corpus-routes.ts';
import { problemOf, problemResponse } from './problem.ts';
import type { ApiParts } from './routing.ts';
import type { Corpus, Problem, Retrieval } from './schemas.ts';
import { corpusSchema, retrievalSchema } from './schemas.ts';

let dir: string;
let corpora: Corpora;
let api: ReturnType<typeof corpusRoutes>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-corpora-'));
  await mkdir(join(dir, 'corpora'));
  const lab = {
    version: 1,
    name: 'lab',
    description: '<img src=x onerror=alert(1)>',
    sources: [{ path: join(root, 'datasets/lab-world/corpus.jsonl') }],
    embedder: labModels.embedder,
  };
  await writeFile(join(dir, 'corpora', 'lab.yaml'), JSON.stringify(lab));
  await writeFile(
    join(dir, 'corpora', 'gone.yaml'),
    JSON.stringify({ ...lab, name: 'gone', sources: [{ path: 'x.jsonl' }] }),
  );
  await writeFile(join(dir, 'corpora', 'broken.yaml'), 'version: 1\nname: [');
  corpora = createCorpora(surroundingsIn(dir), { monotonic: () => performance.now(), log: () => {} });
  api = corpusRoutes({ corpora } as ApiParts);
  api.onError((error, c) => problemResponse(c, problemOf(error)));
});
afterAll(async () => {
  await corpora.close();
  await rm(dir, { recursive: true, force: true });
});

const post = (path: string, body: unknown) =>
  api.request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
async function list(): Promise<Corpus[]> {
  const response = await api.request('/corpora');
  expect(response.status).toBe(200);
  const { items } = (await response.json()) as { items: unknown[] };
  return items.map((item) => corpusSchema.parse(item));
}
const stateOf = async (file: string) => (await list()).find((one) => one.file === file);
async function refused(status: number, path: string, body: unknown): Promise<string> {
  const response = await post(path, body);
  expect(response.status).toBe(status);
  return ((await response.json()) as Problem).detail;
}
const file = 'corpora/lab.yaml';
const all = {
  dense: { name: 'dense', corpus: file },
  bm25: { name: 'bm25', corpus: file },
  reranked: { name: 'reranked', first: { name: 'hybrid', corpus: file }, crossEncoder: labModels.crossEncoder },
};

describe('corpora of the API', () => {
  it('lists them, the broken ones with their error', async () => {
    const items = await list();
    expect(items.map((one) => [one.file, one.state])).toEqual([
      ['corpora/broken.yaml', 'broken'],
      ['corpora/gone.yaml', 'not-ingested'],
      ['corpora/lab.yaml', 'not-ingested'],
    ]);
    expect(items[0]?.error).toMatch(/broken\.yaml:/);
  });

  it('searches nothing that is not ingested, and starts no hours of embedding', async () => {
    const detail = await refused(409, '/retrieve', { query: 'x', retrievers: all });
    expect(detail).toBe('corpora/lab.yaml is not ingested: forge ingest corpora/lab.yaml');
  });

  it('ingests in the background, and tells how far it is', async () => {
    expect((await post('/corpora/ingest', { file })).status).toBe(200);
    expect((await stateOf(file))?.state).toBe('ingesting');
    expect(await refused(409, '/corpora/ingest', { file })).toMatch(/being ingested already/);
    await expect.poll(async () => (await stateOf(file))?.state, { timeout: 30_000 }).toBe('ingested');
    expect(await stateOf(file)).toMatchObject({
      documents: 300,
      chunks: 300,
      dimension: 128,
      progress: null,
      lastError: null,
    });
  });

  it('keeps why an ingestion failed', async () => {
    await post('/corpora/ingest', { file: 'corpora/gone.yaml' });
    await expect
      .poll(async () => (await stateOf('corpora/gone.yaml'))?.lastError, { timeout: 30_000 })
      .toMatch(/x\.jsonl: no such file/);
    expect((await stateOf('corpora/gone.yaml'))?.state).toBe('not-ingested');
    expect(await refused(404, '/corpora/ingest', { file: '../etc/passwd' })).toMatch(/no corpus file/);
    expect(await refused(400, '/corpora/ingest', { file: 'corpora/broken.yaml' })).toMatch(/broken\.yaml:/);
  });

  it('sets retrievers side by side, with the score of every stage', async () => {
    const response = await post('/retrieve', { query: 'What is the job of Vera Harker?', topK: 4, retrievers: all });
    expect(response.status).toBe(200);
    const { items } = (await response.json()) as { items: Retrieval[] };
    expect(items.map((item) => retrievalSchema.parse(item).label)).toEqual(['dense', 'bm25', 'reranked']);
    for (const { passages, error, tookMs } of items) {
      expect(error).toBeNull();
      expect(tookMs).toBeGreaterThan(0);
      expect(passages).toHaveLength(4);
      expect(passages[0]?.documentId).toBe('vera-harker');
    }
    expect(Object.keys(items[2]?.passages[0]?.stages ?? {}).sort()).toEqual(['bm25', 'dense', 'hybrid', 'reranked']);
  });

  it('says what is wrong with a request; one broken retriever does not hide the others', async () => {
    expect(await refused(400, '/retrieve', { query: '', retrievers: all })).toMatch(/query/);
    expect(await refused(400, '/retrieve', { query: 'x', retrievers: {} })).toMatch(/1 to 6 retrievers/);
    expect(await refused(400, '/retrieve', { query: 'x', topK: 500, retrievers: all })).toMatch(/topK/);
    expect(await refused(400, '/retrieve', { query: 'x', retrievers: { a: { name: 'dens' } } })).toMatch(
      /Did you mean "dense"/,
    );
    const outside = { a: { name: 'dense', corpus: '../../secret.yaml' } };
    expect(await refused(400, '/retrieve', { query: 'x', retrievers: outside })).toMatch(/is not in corpora/);
    const missing = { ...all.reranked, crossEncoder: { name: 'cross-encoder', model: 'nowhere' } };
    const response = await post('/retrieve', { query: 'Vera', retrievers: { ...all, missing } });
    const { items } = (await response.json()) as { items: Retrieval[] };
    expect(items.at(-1)?.error).toMatch(/model nowhere/);
    expect(items[0]?.passages.length).toBeGreaterThan(0);
  });
});
