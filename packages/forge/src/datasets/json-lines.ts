import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { reaching } from '../lib/option-reach.ts';
import { columnsSchema, createTableDataset, exampleFromColumns, maxRowBytesOption } from '../lib/table-dataset.ts';
import { openTableFile } from '../lib/table-file.ts';

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file: one JSON object on each line.'),
  columns: columnsSchema.prefault({}).describe('Which column is what.'),
  maxRowBytes: maxRowBytesOption,
});

/** Rows of a local JSON Lines file, e.g. `{"question": "What is 2 + 2?", "answer": "4"}`. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'json-lines',
  summary: 'A local file with one JSON object on each line.',
  options,
  async create({ path, columns, maxRowBytes }, { baseDir }) {
    const source = await openTableFile(resolve(baseDir, path), { format: 'json-lines', baseDir, maxRowBytes });
    return createTableDataset('json-lines', source, (row) => exampleFromColumns(row, columns));
  },
};
