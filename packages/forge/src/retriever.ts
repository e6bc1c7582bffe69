import type { ComponentSpec, Surroundings } from './definition.ts';
import type { CrossEncoder, Embedder } from './encoder.ts';
import type { PassageIndex } from './passage-index.ts';

/** What a retriever found for a query. */
export interface Passage {
  readonly id: string;
  readonly documentId: string;
  readonly title: string;
  readonly url: string;
  readonly text: string;
  /** Of the last stage: higher is better. */
  readonly score: number;
  /** The score of every stage that saw it, by the stage's name. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface Retriever {
  readonly name: string;
  /** Of all that can change what is found: corpus, index, models. */
  readonly fingerprint: string;
  /** Rejects with RetrievalError where the index does not answer: the example is then stored as failed. Best first; at most `topK`, fewer where there are not more. */
  retrieve(query: string, topK: number, signal?: AbortSignal): Promise<readonly Passage[]>;
}

/** A corpus that was ingested: its index, and the embedder it was made with. */
export interface OpenCorpus {
  readonly index: PassageIndex;
  /** Of the documents, the chunking, the index's settings and the embedder. */
  readonly fingerprint: string;
  readonly embedder: Embedder;
}

/** What retrievers are made of; opened once for all who name the same, closed after the last run. */
export interface RetrieverParts extends Surroundings {
  /** By the path of the corpus file; ingested first where it is not up to date. `index`: instead of the file's own. */
  openCorpus(path: string, index?: ComponentSpec | undefined): Promise<OpenCorpus>;
  crossEncoder(spec: ComponentSpec): Promise<CrossEncoder>;
  retriever(spec: ComponentSpec): Promise<Retriever>;
}
