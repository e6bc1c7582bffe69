// Licence: MIT. Source: https://huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized.
// One row: {"prompt": "how can i [...]?", "prompt_id": "4f2c[...]", "chosen": [{"role": "user", "content": "how can i [...]?"},
// {"role": "assistant", "content": "[...]"}], "rejected": [...], "score_chosen": 8.5, "score_rejected": 6}
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { textColumn } from '../lib/table-dataset.ts';
import { createPairText, createTrainingSet, pairTemplates, preferenceRow } from '../lib/training-rows.ts';
import type { TrainingSet, TrainingSetParts } from '../training-set.ts';

const options = z.strictObject({
  ...knownDatasetOptions('train_prefs'),
  ...pairTemplates('\n\nHuman: {prompt}\n\nAssistant:', ' {answer}'),
});

const dialogue = z.array(z.object({ role: z.string(), content: z.string() })).min(1);

/** What the assistant wrote last. */
function lastAnswer(value: unknown, where: string, column: string): string {
  const last = dialogue.safeParse(value).data?.at(-1);
  if (last?.role === 'assistant') return last.content;
  throw new ConfigError(`${where}: column "${column}" must be a list of {role, content} that ends with the assistant`);
}

function score(value: unknown, where: string, column: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ConfigError(`${where}: column "${column}" must hold a number`);
}

/**
 * Instructions with two answers graded by GPT-4 (Cui et al. 2023, https://arxiv.org/abs/2310.01377; pairs by Tunstall et al. 2023,
 * https://arxiv.org/abs/2310.16944). Pairs whose grades are equal say nothing and are left out.
 */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'ultra-feedback',
  summary: 'UltraFeedback, binarized: instructions with a better and a worse answer.',
  options,
  async create({ promptTemplate, answerTemplate, ...settings }, s) {
    const text = createPairText({ promptTemplate, answerTemplate });
    const hub = { repo: 'HuggingFaceH4/ultrafeedback_binarized', config: null, whole: true };
    const source = await openKnownDataset(settings, hub, s);
    return createTrainingSet('ultra-feedback', 'preference', source, ({ index, row, where }) => {
      const prompt = textColumn(row, where, 'prompt', 'prompt');
      const chosen = lastAnswer(row.chosen, where, 'chosen');
      const rejected = lastAnswer(row.rejected, where, 'rejected');
      const ahead = score(row.score_chosen, where, 'score_chosen') - score(row.score_rejected, where, 'score_rejected');
      if (ahead === 0) return { leftOut: 'equal scores' };
      if (ahead < 0) return { leftOut: 'rejected has the higher score' };
      return preferenceRow({ id: String(index), prompt, chosen, rejected, cluster: prompt }, text);
    });
  },
};
