import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Surroundings } from './definition.ts';
import { type EmbeddingCache, embedThrough } from './embedding-cache.ts';
import type { Embedder } from './encoder.ts';
import { ConfigError } from './errors.ts';
import { contentHash } from './lib/canonical-json.ts';
import { chunkText } from './lib/chunk-text.ts';
import { type CorpusDocument, openDocuments } from './lib/corpus-documents.ts';
import { splitChunks } from './lib/split-chunks.ts';
import type { CorpusSpec } from './load-corpus.ts';
import type { Chunk, PassageIndex } from './passage-index.ts';

/** What an ingestion did. */
export interface Ingestion {
  /** Hash of everything that the index was made from. */
  readonly content: string;
  readonly documents: number;
  readonly chunks: number;
  /** Chunks that the index had already. */
  readonly kept: number;
  /** New chunks whose vector was in the embedding cache. */
  readonly cached: number;
  /** New chunks that the model embedded. */
  readonly embedded: number;
  /** Chunks of documents that are no more. */
  readonly removed: number;
  /** Chunks left out because another one has the same content. */
  readonly duplicates: number;
  readonly tookMs: number;
}

const manifestSchema = z.strictObject({
  /** Hash of everything that a chunk or a vector depends on. */
  content: z.string(),
  corpus: z.string(),
  index: z.string(),
  embedder: z.string(),
  dimension: z.number(),
  documents: z.number(),
  chunks: z.number(),
  finishedAt: z.number(),
});
/** What a finished index was made from. */
export type IndexManifest = z.infer<typeof manifestSchema>;

export interface IngestParts {
  readonly embedder: Embedder;
  readonly index: PassageIndex;
  /** Opened only where something has to be embedded. */
  readonly cache: () => Promise<EmbeddingCache>;
  readonly surroundings: Surroundings;
  readonly signal?: AbortSignal | undefined;
}

const batchSize = 256;
const batchesInFlight = 2;

const manifestPath = (corpus: CorpusSpec, s: Surroundings) =>
  join(
    s.cacheDir,
    'indexes',
    corpus.name,
    `${corpus.index.name}-${contentHash(corpus.index.options).slice(0, 8)}.json`,
  );

async function contentOf(corpus: CorpusSpec, embedder: Embedder, s: Surroundings): Promise<string> {
  const fingerprints = [];
  for (const source of corpus.sources) fingerprints.push(await (await openDocuments(source, s)).fingerprint());
  const { sources, chunk, index } = corpus;
  return contentHash({ fingerprints, sources, chunk, index, embedder: embedder.fingerprint });
}

/** What the index of a corpus was made from; undefined where there is no finished one. */
export async function readManifest(corpus: CorpusSpec, s: Surroundings): Promise<IndexManifest | undefined> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(manifestPath(corpus, s), 'utf8')));
  } catch {
    return undefined;
  }
}

/** The manifest of an index that needs no ingestion; undefined where it does. */
export async function upToDate(corpus: CorpusSpec, parts: IngestParts): Promise<IndexManifest | undefined> {
  const manifest = await readManifest(corpus, parts.surroundings);
  if (manifest === undefined || manifest.chunks !== (await parts.index.count())) return undefined;
  return manifest.content === (await contentOf(corpus, parts.embedder, parts.surroundings)) ? manifest : undefined;
}

/** [CLS] and [SEP]. */
const specialTokens = 2;
/** However long a title is, a chunk has some text. */
const leastTextTokens = 8;

/** Throws ConfigError where chunks would be cut off by the embedder. */
function checkChunkSize({ name, chunk }: CorpusSpec, embedder: Embedder): void {
  const most = embedder.maxTokens - specialTokens;
  if (chunk.tokens <= most) return;
  throw new ConfigError(
    `corpus ${name}: chunk.tokens: ${chunk.tokens} is more than the ${most} tokens that the embedder reads; the rest of each chunk would not be found`,
  );
}

