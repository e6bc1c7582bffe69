import { z } from 'zod';
import type { Question } from '../dataset.ts';
import type { Definition } from '../definition.ts';
import { componentReference, specOf } from '../lib/component-reference.ts';
import { lazy } from '../lib/lazy.ts';
import { parseDirectAnswer, parseReasonedAnswer } from '../lib/parse-answer.ts';
import { createPrompt, promptOptions } from '../lib/question-prompt.ts';
import type { Method, MethodContext, MethodParts, PredictionFlag, Step } from '../method.ts';
import type { Passage } from '../retriever.ts';

const options = z.strictObject({
  retriever: componentReference('retriever').describe('What finds passages; `none` is the control.'),
  topK: z.int().min(1).max(100).default(5).describe('Passages in the prompt at most.'),
  contextTokens: z
    .int()
    .min(16)
    .max(131_072)
    .default(1024)
    .describe('Tokens of all passages at most; what does not fit is left out.'),
  reasoning: z.boolean().default(false).describe('Ask for the steps before the answer.'),
  whenNothing: z
    .enum(['ask', 'abstain'])
    .default('ask')
    .describe('Where nothing was found: ask without passages, or give no answer without asking.'),
  template: z.string().optional().describe('The prompt; `{context}` is the numbered passages.'),
  exampleTemplate: z
    .string()
    .default('{context}\nQuestion: {question}\nAnswer: {answer}')
    .describe('How a worked example is shown.'),
  passageTemplate: z
    .string()
    .default('[{number}] {text}')
    .describe('How a passage is shown: {number}, {title}, {text}, {url}.'),
  stop: z.array(z.string().min(1)).max(16).default(['\n\n', '\nQuestion:']).describe('Where the answer ends.'),
  ...promptOptions,
});

const templates = {
  direct: '{context}\nQuestion: {question}\n{choices}\nAnswer:',
  reasoned: "{context}\nQuestion: {question}\n{choices}\nLet's think step by step.",
};

/** The passages that fit, numbered as the prompt shows them. */
async function fitting(
  passages: readonly Passage[],
  shown: (p: Passage, i: number) => string,
  most: number,
  c: MethodContext,
) {
  const blocks: string[] = [];
  let tokens = 0;
  for (const [i, passage] of passages.entries()) {
    const block = shown(passage, i);
    tokens += await c.countTokens(block);
    if (tokens > most) break;
    blocks.push(block);
  }
  return blocks;
}

/** Passages that the answer names as `[2]`, by their numbers. */
function citedIn(text: string, count: number): number[] {
  const numbers = [...text.matchAll(/\[(\d{1,3})\]/g)].map(([, digits]) => Number(digits));
  return [...new Set(numbers)].filter((number) => number >= 1 && number <= count);
}

/** Retrieval-augmented generation (Lewis et al. 2020, https://arxiv.org/abs/2005.11401): passages before the question. */
export const definition: Definition<Method, MethodParts, typeof options> = {
  name: 'rag',
  summary: 'Retrieval-augmented generation: passages are found first and put before the question.',
  options,
  create(settings, parts) {
    const { topK, contextTokens, reasoning, whenNothing, passageTemplate } = settings;
    const template = settings.template ?? (reasoning ? templates.reasoned : templates.direct);
    const prompt = createPrompt({ ...settings, template });
    const stop = reasoning ? settings.stop.filter((text) => text !== '\n\n') : settings.stop;
    const open = lazy(() => parts.retriever(specOf(settings.retriever)));
    const shown = ({ title, text, url }: Passage, i: number) =>
      passageTemplate.replace(/\{(number|title|text|url)\}/g, (_, name: string) =>
        name === 'number' ? String(i + 1) : ({ title, text, url }[name] ?? ''),
      );

    async function answer(question: Question, passages: readonly Passage[], context: MethodContext) {
      const blocks = await fitting(passages, shown, contextTokens, context);
      const steps: Step[] = passages.map(({ text, ...passage }, i) => ({
        kind: 'passage',
        text,
        ...passage,
        rank: i + 1,
        inPrompt: i < blocks.length,
      }));
      if (blocks.length === 0 && passages.length === 0 && whenNothing === 'abstain') {
        return { answer: '', steps, flags: ['empty'] as PredictionFlag[] };
      }
      const generation = await context.generate({
        prompt: prompt({ ...question, ...(blocks.length === 0 ? {} : { context: blocks.join('\n') }) }),
        stop: [...context.sampling.stop, ...stop],
      });
      const parsed = reasoning ? parseReasonedAnswer(generation.text) : parseDirectAnswer(generation.text);
      const flags: PredictionFlag[] = [];
      if (parsed.answer === '') flags.push('empty');
      if (generation.finishReason === 'length') flags.push('cut-off');
      steps.push({ kind: 'answer', text: generation.text, cited: citedIn(generation.text, blocks.length) });
      return { answer: parsed.answer, steps, flags };
    }

    return {
      name: 'rag',
      prepare: async () => ({ retriever: (await open()).fingerprint }),
      preview: (question) => ({ prompts: [prompt(question)] }),
      async solve(question, context) {
        const retriever = await open();
        return answer(question, await retriever.retrieve(question.text, topK, context.signal), context);
      },
    };
  },
};
