/**
 * How fast a corpus is ingested, against the bare ONNX Runtime on the same texts and as many threads; and, at 100,000 chunks, how fast
 * and how exact searches are. `npm run bench:index -- [--model FOLDER] [--texts 1500] [--chunks 100000]`
 * Without --model: all-MiniLM-L6-v2 of the hub; benchmarks/minilm_shape.py makes one of its shape offline.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AutoTokenizer, env as transformersEnv } from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createComponentPool } from '../packages/forge/src/component-pool.ts';
import { createComponent } from '../packages/forge/src/create-component.ts';
import { indexes } from '../packages/forge/src/indexes/index.ts';
import { contentHash } from '../packages/forge/src/lib/canonical-json.ts';
import { createRandom, pick, type Random } from '../packages/forge/src/lib/random.ts';
import { loadCorpus } from '../packages/forge/src/load-corpus.ts';
import type { PassageIndex, PassageIndexParts } from '../packages/forge/src/passage-index.ts';
import { quantile } from '../packages/forge/src/statistics/quantile.ts';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'sentence-transformers/all-MiniLM-L6-v2' },
    texts: { type: 'string', default: '1500' },
    chunks: { type: 'string', default: '100000' },
    threads: { type: 'string', default: '2' },
  },
});
const threads = Number(options.threads);
const batch = 32;
const scifact = resolve(import.meta.dirname, '..', '..', 'shared', 'data', 'scifact');
const dir = await mkdtemp(join(tmpdir(), 'forge-bench-index-'));
const surroundings = { baseDir: dir, cacheDir: join(dir, 'cache'), env: process.env, now: Date.now, notify: () => {} };

const random = createRandom('bench-index');
/** Real sentences where they are at hand, else words by rank (Zipf). */
async function readSentences(): Promise<{ sentences: string[]; queries: string[] }> {
  if (existsSync(scifact)) {
    const rows = (name: string) =>
      readFile(join(scifact, name), 'utf8').then((text) =>
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    const documents = (await rows('corpus.jsonl')) as { sentences: string[] }[];
    const claims = (await rows('queries.test.jsonl')) as { text: string }[];
    return { sentences: documents.flatMap((one) => one.sentences), queries: claims.map((one) => one.text) };
  }
  const word = () => `w${Math.floor(50_000 ** random.next())}`;
  const sentence = (length: number) => Array.from({ length }, word).join(' ');
  return {
    sentences: Array.from({ length: 20_000 }, () => `${sentence(20)}.`),
    queries: Array.from({ length: 300 }, () => sentence(10)),
  };
}
const { sentences, queries } = await readSentences();
const textOf = (count: number) => Array.from({ length: count }, () => pick(sentences, random)).join(' ');

/** Texts of about 128 tokens through the model alone: tokenised before, batches of 32, nothing kept. Texts per second. */
async function bareRate(folder: string, texts: readonly string[]): Promise<number> {
  transformersEnv.allowRemoteModels = false;
  transformersEnv.localModelPath = resolve(folder, '..');
  const tokenizer = await AutoTokenizer.from_pretrained(folder.split('/').at(-1) ?? '');
  const session = await InferenceSession.create(join(folder, 'onnx', 'model.onnx'), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const sorted = [...texts].sort((a, b) => a.length - b.length);
  const feeds = [];
  for (let from = 0; from < sorted.length; from += batch) {
    const inputs = tokenizer(sorted.slice(from, from + batch), { padding: true, truncation: true, max_length: 512 });
    const given = Object.entries(inputs as Record<string, { data: BigInt64Array; dims: number[] }>);
    feeds.push(Object.fromEntries(given.map(([name, { data, dims }]) => [name, new Tensor('int64', data, dims)])));
  }
  await session.run(feeds[0] ?? {});
  const started = performance.now();
  for (const feed of feeds) await session.run(feed);
  const rate = texts.length / ((performance.now() - started) / 1000);
  await session.release();
  return rate;
}

/** The same texts as a corpus: read, cut, counted, embedded, stored, indexed. Chunks per second. */
async function ingestRate(texts: readonly string[], name: string): Promise<number> {
  await writeFile(
    join(dir, `${name}.jsonl`),
    texts.map((text, i) => `${JSON.stringify({ id: `${i}`, text })}\n`).join(''),
  );
  const embedder = { name: 'sentence-transformer', model: resolve(options.model), workers: threads, threads: 1, batch };
  const corpus = {
    version: 1,
    name,
    sources: [{ path: `${name}.jsonl` }],
    chunk: { tokens: 500, overlap: 0 },
    embedder,
  };
  await writeFile(join(dir, `${name}.yaml`), JSON.stringify(corpus));
  const spec = await loadCorpus(`${name}.yaml`, dir);
  const pool = createComponentPool(surroundings);
  // Loading the model is not what is measured.
  await pool.ingest({ ...spec, name: `${name}-warm`, sources: [{ ...spec.sources[0], limit: 64 } as never] });
  const done = await pool.ingest(spec);
  await pool.close();
  return done.embedded / (done.tookMs / 1000);
}

/** Around centres, as texts of one subject are. */
function drawVectors(size: number, r: Random): () => Float32Array {
  const normed = (values: Float32Array) => {
    const norm = Math.hypot(...values);
    return values.map((value) => value / norm);
  };
  const direction = () => normed(Float32Array.from({ length: size }, () => 2 * r.next() - 1));
  const centres = Array.from({ length: 500 }, direction);
  return () => {
    const noise = direction();
    return normed((pick(centres, r) as Float32Array).map((value, i) => value + 0.6 * (noise[i] as number)));
  };
}

async function searchAt(count: number): Promise<void> {
  const size = 384;
  const draw = drawVectors(size, random);
  const make = (kind: string) =>
    createComponent<PassageIndex, PassageIndexParts>(
      indexes,
      { name: 'lancedb', options: { kind } },
      { ...surroundings, corpus: 'large', dimension: size },
    );
  const index = await make('hnsw');
  const vectors: Float32Array[] = [];
  const started = performance.now();
  for (let from = 0; from < count; from += 4000) {
    const rows = Array.from({ length: Math.min(4000, count - from) }, (_, i) => {
      const vector = draw();
      vectors.push(vector);
      const text = textOf(2);
      return { id: contentHash(from + i), documentId: `${from + i}`, title: '', url: '', position: 0, text, vector };
    });
    await index.add(rows);
  }
  const stored = performance.now();
  await index.finish();
  const seconds = (ms: number) => `${(ms / 1000).toFixed(0)} s`;
  console.log(
    `\n${count} chunks of ${size} dimensions: stored in ${seconds(stored - started)}, indexed in ${seconds(performance.now() - stored)}`,
  );
  const asked = 200;
  const times: number[] = [];
  const answers: { query: Float32Array; ids: number[] }[] = [];
  for (let i = 0; i < asked; i++) {
    const query = draw();
    const begun = performance.now();
    const found = await index.searchVector(query, 10);
    times.push(performance.now() - begun);
    answers.push({ query, ids: found.map(({ documentId }) => Number(documentId)) });
  }
  let hits = 0;
  for (const { query, ids } of answers) {
    const scores = vectors.map((vector) => vector.reduce((sum, value, k) => sum + value * (query[k] as number), 0));
    const tenth = Float64Array.from(scores).sort().at(-10) ?? 0;
    hits += ids.filter((id) => (scores[id] as number) >= tenth - 1e-6).length;
  }
  const line = (what: string, all: readonly number[], limit: number) => {
    const sorted = Float64Array.from(all).sort();
    const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
    console.log(
      `${what}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms (target < ${limit}) ${p95 < limit ? 'reached' : 'MISSED'}`,
    );
  };
  line('vector search (HNSW)', times, 50);
  const recall = hits / (10 * asked);
  console.log(
    `recall@10 against exact: ${recall.toFixed(3)} (target >= 0.95) ${recall >= 0.95 ? 'reached' : 'MISSED'}`,
  );
  const words: number[] = [];
  for (const query of queries) {
    const begun = performance.now();
    await index.searchText(query, 10);
    words.push(performance.now() - begun);
  }
  line('BM25', words, 20);
  await index.close();
}

try {
  if (existsSync(options.model)) {
    const rates: [number, number][] = [];
    // In turns: what else the machine does hits both.
    for (const turn of [1, 2, 3]) {
      // New ones each time: what was embedded once comes from the cache.
      const texts = Array.from({ length: Number(options.texts) }, (_, i) => `${turn} ${i} ${textOf(3)}`);
      rates.push([await bareRate(resolve(options.model), texts), await ingestRate(texts, `turn${turn}`)]);
      const [bare, ours] = rates.at(-1) as [number, number];
      console.log(
        `turn ${turn}: bare ONNX Runtime ${bare.toFixed(1)}/s, forge ingest ${ours.toFixed(1)}/s, ratio ${(ours / bare).toFixed(2)}`,
      );
    }
    const ratio = quantile(Float64Array.from(rates.map(([bare, ours]) => ours / bare)).sort(), 0.5);
    console.log(`median ratio ${ratio.toFixed(2)} (target >= 0.9) ${ratio >= 0.9 ? 'reached' : 'MISSED'}`);
  } else
    console.log(`${options.model} is not a folder here: the ingestion rate is skipped (see the head of this file)`);
  await searchAt(Number(options.chunks));
} finally {
  await rm(dir, { recursive: true, force: true });
}