async function chunksOf(document: CorpusDocument, corpus: CorpusSpec, embedder: Embedder): Promise<Chunk[]> {
  // The title is embedded with each chunk and needs room too.
  const [titleTokens = 0] = document.title === '' ? [] : await embedder.countTokens([document.title]);
  const room = Math.max(leastTextTokens, embedder.maxTokens - specialTokens - titleTokens);
  const tokens = Math.min(corpus.chunk.tokens, room);
  const size = { tokens, overlap: Math.min(corpus.chunk.overlap, tokens - 1) };
  const texts = await splitChunks(document.text, size, embedder.countTokens);
  const { id: documentId, title, url } = document;
  return texts.map((text, position) => ({
    // The embedder belongs to the id: another model's vectors are other chunks.
    id: contentHash([embedder.fingerprint, documentId, position, title, text]),
    documentId,
    title,
    url,
    position,
    text,
  }));
}

async function writeManifest(path: string, manifest: IndexManifest): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${path}.${process.pid}`, path);
}

/** Documents of all sources, and how many there are. */
async function openCorpusDocuments(corpus: CorpusSpec, s: Surroundings, signal?: AbortSignal) {
  const sources = await Promise.all(corpus.sources.map((source) => openDocuments(source, s)));
  const counts = await Promise.all(sources.map((source) => source.count(signal)));
  async function* documents() {
    for (const source of sources) yield* source.documents(signal);
  }
  return { total: counts.reduce((sum, count) => sum + count, 0), documents };
}

/**
 * Brings an index up to date with its corpus: embeds what is new, removes what is no more, leaves the rest. Durable batch by
 * batch: after a crash the next call goes on. Throws ConfigError.
 */
export async function ingestCorpus(corpus: CorpusSpec, parts: IngestParts): Promise<Ingestion> {
  const { embedder, index, cache, surroundings, signal } = parts;
  const started = surroundings.now();
  checkChunkSize(corpus, embedder);
  const content = await contentOf(corpus, embedder, surroundings);
  const { total, documents } = await openCorpusDocuments(corpus, surroundings, signal);
  const stored = await index.chunkIds();
  const seen = new Set<string>();
  const texts = new Set<string>();
  const counts = { documents: 0, chunks: 0, kept: 0, cached: 0, embedded: 0, duplicates: 0 };
  let waiting: Chunk[] = [];
  const flushing: Promise<void>[] = [];

  async function flush(batch: readonly Chunk[]): Promise<void> {
    const { vectors, hits } = await embedThrough(await cache(), embedder, batch.map(chunkText), signal);
    await index.add(batch.map((chunk, i) => ({ ...chunk, vector: vectors[i] as Float32Array })));
    counts.cached += hits;
    counts.embedded += batch.length - hits;
    const seconds = Math.max(0.001, (surroundings.now() - started) / 1000);
    surroundings.notify({
      level: 'progress',
      message: `corpus ${corpus.name}: ${counts.documents} of ${total} documents, ${((counts.cached + counts.embedded) / seconds).toFixed(0)} chunks/s`,
      done: counts.documents,
      total,
      unit: 'rows',
    });
  }

  for await (const document of documents()) {
    signal?.throwIfAborted();
    counts.documents++;
    for (const chunk of await chunksOf(document, corpus, embedder)) {
      const same = contentHash([chunk.title, chunk.text]);
      if (texts.has(same)) {
        counts.duplicates++;
        continue;
      }
      texts.add(same);
      seen.add(chunk.id);
      counts.chunks++;
      if (stored.has(chunk.id)) counts.kept++;
      else waiting.push(chunk);
      if (waiting.length < batchSize) continue;
      // Documents are read and cut while the model embeds, and its threads find the next batch when they end with one.
      if (flushing.length >= batchesInFlight) await flushing.shift();
      const flushed = flush(waiting);
      flushed.catch(() => {});
      flushing.push(flushed);
      waiting = [];
    }
  }
  await Promise.all(flushing);
  if (waiting.length > 0) await flush(waiting);
  if (counts.chunks === 0) throw new ConfigError(`corpus ${corpus.name}: its sources hold no text`);
  const gone = [...stored].filter((id) => !seen.has(id));
  if (gone.length > 0) await index.remove(gone);
  await index.finish();
  await writeManifest(manifestPath(corpus, surroundings), {
    content,
    corpus: corpus.name,
    index: corpus.index.name,
    embedder: embedder.fingerprint,
    dimension: embedder.dimension,
    documents: counts.documents,
    chunks: counts.chunks,
    finishedAt: surroundings.now(),
  });
  return { content, ...counts, removed: gone.length, tookMs: surroundings.now() - started };
}
