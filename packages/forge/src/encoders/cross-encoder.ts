import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { CrossEncoder, EncoderParts } from '../encoder.ts';
import { modelOption, modelOptions, openModelThread } from './transformers/model-thread.ts';

const options = z.strictObject({ model: modelOption('cross-encoder/ms-marco-MiniLM-L-6-v2'), ...modelOptions });

/** Passage reranking (Nogueira and Cho 2019, https://arxiv.org/abs/1901.04085) through transformers.js. */
export const definition: Definition<CrossEncoder, EncoderParts, typeof options> = {
  name: 'cross-encoder',
  summary: 'A model in ONNX that scores query and passage together, through transformers.js.',
  options,
  async create(settings, parts) {
    const thread = await openModelThread('classification', settings, parts);
    return {
      name: 'cross-encoder',
      fingerprint: thread.fingerprint,
      async score(query, passages, signal) {
        const logits = await thread.classify(
          passages.map((passage) => [query, passage] as const),
          signal,
        );
        return logits.map(([logit = 0]) => logit);
      },
      close: thread.close,
    };
  },
};
