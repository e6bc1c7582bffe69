import { z } from 'zod';
import type { Question } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { createPrompt, promptOptions } from '../lib/question-prompt.ts';
import type { Method, MethodParts } from '../method.ts';

const options = z.strictObject({
  template: z
    .string()
    .default('{question}')
    .describe('What comes before the choice. A line with only a placeholder is left out where it is empty.'),
  exampleTemplate: z.string().default('{question}{answer}').describe('How a worked example is shown.'),
  separator: z.string().default('').describe('Between the prompt and each choice, e.g. a blank.'),
  normalization: z
    .enum(['none', 'tokens'])
    .default('none')
    .describe('tokens: the mean log-probability of a choice’s tokens decides, not their sum, which short choices win.'),
  end: z
    .boolean()
    .default(true)
    .describe(
      'Whether a choice must end there: without, the beginning of another choice is never the less likely one.',
    ),
  ...promptOptions,
});

function choicesOf({ id, choices }: Question): readonly string[] {
  if (choices !== undefined && choices.length > 1) return choices;
  throw new ConfigError(
    `example ${id}: has no choices, which the method choose picks from; use preference-pairs, or a data set with columns.choices`,
  );
}

/**
 * Picks the choice that the model finds likeliest after the prompt: a look at its log-probabilities, nothing is written (as
 * multiple choice in lm-evaluation-harness, Gao et al. 2021). On preference pairs this is preference accuracy. One step for
 * each choice keeps its log-probability.
 */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'choose',
  summary: 'Picks the likeliest choice by log-probability: multiple choice, preference pairs.',
  options,
  create(settings) {
    const render = createPrompt(settings);
    const continuationOf = (choice: string) => `${settings.separator}${choice}`;
    return {
      name: 'choose',
      preview: (question) => ({
        prompts: choicesOf(question).map((choice) => `${render(question)}${continuationOf(choice)}`),
        maxCompletionTokens: 0,
      }),
      async solve(question, context) {
        const prompt = render(question);
        const scored = await Promise.all(
          choicesOf(question).map(async (choice) => {
            const { total, tokens } = await context.score({
              prompt,
              continuation: continuationOf(choice),
              end: settings.end,
            });
            const score = settings.normalization === 'tokens' ? total / Math.max(1, tokens.length) : total;
            return { choice, score, logprob: total, tokens: tokens.length };
          }),
        );
        const likeliest = scored.reduce((best, one) => (one.score > best.score ? one : best));
        return {
          answer: likeliest.choice,
          steps: scored.map(({ choice, logprob, tokens }) => ({ kind: 'choice', text: choice, logprob, tokens })),
        };
      },
    };
  },
};
