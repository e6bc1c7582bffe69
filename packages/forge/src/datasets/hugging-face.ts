import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { openHubTable } from '../lib/hub-table.ts';
import { columnsSchema, createTableDataset, exampleFromColumns, maxRowBytesOption } from '../lib/table-dataset.ts';

const options = z.strictObject({
  repo: z.string().min(1).describe('owner/name on the hub.'),
  config: z.string().optional().describe('Configuration (subset) of the repository.'),
  split: z.string().default('test').describe('Which split.'),
  revision: z.string().default('main').describe('Branch, tag or commit; the lock file pins the commit.'),
  columns: columnsSchema.prefault({}).describe('Which column is what.'),
  maxRowBytes: maxRowBytesOption,
});

/** Any data set of the Hugging Face Hub with Parquet, JSON Lines or CSV files. HF_ENDPOINT and HF_TOKEN are honoured. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'hugging-face',
  summary: 'A data set of the Hugging Face Hub by name, split and revision.',
  options,
  async create({ repo, config = null, split, revision, columns, maxRowBytes }, s) {
    const source = await openHubTable({ repo, config, split, revision, maxRowBytes }, s);
    return createTableDataset(repo, source, (row) => exampleFromColumns(row, columns));
  },
};
