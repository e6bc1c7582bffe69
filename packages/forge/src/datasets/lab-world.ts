// Licence: Apache-2.0 (ours). Source: made by datasets/lab-world/generate.ts of this repository.
// One row: {"id":"arithmetic-test-0001","family":"arithmetic","question":"Vera has 58 stones. Vera sells 13. How many stones does
// Vera have now?","answer":["45"],"steps":1}
import { join } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { root } from '../lib/installation.ts';
import { columnsSchema, createTableDataset, exampleFromColumns } from '../lib/table-dataset.ts';
import { openTableFile } from '../lib/table-file.ts';

const options = z.strictObject({
  split: z
    .enum(['arithmetic', 'known-facts', 'reading', 'documents', 'multi-hop', 'calculator', 'tools', 'faithfulness'])
    .default('arithmetic')
    .describe('Which kind of question.'),
  part: z
    .enum(['test', 'train'])
    .default('test')
    .describe('Held-out rows, or rows for worked examples (arithmetic and reading only).'),
});

/** Families each of whose steps is one call of a tool. */
const toolFamilies = new Set(['documents', 'multi-hop', 'calculator']);

const folder = join(root, 'datasets', 'lab-world');

/** Questions about an invented world that no model has read about, made by a seeded generator. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'lab-world',
  summary: 'The bundled invented world: word problems, facts, passages, multi-hop and calculator questions, claims.',
  options,
  async create({ split, part }) {
    const path = join(folder, `${split}.${part}.jsonl`);
    const source = await openTableFile(path, {
      format: 'json-lines',
      baseDir: root,
      maxRowBytes: 1_000_000,
    });
    const plain = columnsSchema.parse(
      split === 'faithfulness' ? { id: 'id', question: 'claim', context: 'premise', answer: 'label' } : { id: 'id' },
    );
    return createTableDataset('lab-world', source, (row) =>
      exampleFromColumns(row, {
        ...plain,
        ...(row.row.context === undefined ? {} : { context: 'context' }),
        ...(row.row.gold === undefined ? {} : { relevant: 'gold' }),
        ...(toolFamilies.has(String(row.row.family)) ? { neededCalls: 'steps' } : {}),
      }),
    );
  },
};
