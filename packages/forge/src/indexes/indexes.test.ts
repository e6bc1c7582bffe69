import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QdrantClient } from '@qdrant/js-client-rest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createComponent } from '../create-component.ts';
import { ConfigError, RetrievalError } from '../errors.ts';
import { createRandom, pick } from '../lib/random.ts';
import { fnv1a } from '../lib/sparse-terms.ts';
import type { PassageIndex, PassageIndexParts } from '../passage-index.ts';
import { chunkOf, cosineOf, dimension, indexContract, randomVector } from '../testing/index-contract.ts';
import { surroundingsIn } from '../testing/lab-encoders.ts';
import { startQdrantServer } from '../testing/qdrant-server.ts';
import { indexes } from './index.ts';

type Server = Awaited<ReturnType<typeof startQdrantServer>>;

let dir: string;
let server: Server;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-indexes-'));
  server = await startQdrantServer();
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

const openIndex = (name: string, options: object, corpus: string, over: Partial<PassageIndexParts> = {}) =>
  createComponent<PassageIndex, PassageIndexParts>(
    indexes,
    { name, options: { ...options } },
    { ...surroundingsIn(dir), corpus, dimension, ...over },
  );

describe.each(['flat', 'hnsw', 'ivf'])('lancedb, %s', (kind) => {
  indexContract((corpus, size = dimension) => openIndex('lancedb', { kind }, corpus, { dimension: size }));
});

describe('qdrant, a server that answers in the shape of the real one', () => {
  indexContract((corpus, size = dimension) => openIndex('qdrant', { url: server.url }, corpus, { dimension: size }));
});

const liveUrl = process.env.QDRANT_URL;
describe.skipIf(!liveUrl)('qdrant, the server that QDRANT_URL names', () => {
  const collections = new Set<string>();
  afterAll(async () => {
    const apiKey = process.env.QDRANT_API_KEY;
    const client = new QdrantClient({ url: liveUrl ?? '', ...(apiKey ? { apiKey } : {}) });
    for (const name of collections) await client.deleteCollection(name);
  });
  indexContract((corpus, size = dimension) => {
    collections.add(corpus);
    return openIndex('qdrant', { exact: true }, corpus, { dimension: size, env: process.env });
  });
});

