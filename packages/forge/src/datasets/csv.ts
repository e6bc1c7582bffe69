import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { reaching } from '../lib/option-reach.ts';
import { columnsSchema, createTableDataset, exampleFromColumns, maxRowBytesOption } from '../lib/table-dataset.ts';
import { openTableFile } from '../lib/table-file.ts';

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file; its first line names the columns.'),
  delimiter: z.string().length(1).optional().describe('Between fields; a tab for .tsv files, else a comma.'),
  columns: columnsSchema.prefault({}).describe('Which column is what.'),
  maxRowBytes: maxRowBytesOption,
});

/** Rows of a local CSV or TSV file (RFC 4180) with a header, e.g. `question,answer` and `What is 2 + 2?,4`. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'csv',
  summary: 'A local CSV or TSV file with a header line.',
  options,
  async create({ path, delimiter, columns, maxRowBytes }, { baseDir }) {
    const source = await openTableFile(resolve(baseDir, path), {
      format: 'csv',
      baseDir,
      maxRowBytes,
      ...(delimiter === undefined ? {} : { delimiter }),
    });
    return createTableDataset('csv', source, (row) => exampleFromColumns(row, columns));
  },
};
