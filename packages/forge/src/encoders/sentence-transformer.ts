import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Embedder, EncoderParts } from '../encoder.ts';
import { modelOption, modelOptions, openModelThread } from './transformers/model-thread.ts';

const options = z.strictObject({
  model: modelOption('sentence-transformers/all-MiniLM-L6-v2'),
  pooling: z.enum(['mean', 'cls']).default('mean').describe('How the vectors of the tokens become one.'),
  ...modelOptions,
});

/** Sentence embeddings (Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084) through transformers.js. */
export const definition: Definition<Embedder, EncoderParts, typeof options> = {
  name: 'sentence-transformer',
  summary: 'A sentence embedding model in ONNX, through transformers.js.',
  options,
  async create(settings, parts) {
    const thread = await openModelThread('embedding', settings, parts);
    return {
      name: 'sentence-transformer',
      fingerprint: thread.fingerprint,
      dimension: thread.dimension,
      maxTokens: thread.maxTokens,
      embed: thread.embed,
      countTokens: thread.countTokens,
      close: thread.close,
    };
  },
};
