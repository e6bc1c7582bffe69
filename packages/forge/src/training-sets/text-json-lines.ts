import { resolve } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { reaching } from '../lib/option-reach.ts';
import type { NumberedRow } from '../lib/row-source.ts';
import { maxRowBytesOption, textColumn, valueAt } from '../lib/table-dataset.ts';
import { formatOf, openTableFile } from '../lib/table-file.ts';
import { createTrainingSet, optionalText } from '../lib/training-rows.ts';
import type { TextSegment, TrainingSet, TrainingSetParts } from '../training-set.ts';

const columns = z.strictObject({
  prompt: z.string().default('prompt').describe('Column of the prompt: given, not trained on.'),
  completion: z.string().default('completion').describe('Column of what the model should write after it.'),
  text: z.string().default('text').describe('Column of a text that is trained on whole.'),
  segments: z.string().default('segments').describe('Column of a list of pieces: {text, weight, stop}.'),
  id: z.string().default('id').describe('Column of the row’s id; its number where there is none.'),
  cluster: z
    .string()
    .default('cluster')
    .describe('Column that says which rows belong together and never fall into different splits; else what is given.'),
});

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe('The file; .jsonl.gz, .csv and .parquet are read too.'),
  columns: columns
    .prefault({})
    .describe('Which column is what; a row has segments, or prompt and completion, or a text.'),
  maxRowBytes: maxRowBytesOption,
});

const segmentList = z
  .array(z.strictObject({ text: z.string(), weight: z.number().min(0).max(1000), stop: z.boolean().optional() }))
  .min(1)
  .max(10_000);

function segmentsOf({ row, where }: NumberedRow, at: z.infer<typeof columns>): readonly TextSegment[] {
  const listed = valueAt(row, at.segments);
  if (listed !== undefined) {
    const parsed = segmentList.safeParse(listed);
    if (parsed.success)
      return parsed.data.map(({ text, weight, stop }) => ({ text, weight, ...(stop === true ? { stop } : {}) }));
    const issue = parsed.error.issues[0];
    throw new ConfigError(
      `${where}: column "${at.segments}" (columns.segments): ${issue?.path.join('.') || 'value'}: ${issue?.message}; it is a list of {text, weight, stop}`,
    );
  }
  if (valueAt(row, at.completion) !== undefined || valueAt(row, at.prompt) !== undefined) {
    return [
      { text: textColumn(row, where, 'prompt', at.prompt), weight: 0 },
      { text: textColumn(row, where, 'completion', at.completion), weight: 1, stop: true },
    ];
  }
  if (valueAt(row, at.text) !== undefined)
    return [{ text: textColumn(row, where, 'text', at.text), weight: 1, stop: true }];
  throw new ConfigError(
    `${where}: neither "${at.segments}" (columns.segments) nor "${at.prompt}" and "${at.completion}" nor "${at.text}" is there. Columns there: ${Object.keys(row).slice(0, 30).join(', ') || 'none'}`,
  );
}

/** Texts to be continued like, e.g. `{"prompt": "Question: What is 2 + 2?\nAnswer:", "completion": " 4"}`. */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'text-json-lines',
  summary: 'Texts of a local file: prompt and completion, plain text, or weighted segments.',
  options,
  async create({ path, columns: at, maxRowBytes }, { baseDir }) {
    const full = resolve(baseDir, path);
    const source = await openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir, maxRowBytes });
    return createTrainingSet('text-json-lines', 'text', source, (numbered) => {
      const segments = segmentsOf(numbered, at);
      if (!segments.some(({ text, weight }) => weight > 0 && text.trim() !== ''))
        return { leftOut: 'nothing to write' };
      const cluster = optionalText(numbered, 'cluster', at.cluster, 'cluster');
      return {
        kind: 'text',
        id: optionalText(numbered, 'id', at.id, 'id') ?? String(numbered.index),
        segments,
        ...(cluster === undefined ? {} : { cluster }),
      };
    });
  },
};
