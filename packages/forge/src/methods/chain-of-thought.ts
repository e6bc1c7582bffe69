import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Generation } from '../engine.ts';
import { type ParsedAnswer, parseReasonedAnswer } from '../lib/parse-answer.ts';
import { createPrompt, promptOptions } from '../lib/question-prompt.ts';
import type { Method, MethodParts, PredictionFlag, Step } from '../method.ts';

const options = z.strictObject({
  template: z
    .string()
    .default("{context}\nQuestion: {question}\n{choices}\nLet's think step by step.")
    .describe('The prompt. A line with only a placeholder is left out where it is empty.'),
  exampleTemplate: z
    .string()
    .default("{context}\nQuestion: {question}\nLet's think step by step.\n{reasoning}\nAnswer: {answer}")
    .describe('How a worked example is shown.'),
  stop: z.array(z.string().min(1)).max(16).default(['\nQuestion:']).describe('Where the reasoning ends.'),
  samples: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('Self-consistency: how many reasonings are drawn; the most frequent answer wins. Needs temperature > 0.'),
  ...promptOptions,
});

/** The answer that most samples gave, by its text without case and spaces; the earliest of equals. */
function majority(answers: readonly string[]): string {
  const votes = new Map<string, { answer: string; count: number }>();
  for (const answer of answers) {
    if (answer === '') continue;
    const key = answer.toLowerCase().replace(/\s+/g, ' ');
    const vote = votes.get(key) ?? { answer, count: 0 };
    vote.count++;
    votes.set(key, vote);
  }
  let best = { answer: '', count: 0 };
  for (const vote of votes.values()) if (vote.count > best.count) best = vote;
  return best.answer;
}

function flagsOf(
  generations: readonly Generation[],
  parsed: readonly ParsedAnswer[],
  answer: string,
): PredictionFlag[] {
  const flags: PredictionFlag[] = [];
  if (answer === '') flags.push('empty');
  if (generations.some((generation) => generation.finishReason === 'length')) flags.push('cut-off');
  if (parsed.some((one) => one.by === 'last-sentence')) flags.push('fallback-parse');
  return flags;
}

/**
 * Zero-shot chain of thought (Kojima et al. 2022, https://arxiv.org/abs/2205.11916), few-shot with `examples` that have
 * reasoning (Wei et al. 2022, https://arxiv.org/abs/2201.11903), self-consistency with `samples` > 1
 * (Wang et al. 2023, https://arxiv.org/abs/2203.11171).
 */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'chain-of-thought',
  summary: 'Reasoning first, then the answer; `samples` > 1 takes the majority of several reasonings.',
  options,
  create(settings) {
    const prompt = createPrompt(settings);
    return {
      name: 'chain-of-thought',
      preview: (question) => ({ prompts: Array<string>(settings.samples).fill(prompt(question)) }),
      async solve(question, context) {
        const request = { prompt: prompt(question), stop: [...context.sampling.stop, ...settings.stop] };
        const generations = await Promise.all(
          Array.from({ length: settings.samples }, (_, sample) => context.generate({ ...request, sample })),
        );
        const parsed = generations.map((generation) => parseReasonedAnswer(generation.text));
        const answer = majority(parsed.map((one) => one.answer));
        const steps: Step[] = generations.map((generation, i) => ({
          kind: 'reasoning',
          text: generation.text,
          answer: parsed[i]?.answer ?? '',
        }));
        return { answer, steps, flags: flagsOf(generations, parsed, answer) };
      },
    };
  },
};
