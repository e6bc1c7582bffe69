import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { specOf } from '../lib/component-reference.ts';
import { corpusOptions, passageOf } from '../lib/corpus-options.ts';
import type { Retriever, RetrieverParts } from '../retriever.ts';

const options = z.strictObject(corpusOptions);

/** Okapi BM25 (Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019) over title and text. */
export const definition: Definition<Retriever, RetrieverParts, typeof options> = {
  name: 'bm25',
  summary: 'The passages that share the query’s rare words.',
  options,
  async create({ corpus, index: reference }, parts) {
    const { index, fingerprint } = await parts.openCorpus(
      corpus,
      reference === undefined ? undefined : specOf(reference),
    );
    return {
      name: 'bm25',
      fingerprint: `bm25 ${fingerprint}`,
      retrieve: async (query, topK) => (await index.searchText(query, topK)).map((chunk) => passageOf(chunk, 'bm25')),
    };
  },
};
