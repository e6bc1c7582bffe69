import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { parseDirectAnswer } from '../lib/parse-answer.ts';
import { createPrompt, promptOptions } from '../lib/question-prompt.ts';
import type { Method, MethodParts, PredictionFlag } from '../method.ts';

const options = z.strictObject({
  template: z
    .string()
    .default('{context}\nQuestion: {question}\n{choices}\nAnswer:')
    .describe('The prompt. A line with only a placeholder is left out where it is empty.'),
  exampleTemplate: z
    .string()
    .default('{context}\nQuestion: {question}\nAnswer: {answer}')
    .describe('How a worked example is shown.'),
  stop: z.array(z.string().min(1)).max(16).default(['\n\n', '\nQuestion:']).describe('Where the answer ends.'),
  ...promptOptions,
});

/** Direct prompting: one call, the answer straight after the question. The control of every comparison. */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'naive',
  summary: 'Direct prompting: the answer straight after the question.',
  options,
  create(settings) {
    const prompt = createPrompt(settings);
    return {
      name: 'naive',
      preview: (question) => ({ prompts: [prompt(question)] }),
      async solve(question, context) {
        const generation = await context.generate({
          prompt: prompt(question),
          stop: [...context.sampling.stop, ...settings.stop],
        });
        const { answer } = parseDirectAnswer(generation.text);
        const flags: PredictionFlag[] = [];
        if (answer === '') flags.push('empty');
        if (generation.finishReason === 'length') flags.push('cut-off');
        return { answer, steps: [{ kind: 'answer', text: generation.text }], flags };
      },
    };
  },
};
