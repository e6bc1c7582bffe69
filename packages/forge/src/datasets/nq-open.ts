// Licence: CC BY-SA 3.0. Source: https://github.com/google-research-datasets/natural-questions, on the hub as
// google-research-datasets/nq_open. One row: {"question": "when was the last time anyone was on the moon", "answer": ["14 December 1972
// UTC", "December 1972"]}
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { columnsSchema, createTableDataset, exampleFromColumns } from '../lib/table-dataset.ts';

const options = z.strictObject(knownDatasetOptions('validation'));

/** Questions of search-engine users with short answers (Lee et al. 2019, https://arxiv.org/abs/1906.00300). */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'nq-open',
  summary: 'Natural Questions, open: real search queries with short answers (validation: 3,610).',
  options,
  async create(settings, s) {
    const source = await openKnownDataset(settings, { repo: 'google-research-datasets/nq_open', config: 'nq_open' }, s);
    const columns = columnsSchema.parse({});
    return createTableDataset('nq-open', source, (row) => exampleFromColumns(row, columns));
  },
};
