import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { corpusOptions, openVectors, passageOf } from '../lib/corpus-options.ts';
import { reciprocalRankFusion, weightedFusion } from '../lib/rank-fusion.ts';
import type { Passage, Retriever, RetrieverParts } from '../retriever.ts';

const options = z.strictObject({
  ...corpusOptions,
  fusion: z
    .enum(['rrf', 'weighted'])
    .default('rrf')
    .describe('Reciprocal ranks (k = 60), or a weighted sum of scores.'),
  denseWeight: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('weighted: the share of the vectors; the rest is BM25’s.'),
  candidates: z.int().min(1).max(1000).default(50).describe('Passages that each side brings.'),
});

/** Vectors and words together: each finds what the other one misses. */
export const definition: Definition<Retriever, RetrieverParts, typeof options> = {
  name: 'hybrid',
  summary: 'Dense and BM25 results merged, by reciprocal ranks or by weighted scores.',
  options,
  async create({ fusion, denseWeight, candidates, ...settings }, parts) {
    const opened = await openVectors(parts, settings);
    const { index, embedder } = opened;
    return {
      name: 'hybrid',
      fingerprint: `hybrid ${fusion} ${denseWeight} ${candidates} ${opened.fingerprint}`,
      async retrieve(query, topK, signal) {
        const limit = Math.max(candidates, topK);
        const [[vector], words] = await Promise.all([embedder.embed([query], signal), index.searchText(query, limit)]);
        const near = vector === undefined ? [] : await index.searchVector(vector, limit);
        const dense = near.map((chunk) => passageOf(chunk, 'dense'));
        const bm25 = words.map((chunk) => passageOf(chunk, 'bm25'));
        const stagesOf = new Map<string, Passage['stages']>();
        for (const { id, stages } of [...dense, ...bm25]) stagesOf.set(id, { ...stagesOf.get(id), ...stages });
        const fused =
          fusion === 'rrf'
            ? reciprocalRankFusion([dense, bm25])
            : weightedFusion([
                { items: dense, weight: denseWeight },
                { items: bm25, weight: 1 - denseWeight },
              ]);
        return fused
          .slice(0, topK)
          .map(({ item, score }) => ({ ...item, score, stages: { ...stagesOf.get(item.id), hybrid: score } }));
      },
    };
  },
};
