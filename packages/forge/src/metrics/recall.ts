import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { rankedDocuments, recallAt } from '../lib/retrieval-scores.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ k: z.int().min(1).max(1000).default(10).describe('Documents that count.') });

/** Share of the relevant documents among the first k. Needs a data set that names the relevant documents. Equal to trec_eval. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'recall',
  summary: 'Share of the relevant documents among the first k.',
  options,
  create: ({ k }) => ({
    name: 'recall',
    binary: false,
    score: (example, prediction) => recallAt(k, rankedDocuments(example, prediction)),
  }),
};