describe('approximate search of lancedb', () => {
  it.each(['hnsw', 'ivf'])('%s finds 95 in 100 of what an exact search finds', async (kind) => {
    const size = 64;
    const random = createRandom('approximate');
    // Around centres, as texts of one subject are: random directions have no neighbours to find.
    const centres = Array.from({ length: 60 }, () => randomVector(random, size));
    const near = () => {
      const noise = randomVector(random, size);
      const moved = pick(centres, random).map((value, i) => value + 0.6 * (noise[i] as number));
      const norm = Math.hypot(...moved);
      return moved.map((value) => value / norm);
    };
    const index = await openIndex('lancedb', { kind }, `ann-${kind}`, { dimension: size });
    const chunks = Array.from({ length: 6000 }, (_, i) => ({ ...chunkOf(i, `Text ${i}`), vector: near() }));
    for (let from = 0; from < chunks.length; from += 2000) await index.add(chunks.slice(from, from + 2000));
    await index.finish();
    let hits = 0;
    for (let i = 0; i < 50; i++) {
      const query = near();
      const exact = chunks
        .map(({ id, vector }) => ({ id, score: cosineOf(vector, query) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 10);
      const found = new Set((await index.searchVector(query, 10)).map(({ id }) => id));
      hits += exact.filter(({ id }) => found.has(id)).length;
    }
    expect(hits / 500).toBeGreaterThanOrEqual(0.95);
    await index.close();
  });
});

const random = createRandom('qdrant');
const added = (i: number, text: string) => ({ ...chunkOf(i, text), vector: randomVector(random) });

describe('what qdrant is asked', () => {
  const asked = (from: number) => server.calls.slice(from).map(({ method, path }) => `${method} ${path}`);

  it('makes a collection with both kinds of vectors, stores, searches by each, removes', async () => {
    const from = server.calls.length;
    const index = await openIndex('qdrant', { url: server.url }, 'asked');
    const { vector, ...chunk } = added(1, 'A zebra and a zebra.');
    await index.add([{ ...chunk, vector }]);
    await index.finish();
    await index.searchVector(vector, 3);
    const [found] = await index.searchText('the zebra', 4);
    await index.remove([chunk.id]);
    await openIndex('qdrant', { url: server.url, collection: 'asked' }, 'another-name');
    expect(asked(from)).toEqual([
      'GET /collections/asked/exists',
      'PUT /collections/asked',
      'PUT /collections/asked/points?wait=true',
      'POST /collections/asked/points/query',
      'POST /collections/asked/points/query',
      'POST /collections/asked/points/delete?wait=true',
      'GET /collections/asked/exists',
      'GET /collections/asked',
    ]);
    const [, create, upsert, dense, sparse, remove] = server.calls.slice(from).map(({ body }) => body);
    expect(create).toEqual({
      vectors: { dense: { size: dimension, distance: 'Cosine' } },
      sparse_vectors: { words: { modifier: 'idf' } },
    });
    const id = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(chunk.id)?.slice(1).join('-');
    const [{ vector: stored, ...point }] = upsert.points;
    expect(point).toEqual({ id, payload: chunk });
    expect(stored.dense).toEqual([...vector]);
    // Title 1, a zebra and a zebra: seven terms.
    expect(stored.words.indices).toEqual(['title', '1', 'a', 'zebra', 'and'].map(fnv1a));
    const weight = (2 * 2.2) / (2 + 1.2 * (0.25 + (0.75 * 7) / 256));
    expect(stored.words.values[3]).toBeCloseTo(weight, 12);
    expect(dense).toEqual({ query: [...vector], using: 'dense', limit: 3, with_payload: true });
    const words = { indices: ['the', 'zebra'].map(fnv1a), values: [1, 1] };
    expect(sparse).toEqual({ query: words, using: 'words', limit: 4, with_payload: true });
    expect(found?.score).toBeCloseTo(weight * Math.log(0.5 / 1.5 + 1), 5);
    expect(remove).toEqual({ points: [id] });
  });

  it('compares with every vector where `exact` says so', async () => {
    const index = await openIndex('qdrant', { url: server.url, exact: true }, 'exact');
    await index.searchVector(randomVector(random), 1);
    expect(server.calls.at(-1)?.body.params).toEqual({ exact: true });
  });

  it('sends and reads many in parts, bounded by number and by bytes', async () => {
    const index = await openIndex('qdrant', { url: server.url }, 'many');
    const from = server.calls.length;
    await index.add(Array.from({ length: 2100 }, (_, i) => added(i, `Text ${i}`)));
    await index.add(Array.from({ length: 9 }, (_, i) => added(i, `${i} ${'\u0001'.repeat(500_000)}`)));
    const sizes = server.calls.slice(from).map(({ body }) => body.points.length);
    expect(sizes).toEqual([...Array(10).fill(200), 100, 2, 2, 2, 2, 1]);
    expect((await index.chunkIds()).size).toBe(2109);
    expect(server.calls.slice(-3).map(({ body }) => body.limit)).toEqual([1000, 1000, 1000]);
    await index.remove([...(await index.chunkIds())]);
    expect(await index.count()).toBe(0);
  });

  it('takes the address as it is written: path, port, QDRANT_URL', async () => {
    const index = await openIndex('qdrant', {}, 'from-env', { env: { QDRANT_URL: `${server.url}/` } });
    expect(await index.count()).toBe(0);
    const opened = (url: string) => openIndex('qdrant', { url, retries: 0, timeoutMs: 200 }, 'x');
    await expect(opened(`${server.url}/behind/`)).rejects.toThrow(
      `qdrant ${server.url}/behind, collection x: HTTP 404`,
    );
    expect(server.calls.at(-1)?.path).toBe('/behind/collections/x/exists');
    await expect(opened('http://user:secret@127.0.0.1:80')).rejects.toThrow('qdrant http://127.0.0.1:80, collection x');
    await expect(opened('http://[::1]')).rejects.toThrow('qdrant http://[::1]:6333, collection x');
    const wrong = openIndex('qdrant', {}, 'x', { env: { QDRANT_URL: 'localhost:6333' } });
    await expect(wrong).rejects.toThrow('index qdrant: url is "localhost:6333", not an address like');
    await expect(wrong).rejects.toThrow(ConfigError);
  });
});

describe('qdrant in trouble', () => {
  const quick = { retries: 2, timeoutMs: 1000 };
  let own: Server;
  const servers: Server[] = [];
  const start = async (options: { apiKey?: string } = {}) => {
    own = await startQdrantServer(options);
    servers.push(own);
  };
  const opened = (options: object = {}, over: Partial<PassageIndexParts> = {}) =>
    openIndex('qdrant', { url: own.url, ...quick, ...options }, 'trouble', over);
  afterEach(async () => {
    for (const one of servers.splice(0)) await one.close();
  });

  it('tries again what may pass, with growing pauses, not what is refused', async () => {
    await start();
    const index = await opened();
    await index.add([added(1, 'A zebra.')]);
    const callsOf = async (...faults: Server['faults']) => {
      const before = own.calls.length;
      own.faults.push(...faults);
      const outcome = await index.searchText('zebra', 3).catch((error: unknown) => error);
      return { calls: own.calls.length - before, outcome };
    };
    const started = performance.now();
    expect(await callsOf(503, 503)).toEqual({ calls: 3, outcome: [expect.objectContaining({ documentId: 'd1' })] });
    expect(performance.now() - started).toBeGreaterThan(200 + 400 - 20);
    expect(await callsOf('broken', 'page')).toMatchObject({ calls: 3, outcome: [{ documentId: 'd1' }] });
    const failed = (why: RegExp) => ({ name: 'RetrievalError', message: expect.stringMatching(why) });
    expect(await callsOf(503, 503, 500)).toMatchObject({
      calls: 3,
      outcome: failed(/^qdrant http:.*, collection trouble: HTTP 500: Service internal error: 1 of 1/),
    });
    expect(await callsOf('page', 'page', 'page')).toMatchObject({ calls: 3, outcome: failed(/HTTP 502: <h1>Bad/) });
    for (const status of [400, 404, 422]) {
      expect(await callsOf(status)).toMatchObject({ calls: 1, outcome: failed(/HTTP 4/) });
    }
    await expect(index.searchVector(new Float32Array(3), 2)).rejects.toThrow(/expected dim: 16, got 3/);
  });

  it('a server that says nothing is waited for as long as allowed', async () => {
    await start();
    const index = await opened({ timeoutMs: 100, retries: 1 });
    own.faults.push('silent', 'silent');
    await expect(index.searchText('zebra', 3)).rejects.toThrow(/collection trouble: no answer within 100 ms$/);
  });

  it('a change is asked for until it is made', async () => {
    await start();
    const index = await opened();
    own.faults.push('slow change');
    await index.add([added(1, 'A zebra.')]);
    expect(await index.count()).toBe(1);
    own.faults.push('slow change', 'slow change', 'slow change');
    await expect(index.remove(['x'])).rejects.toThrow(/taken but is not made yet \(wait_timeout\)/);
  });

  it('a server that is down is said plainly, when it is searched and when it is opened', async () => {
    await start();
    const index = await opened();
    await own.close();
    const searches = [() => index.searchText('zebra', 3), () => index.searchVector(randomVector(random), 3)];
    for (const search of searches) {
      const found = search();
      await expect(found).rejects.toThrow(RetrievalError);
      await expect(found).rejects.toThrow(`qdrant ${own.url}, collection trouble: connect ECONNREFUSED`);
    }
    const opening = opened();
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(
      /^qdrant http:.*, collection trouble: connect ECONNREFUSED .*; is the server running\? docker compose -f deploy\/qdrant\.yaml up -d starts one$/,
    );
  });

  it('two that make the same collection at once both get it', async () => {
    await start();
    const both = await Promise.all([opened(), opened()]);
    expect(await Promise.all(both.map((index) => index.count()))).toEqual([0, 0]);
    expect(own.calls.filter(({ method }) => method === 'PUT')).toHaveLength(2);
  });

  it('leaves a collection of somebody else alone', async () => {
    await start();
    const client = new QdrantClient({ url: own.url, checkCompatibility: false });
    await client.createCollection('trouble', { vectors: { size: dimension, distance: 'Cosine' } });
    const before = own.calls.length;
    await expect(opened()).rejects.toThrow(/collection trouble: was not made by LLM Forge; name another collection/);
    expect(own.calls.slice(before).every(({ method }) => method === 'GET')).toBe(true);
    const index = await opened({ collection: 'shared' });
    const vector = { dense: [...randomVector(random)] };
    await client.upsert('shared', { points: [{ id: crypto.randomUUID(), vector, payload: { foreign: true } }] });
    await expect(index.searchVector(randomVector(random), 1)).rejects.toThrow(RetrievalError);
  });

  it('sends the API key, and never says it', async () => {
    await start({ apiKey: 'very-secret' });
    const notices: string[] = [];
    const notify: PassageIndexParts['notify'] = ({ message }) => notices.push(message);
    const withKey = (key: string) => opened({ apiKeyEnv: 'MY_KEY' }, { env: { MY_KEY: key }, notify });
    const index = await withKey(' very-secret\n');
    expect(await index.count()).toBe(0);
    expect(new Set(own.calls.map(({ apiKey }) => apiKey))).toEqual(new Set(['very-secret']));
    own.faults.push('echo of the key');
    const tries = [
      () => index.searchText('zebra', 1),
      () => withKey('wrong-key'),
      () => withKey('very\nsecret'),
      () => opened(),
    ];
    const messages: string[] = [];
    for (const one of tries) messages.push(await one().then(String, String));
    expect(messages).toEqual([
      expect.stringMatching(/^RetrievalError: .* HTTP 400: not with \*\*\*$/),
      expect.stringMatching(/^ConfigError: .* HTTP 401: Must provide .* token; set MY_KEY to the server's API key$/),
      'ConfigError: environment variable MY_KEY: holds more than an API key',
      expect.stringMatching(/set QDRANT_API_KEY to the server's API key$/),
    ]);
    expect(messages.join()).not.toMatch(/very\s?secret|wrong-key/);
    // On this machine nobody overhears it; the other address is one for documentation (RFC 5737).
    expect(notices).toEqual([]);
    const elsewhere = { url: 'http://192.0.2.1', apiKeyEnv: 'MY_KEY', retries: 0, timeoutMs: 100 };
    await openIndex('qdrant', elsewhere, 'x', { env: { MY_KEY: 'very-secret' }, notify }).catch(() => {});
    expect(notices).toEqual(['index qdrant: MY_KEY goes unencrypted to http://192.0.2.1:6333; use https']);
  });
});
