import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Table } from '@lancedb/lancedb';
import type { Embedder } from './encoder.ts';
import { contentHash } from './lib/canonical-json.ts';

/** Vectors of texts that a model embedded before, on disk. Only ingestion reads it: a measured query is always embedded anew. */
export interface EmbeddingCache {
  /** By text; those that are not there are left out. */
  find(texts: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  add(vectors: ReadonlyMap<string, Float32Array>): Promise<void>;
  close(): Promise<void>;
}

const tableName = 'vectors';
const keyOf = (text: string) => contentHash(text);

/** One LanceDB table for each model and setting: crash-safe, and safe to be used by two processes at once. */
export async function openEmbeddingCache(embedder: Embedder, cacheDir: string): Promise<EmbeddingCache> {
  const lancedb = await import('@lancedb/lancedb');
  const arrow = await import('apache-arrow');
  const folder = join(cacheDir, 'embeddings', contentHash(embedder.fingerprint).slice(0, 16));
  await mkdir(folder, { recursive: true });
  const connection = await lancedb.connect(folder);
  const item = new arrow.Field('item', new arrow.Float32(), true);
  const schema = new arrow.Schema([
    new arrow.Field('key', new arrow.Utf8(), false),
    new arrow.Field('vector', new arrow.FixedSizeList(embedder.dimension, item), false),
  ]);
  const table: Table = await connection.createEmptyTable(tableName, schema, { existOk: true });
  return {
    async find(texts) {
      const found = new Map<string, Float32Array>();
      if (texts.length === 0) return found;
      const byKey = new Map(texts.map((text) => [keyOf(text), text]));
      const list = [...byKey.keys()].map((key) => `'${key}'`).join(', ');
      for (const row of await table.query().where(`key in (${list})`).toArray()) {
        const text = byKey.get(String(row.key));
        if (text !== undefined) found.set(text, Float32Array.from(row.vector as Iterable<number>));
      }
      return found;
    },
    async add(vectors) {
      if (vectors.size === 0) return;
      await table.add([...vectors].map(([text, vector]) => ({ key: keyOf(text), vector: [...vector] })));
    },
    async close() {
      // Every batch is a file of its own until they are merged.
      await table.optimize();
      table.close();
      connection.close();
    },
  };
}

/** One vector for each text: from the cache where it has it, else from the model and then kept. */
export async function embedThrough(
  cache: EmbeddingCache,
  embedder: Embedder,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<{ vectors: Float32Array[]; hits: number }> {
  const known = await cache.find(texts);
  const missing = [...new Set(texts.filter((text) => !known.has(text)))];
  const made = await embedder.embed(missing, signal);
  const fresh = new Map(missing.map((text, i) => [text, made[i] as Float32Array]));
  await cache.add(fresh);
  const vectors = texts.map((text) => (known.get(text) ?? fresh.get(text)) as Float32Array);
  return { vectors, hits: texts.filter((text) => known.has(text)).length };
}
