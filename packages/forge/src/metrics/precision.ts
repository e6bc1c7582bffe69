import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { precisionAt, rankedDocuments } from '../lib/retrieval-scores.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ k: z.int().min(1).max(1000).default(10).describe('Documents that count.') });

/** Share of relevant documents among the first k. Needs a data set that names the relevant documents. Equal to trec_eval. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'precision',
  summary: 'Share of relevant documents among the first k.',
  options,
  create: ({ k }) => ({
    name: 'precision',
    binary: false,
    score: (example, prediction) => precisionAt(k, rankedDocuments(example, prediction)),
  }),
};
