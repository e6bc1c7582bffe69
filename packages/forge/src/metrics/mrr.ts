import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { rankedDocuments, reciprocalRankAt } from '../lib/retrieval-scores.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ k: z.int().min(1).max(1000).default(10).describe('Documents that count.') });

/** Mean reciprocal rank of the first relevant document, among the first k. Needs a data set that names the relevant documents. Equal to trec_eval. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'mrr',
  summary: 'Mean reciprocal rank of the first relevant document, among the first k.',
  options,
  create: ({ k }) => ({
    name: 'mrr',
    binary: false,
    score: (example, prediction) => reciprocalRankAt(k, rankedDocuments(example, prediction)),
  }),
};
