import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { reaching } from '../lib/option-reach.ts';
import { createRandom } from '../lib/random.ts';
import { createTableDataset, maxRowBytesOption, textColumn, valueAt } from '../lib/table-dataset.ts';
import { formatOf, openTableFile } from '../lib/table-file.ts';

const options = z.strictObject({
  path: reaching('file', z.string().min(1)).describe(
    'The file: prompt, chosen and rejected on each line; also .jsonl.gz, .csv, .parquet.',
  ),
  seed: z.number().int().min(0).default(0).describe('Of the order in which the two answers are shown.'),
  maxRowBytes: maxRowBytesOption,
});

/**
 * Preference pairs as questions: the prompt, the two answers as choices in an order drawn for each, the chosen one as the
 * target. With the method choose, exact-match is preference accuracy. Reads what `forge pairs` and the splits of `forge train`
 * write, e.g. `{"id": "7", "prompt": "Question: What is 2 + 2?\nAnswer:", "chosen": " 4", "rejected": " 5"}`.
 */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'preference-pairs',
  summary: 'Preference pairs of a local file as questions with two choices, for the method choose.',
  options,
  async create({ path, seed, maxRowBytes }, { baseDir }) {
    const full = resolve(baseDir, path);
    const source = await openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir, maxRowBytes });
    return createTableDataset('preference-pairs', source, ({ index, row, where }) => {
      const text = (column: 'id' | 'prompt' | 'chosen' | 'rejected' | 'cluster') =>
        textColumn(row, where, column, column);
      const has = (column: string) => valueAt(row, column) !== undefined;
      const id = has('id') ? text('id') : String(index);
      const [chosen, rejected] = [text('chosen'), text('rejected')];
      if (chosen === rejected)
        throw new ConfigError(`${where}: chosen and rejected are the same text: there is nothing to choose`);
      const swapped = createRandom(`pair ${seed} ${id}`).below(2) === 1;
      return {
        id,
        text: text('prompt'),
        choices: swapped ? [rejected, chosen] : [chosen, rejected],
        targets: [chosen],
        ...(has('cluster') ? { cluster: text('cluster') } : {}),
      };
    });
  },
};
