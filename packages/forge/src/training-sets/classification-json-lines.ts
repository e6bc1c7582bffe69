import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { reaching } from '../lib/option-reach.ts';
import { maxRowBytesOption, textColumn } from '../lib/table-dataset.ts';
import { formatOf, openTableFile } from '../lib/table-file.ts';
import { createTrainingSet, optionalText } from '../lib/training-rows.ts';
import type { TrainingSet, TrainingSetParts } from '../training-set.ts';

const columns = z.strictObject({
  first: z.string().default('premise').describe('Column of the first text.'),
  second: z.string().default('hypothesis').describe('Column of the second text.'),
  label: z.string().default('label').describe('Column of what they are to each other.'),
  id: z.string().default('id').describe('Column of the row’s id; its number where there is none.'),
  cluster: z
    .string()
    .default('cluster')
    .describe('Column that says which rows belong together and never fall into different splits; else both texts.'),
});

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file; .jsonl.gz, .csv and .parquet are read too.'),
  columns: columns.prefault({}).describe('Which column is what; a dot goes into nested values.'),
  maxRowBytes: maxRowBytesOption,
});

/** Pairs of texts with a label, e.g. `{"premise": "Ann has a cat.", "hypothesis": "Ann has a pet.", "label": "entailment"}`. */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'classification-json-lines',
  summary: 'Pairs of texts of a local file, each with a label: premise and hypothesis, say.',
  options,
  async create({ path, columns: at, maxRowBytes }, { baseDir }) {
    const full = resolve(baseDir, path);
    const source = await openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir, maxRowBytes });
    return createTrainingSet('classification-json-lines', 'classification', source, (numbered) => {
      const { index, row, where } = numbered;
      const cluster = optionalText(numbered, 'cluster', at.cluster, 'cluster');
      return {
        kind: 'classification',
        id: optionalText(numbered, 'id', at.id, 'id') ?? String(index),
        first: textColumn(row, where, 'first', at.first),
        second: textColumn(row, where, 'second', at.second),
        label: textColumn(row, where, 'label', at.label),
        ...(cluster === undefined ? {} : { cluster }),
      };
    });
  },
};
