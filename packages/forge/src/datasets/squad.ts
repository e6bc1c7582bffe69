// Licence: CC BY-SA 4.0. Source: https://rajpurkar.github.io/SQuAD-explorer/, on the hub as rajpurkar/squad.
// One row: {"id": "56be4db0acb8001400a502ec", "title": "Super_Bowl_50", "context": "Super Bowl 50 was an American football game [...]",
// "question": "Which NFL team represented the AFC at Super Bowl 50?", "answers": {"text": ["Denver Broncos", ...], "answer_start": [...]}}
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { openSquadFile } from '../lib/squad-file.ts';
import { columnsSchema, createTableDataset, exampleFromColumns } from '../lib/table-dataset.ts';

const options = z.strictObject(knownDatasetOptions('validation'));

/** Questions on Wikipedia paragraphs (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250); errors are clustered by article. */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'squad',
  summary: 'SQuAD 1.1: spans of Wikipedia paragraphs (validation: 10,570).',
  options,
  async create(settings, s) {
    const nested = settings.path?.toLowerCase().endsWith('.json') ? resolve(s.baseDir, settings.path) : undefined;
    const source =
      nested === undefined
        ? await openKnownDataset(settings, { repo: 'rajpurkar/squad', config: null }, s)
        : await openSquadFile(nested, s.baseDir);
    const columns = columnsSchema.parse({ id: 'id', answer: 'answers.text', context: 'context', cluster: 'title' });
    return createTableDataset('squad', source, (row) => exampleFromColumns(row, columns));
  },
};
