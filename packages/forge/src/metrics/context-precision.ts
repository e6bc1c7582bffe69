import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { contextPrecision, rankedDocuments } from '../lib/retrieval-scores.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({});

/** Whether relevant passages stand before others. Needs a data set that names the relevant documents. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'context-precision',
  summary: 'Whether relevant passages stand before others: mean precision at each of them.',
  options,
  create: () => ({
    name: 'context-precision',
    binary: false,
    score: (example, prediction) => contextPrecision(rankedDocuments(example, prediction)),
  }),
};
