import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { reaching } from '../lib/option-reach.ts';
import { maxRowBytesOption, textColumn, valueAt } from '../lib/table-dataset.ts';
import { formatOf, openTableFile } from '../lib/table-file.ts';
import { createTrainingSet, optionalText } from '../lib/training-rows.ts';
import type { TrainingSet, TrainingSetParts } from '../training-set.ts';

const columns = z.strictObject({
  query: z.string().default('query').describe('Column of the query.'),
  positive: z.string().default('positive').describe('Column of the text that answers it.'),
  negatives: z.string().default('negatives').describe('Column of a list of texts that do not.'),
  id: z.string().default('id').describe('Column of the row’s id; its number where there is none.'),
  cluster: z
    .string()
    .default('cluster')
    .describe('Column that says which rows belong together and never fall into different splits; else the query.'),
});

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file; .jsonl.gz, .csv and .parquet are read too.'),
  columns: columns.prefault({}).describe('Which column is what; a dot goes into nested values.'),
  maxRowBytes: maxRowBytesOption,
});

const textList = z.array(z.string()).max(10_000);

/** What encoders learn to search from, e.g. `{"query": "Who wrote Emma?", "positive": "Emma is by Jane Austen.", "negatives": ["Emma is a name."]}`. */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'retrieval-json-lines',
  summary: 'Queries of a local file, each with the text that answers it and texts that do not.',
  options,
  async create({ path, columns: at, maxRowBytes }, { baseDir }) {
    const full = resolve(baseDir, path);
    const source = await openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir, maxRowBytes });
    return createTrainingSet('retrieval-json-lines', 'retrieval', source, (numbered) => {
      const { index, row, where } = numbered;
      const negatives = textList.safeParse(valueAt(row, at.negatives));
      if (!negatives.success)
        throw new ConfigError(`${where}: column "${at.negatives}" (columns.negatives): must be a list of texts`);
      const query = textColumn(row, where, 'query', at.query);
      const positive = textColumn(row, where, 'positive', at.positive);
      if (query.trim() === '' || positive.trim() === '') return { leftOut: 'empty text' };
      if (negatives.data.includes(positive)) return { leftOut: 'the positive is among the negatives' };
      const cluster = optionalText(numbered, 'cluster', at.cluster, 'cluster');
      return {
        kind: 'retrieval',
        id: optionalText(numbered, 'id', at.id, 'id') ?? String(index),
        query,
        positive,
        negatives: negatives.data,
        ...(cluster === undefined ? {} : { cluster }),
      };
    });
  },
};
