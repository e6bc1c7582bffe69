import type { Surroundings } from './definition.ts';

/** A piece of a document, as an index holds it. */
export interface Chunk {
  /** sha256 (hex) of document id, position, title and text: the same content has the same id. */
  readonly id: string;
  readonly documentId: string;
  readonly title: string;
  readonly url: string;
  /** 0-based place of the chunk in its document. */
  readonly position: number;
  readonly text: string;
}

export interface FoundChunk extends Chunk {
  /** Cosine for vectors, BM25 for text: higher is better. */
  readonly score: number;
}

/** Chunks with their vectors, to be searched by vector and by text. */
export interface PassageIndex {
  readonly name: string;
  readonly dimension: number;
  count(): Promise<number>;
  /** Ids of all chunks. */
  chunkIds(): Promise<ReadonlySet<string>>;
  /** Idempotent: a chunk that is there already is left as it is. Durable when it resolves. */
  add(chunks: readonly (Chunk & { readonly vector: Float32Array })[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Makes what was added quick to search; call after the last add. */
  finish(): Promise<void>;
  /** Best first. */
  searchVector(vector: Float32Array, limit: number): Promise<readonly FoundChunk[]>;
  /** BM25 over title and text (k1 = 1.2, b = 0.75), best first. */
  searchText(query: string, limit: number): Promise<readonly FoundChunk[]>;
  close(): Promise<void>;
}

/** What an index is opened with. */
export interface PassageIndexParts extends Surroundings {
  /** Of the corpus: lower-case letters, digits, dots, dashes, underscores. */
  readonly corpus: string;
  readonly dimension: number;
}
