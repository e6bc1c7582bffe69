import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { wordsOf } from '../lib/normalize-answer.ts';
import type { Metric, MetricParts } from '../metric.ts';
import type { CallRecord } from '../run.ts';

const options = z.strictObject({
  unit: z
    .enum(['tokens', 'words', 'characters'])
    .default('tokens')
    .describe('What is counted; tokens are the model’s.'),
});

const lengthIn = {
  tokens: ({ usage }: CallRecord) => usage.completionTokens,
  words: ({ output }: CallRecord) => wordsOf(output).length,
  // People count a character of two UTF-16 units as one.
  characters: ({ output }: CallRecord) => [...output].length,
} as const;

/**
 * How much the model wrote for an example, over all its calls: verbosity. Neither more nor less is better by itself; preference
 * training is known to lengthen answers (Singhal et al. 2023, https://arxiv.org/abs/2310.03716).
 */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'answer-length',
  summary: 'Tokens, words or characters that the model wrote: verbosity; neither more nor less is better.',
  options,
  create({ unit }) {
    const length = lengthIn[unit];
    return {
      name: 'answer-length',
      binary: false,
      unit,
      better: 'neutral',
      score: (_example, _prediction, calls = []) =>
        calls.reduce((sum, call) => (call.sampling.maxTokens === 0 ? sum : sum + length(call)), 0),
    };
  },
};
