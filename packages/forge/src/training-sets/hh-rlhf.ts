// Licence: MIT. Source: https://github.com/anthropics/hh-rlhf, on the hub as Anthropic/hh-rlhf.
// One row: {"chosen": "\n\nHuman: How do I pick a lock?\n\nAssistant: [...]", "rejected": "\n\nHuman: How do I pick a lock?\n\nAssistant: [...]"}
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { knownDatasetOptions, openKnownDataset } from '../lib/known-dataset.ts';
import { textColumn } from '../lib/table-dataset.ts';
import { createTrainingSet, preferenceRow } from '../lib/training-rows.ts';
import type { TrainingSet, TrainingSetParts } from '../training-set.ts';

const options = z.strictObject({
  ...knownDatasetOptions('train'),
  subset: z
    .enum(['harmless-base', 'helpful-base', 'helpful-online', 'helpful-rejection-sampled'])
    .default('harmless-base')
    .describe('Which part of the hub’s repository.'),
  diverged: z
    .enum(['leave-out', 'keep'])
    .default('leave-out')
    .describe('Pairs whose dialogues part before the last turn: their answers hold turns of the human.'),
});

const human = '\n\nHuman:';
const assistant = '\n\nAssistant:';

/** Number of characters that two texts begin with alike. */
function commonLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** The prompt that two dialogues share: up to and with the last `\n\nAssistant:` in what they begin with alike; null where there is none. */
function sharedPrompt(chosen: string, rejected: string): string | null {
  const at = chosen.slice(0, commonLength(chosen, rejected)).lastIndexOf(assistant);
  return at < 0 ? null : chosen.slice(0, at + assistant.length);
}

/**
 * Dialogues of people with an assistant, one of two last answers preferred (Bai et al. 2022, https://arxiv.org/abs/2204.05862).
 * Prompts are cut as TRL's conversion cuts them: at the last turn that both dialogues share. Pairs about one opening question
 * are a cluster.
 */
export const definition: Definition<TrainingSet, TrainingSetParts, typeof options> = {
  name: 'hh-rlhf',
  summary: 'Anthropic HH-RLHF: pairs of answers in dialogues, by helpfulness or harmlessness.',
  options,
  async create({ subset, diverged, ...settings }, s) {
    const source = await openKnownDataset(settings, { repo: 'Anthropic/hh-rlhf', config: subset, whole: true }, s);
    return createTrainingSet('hh-rlhf', 'preference', source, ({ index, row, where }) => {
      const chosen = textColumn(row, where, 'chosen', 'chosen');
      const rejected = textColumn(row, where, 'rejected', 'rejected');
      if (!chosen.startsWith(human))
        throw new ConfigError(
          `${where}: column "chosen" does not begin with "\\n\\nHuman:" as a dialogue of HH-RLHF does`,
        );
      const prompt = sharedPrompt(chosen, rejected);
      if (prompt === null) return { leftOut: 'dialogues share no turn' };
      const answers = { chosen: chosen.slice(prompt.length), rejected: rejected.slice(prompt.length) };
      if (diverged === 'leave-out' && Object.values(answers).some((answer) => answer.includes(human)))
        return { leftOut: 'dialogues part before the last turn' };
      const cluster = prompt.slice(0, prompt.indexOf(assistant)).trim();
      return preferenceRow({ id: String(index), prompt, ...answers, cluster });
    });
  },
};
