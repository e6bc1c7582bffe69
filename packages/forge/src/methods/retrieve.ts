import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import type { Method, MethodParts } from '../method.ts';

const options = z.strictObject({
  retriever: componentReference('retriever').describe('What finds passages.'),
  topK: z.int().min(1).max(1000).default(10).describe('Passages that are kept.'),
});

/** Retrieval alone, no model is asked: for retrieval metrics over many queries. The answer is the first passage's document. */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'retrieve',
  summary: 'Retrieval alone: no model is asked. For recall, MRR and nDCG.',
  options,
  create({ retriever: spec, topK }, parts) {
    const open = lazy(() => parts.retriever(specOf(spec)));
    return {
      name: 'retrieve',
      prepare: async () => ({ retriever: (await open()).fingerprint }),
      preview: () => ({ prompts: [] }),
      async solve(question, { signal }) {
        const passages = await (await open()).retrieve(question.text, topK, signal);
        const steps = passages.map(({ text, ...passage }, i) => ({ kind: 'passage', text, ...passage, rank: i + 1 }));
        return { answer: passages[0]?.documentId ?? '', steps, flags: passages.length === 0 ? ['empty'] : [] };
      },
    };
  },
};
