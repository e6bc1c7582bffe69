import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Embedder, EncoderParts } from '../encoder.ts';

const options = z.strictObject({});

/** A word or a sign: near enough to a token where no model sets a limit. */
const token = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu;

/** For corpora that are searched by words alone: nothing is embedded, and dense retrievers refuse them. */
export const definition: Definition<Embedder, EncoderParts, typeof options> = {
  name: 'none',
  summary: 'No vectors: the corpus is for BM25 alone, and ingested in seconds.',
  options,
  create: () => ({
    name: 'none',
    fingerprint: 'none',
    dimension: 1,
    maxTokens: 1_000_000,
    embed: async (texts) => texts.map(() => Float32Array.of(1)),
    countTokens: async (texts) => texts.map((text) => text.match(token)?.length ?? 0),
    close: async () => {},
  }),
};
