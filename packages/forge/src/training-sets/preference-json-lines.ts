import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { reaching } from '../lib/option-reach.ts';
import { maxRowBytesOption, textColumn } from '../lib/table-dataset.ts';
import { formatOf, openTableFile } from '../lib/table-file.ts';
import { createPairText, createTrainingSet, optionalText, pairTemplates, preferenceRow } from '../lib/training-rows.ts';
import type { PairLineage, TrainingSet, TrainingSetParts } from '../training-set.ts';

const columns = z.strictObject({
  prompt: z.string().default('prompt').describe('Column of the prompt.'),
  chosen: z.string().default('chosen').describe('Column of the preferred answer.'),
  rejected: z.string().default('rejected').describe('Column of the other answer.'),
  id: z.string().default('id').describe('Column of the pair’s id; the row’s number where there is none.'),
  cluster: z
    .string()
    .default('cluster')
    .describe('Column that says which pairs belong together and never fall into different splits; else the prompt.'),
});

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe(
    'The file, as `forge pairs` writes it, say; .jsonl.gz, .csv and .parquet are read too.',
  ),
  columns: columns.prefault({}).describe('Which column is what; a dot goes into nested values.'),
  ...pairTemplates('{prompt}', '{answer}'),
  maxRowBytes: maxRowBytesOption,
});

const lineageSchema = z.object({
  experimentId: z.string(),
  exampleId: z.string(),
  chosenRunId: z.string(),
  rejectedRunId: z.string(),
}) satisfies z.ZodType<PairLineage>;

function lineageOf(value: unknown, where: string): { lineage?: PairLineage } {
  if (value === undefined || value === null) return {};
  const parsed = lineageSchema.safeParse(value);
  if (parsed.success) return { lineage: parsed.data };
  const keys = Object.keys(lineageSchema.shape).join(', ');
  throw new ConfigError(`${where}: column "lineage" must be an object with the texts ${keys}`);
}

/** Pairs of answers in a file, e.g. `{"prompt": "Question: What is 2 + 2?\nAnswer:", "chosen": " 4", "rejected": " 5"}`. */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'preference-json-lines',
  summary: 'Preference pairs of a local file: prompt, chosen and rejected answer.',
  options,
  async create({ path, columns: at, maxRowBytes, ...templates }, { baseDir }) {
    const full = resolve(baseDir, path);
    const text = createPairText(templates);
    const source = await openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir, maxRowBytes });
    return createTrainingSet('preference-json-lines', 'preference', source, (numbered) => {
      const { index, row, where } = numbered;
      const cluster = optionalText(numbered, 'cluster', at.cluster, 'cluster');
      const pair = {
        id: optionalText(numbered, 'id', at.id, 'id') ?? String(index),
        prompt: textColumn(row, where, 'prompt', at.prompt),
        chosen: textColumn(row, where, 'chosen', at.chosen),
        rejected: textColumn(row, where, 'rejected', at.rejected),
        ...(cluster === undefined ? {} : { cluster }),
        ...lineageOf(row.lineage, where),
      };
      return preferenceRow(pair, text);
    });
  },
};
