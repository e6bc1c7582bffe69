import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { chunkText } from '../lib/chunk-text.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import type { Retriever, RetrieverParts } from '../retriever.ts';

const options = z.strictObject({
  first: componentReference('retriever').describe('The retriever whose passages are put into a better order.'),
  crossEncoder: componentReference('cross-encoder')
    .default('cross-encoder')
    .describe('What scores query and passage together.'),
  candidates: z.int().min(1).max(1000).default(50).describe('Passages of the first stage that are scored.'),
});

/** Two stages: a quick retriever, then a cross-encoder over what it found. */
export const definition: Definition<Retriever, RetrieverParts, typeof options> = {
  name: 'reranked',
  summary: 'Another retriever’s passages, put in order by a cross-encoder.',
  options,
  async create({ first: firstSpec, crossEncoder: encoderSpec, candidates }, parts) {
    const [first, crossEncoder] = await Promise.all([
      parts.retriever(specOf(firstSpec)),
      parts.crossEncoder(specOf(encoderSpec)),
    ]);
    return {
      name: 'reranked',
      fingerprint: `reranked ${candidates} ${crossEncoder.fingerprint} of ${first.fingerprint}`,
      async retrieve(query, topK, signal) {
        const found = await first.retrieve(query, Math.max(candidates, topK), signal);
        const texts = found.map(chunkText);
        const scores = found.length === 0 ? [] : await crossEncoder.score(query, texts, signal);
        return found
          .map((passage, i) => ({ passage, score: scores[i] as number }))
          .sort((a, b) => b.score - a.score)
          .slice(0, topK)
          .map(({ passage, score }) => ({ ...passage, score, stages: { ...passage.stages, reranked: score } }));
      },
    };
  },
};
