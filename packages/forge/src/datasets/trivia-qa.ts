// Licence: Apache-2.0. Source: https://github.com/mandarjoshi90/triviaqa, on the hub as mandarjoshi/trivia_qa (rc.nocontext).
// One row of the hub: {"question": "Who was the man behind The Chipmunks?", "question_id": "tc_2", "answer": {"aliases": ["David
// Seville"], "normalized_aliases": ["david seville"], "value": "David Seville", ...}, ...}
import { z } from 'zod';
import type { Dataset, DatasetParts } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { columnsSchema, createTableDataset, exampleFromColumns } from '../lib/table-dataset.ts';

const options = z.strictObject(knownDatasetOptions('validation'));

const ofHub = columnsSchema.parse({ id: 'question_id', answer: 'answer.aliases' });
/** Plain copies: {"id": ..., "question": ..., "answers": [...]}. */
const plain = columnsSchema.parse({ id: 'id', answer: 'answers' });

/** Trivia questions with all aliases of the answer (Joshi et al. 2017, https://arxiv.org/abs/1705.03551). */
export const definition: Definition<Dataset, DatasetParts, typeof options> = {
  name: 'trivia-qa',
  summary: 'TriviaQA without context: trivia questions with answer aliases.',
  options,
  async create(settings, s) {
    const source = await openKnownDataset(settings, { repo: 'mandarjoshi/trivia_qa', config: 'rc.nocontext' }, s);
    return createTableDataset('trivia-qa', source, (row) =>
      exampleFromColumns(row, row.row.answers === undefined ? ofHub : plain),
    );
  },
};
