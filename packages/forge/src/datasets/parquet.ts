import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { reaching } from '../lib/option-reach.ts';
import { columnsSchema, createTableDataset, exampleFromColumns, maxRowBytesOption } from '../lib/table-dataset.ts';
import { openTableFile } from '../lib/table-file.ts';

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file.'),
  columns: columnsSchema.prefault({}).describe('Which column is what.'),
  maxRowBytes: maxRowBytesOption,
});

/** Rows of a local Parquet file, read a batch at a time: only the pages that hold chosen rows. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'parquet',
  summary: 'A local Parquet file.',
  options,
  async create({ path, columns, maxRowBytes }, { baseDir }) {
    const source = await openTableFile(resolve(baseDir, path), { format: 'parquet', baseDir, maxRowBytes });
    return createTableDataset('parquet', source, (row) => exampleFromColumns(row, columns));
  },
};
