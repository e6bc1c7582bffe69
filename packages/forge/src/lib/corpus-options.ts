import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { FoundChunk } from '../passage-index.ts';
import type { OpenCorpus, Passage, RetrieverParts } from '../retriever.ts';
import { componentReference, specOf } from './component-reference.ts';
import { reaching } from './option-reach.ts';

/** Options of every retriever that looks into a corpus. */
export const corpusOptions = {
  corpus: reaching('file', z.string().min(1)).describe(
    'Path of the corpus file; it is ingested first where it is not up to date.',
  ),
  index: componentReference('index').optional().describe('Another index than the one that the corpus file names.'),
};

/** A chunk as the only stage so far has found it. */
export function passageOf({ position: _, ...chunk }: FoundChunk, stage: string): Passage {
  return { ...chunk, stages: { [stage]: chunk.score } };
}

/** A corpus with vectors. Throws ConfigError where it was ingested without. */
export async function openVectors(
  parts: RetrieverParts,
  { corpus, index }: { readonly corpus: string; readonly index?: unknown },
): Promise<OpenCorpus> {
  const opened = await parts.openCorpus(corpus, index === undefined ? undefined : specOf(index));
  if (opened.embedder.name !== 'none') return opened;
  throw new ConfigError(
    `corpus ${corpus}: its embedder is none, so that it has no vectors; use bm25, or name an embedder`,
  );
}
