// Licence: MIT. Source: https://github.com/openai/grade-school-math, on the hub as openai/gsm8k.
// One row: {"question": "Janet’s ducks lay 16 eggs per day. [...]", "answer": "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 [...]\n#### 18"}
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { columnsSchema, createTableDataset, exampleFromColumns } from '../lib/table-dataset.ts';

const options = z.strictObject(knownDatasetOptions('test'));

/** Grade-school word problems (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168). The target is what follows `####`. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'gsm8k',
  summary: 'GSM8K: grade-school math word problems (test: 1,319).',
  options,
  async create(settings, s) {
    const source = await openKnownDataset(settings, { repo: 'openai/gsm8k', config: 'main' }, s);
    const columns = columnsSchema.parse({});
    return createTableDataset('gsm8k', source, (row) => {
      const { targets, ...question } = exampleFromColumns(row, columns);
      const target = targets[0]?.split('####')[1]?.trim();
      if (target === undefined || target === '')
        throw new ConfigError(`${row.where}: column "answer" has no "#### <number>" at its end`);
      return { ...question, targets: [target] };
    });
  },
};
