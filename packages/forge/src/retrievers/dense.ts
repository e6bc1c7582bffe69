import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { corpusOptions, openVectors, passageOf } from '../lib/corpus-options.ts';
import type { Retriever, RetrieverParts } from '../retriever.ts';

const options = z.strictObject(corpusOptions);

/** Dense passage retrieval (Karpukhin et al. 2020, https://arxiv.org/abs/2004.04906): the nearest vectors by cosine. */
export const definition: Definition<Retriever, RetrieverParts, typeof options> = {
  name: 'dense',
  summary: 'The passages whose vectors are nearest to the query’s.',
  options,
  async create(settings, parts) {
    const opened = await openVectors(parts, settings);
    const { index, embedder } = opened;
    return {
      name: 'dense',
      fingerprint: `dense ${opened.fingerprint}`,
      async retrieve(query, topK, signal) {
        const [vector] = await embedder.embed([query], signal);
        if (vector === undefined) return [];
        return (await index.searchVector(vector, topK)).map((chunk) => passageOf(chunk, 'dense'));
      },
    };
  },
};
