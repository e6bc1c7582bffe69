import { describe, expect, it } from 'vitest';
import type { Generation } from '../engine.ts';
import { ConfigError } from '../errors.ts';
import type { MethodContext } from '../method.ts';
import { definition as chainOfThought } from './chain-of-thought.ts';
import { definition as naive } from './naive.ts';

type Asked = Parameters<MethodContext['generate']>[0];

/** A context that answers from a list and keeps what was asked. */
function contextOf(answers: readonly (string | Partial<Generation>)[]) {
  const asked: Asked[] = [];
  const context: MethodContext = {
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 50, stop: ['###'] },
    now: () => performance.now(),
    score: () => Promise.reject(new Error('not here')),
    countTokens: async (text) => text.split(/\s+/).length,
    async generate(request) {
      const answer = answers[asked.length] ?? '';
      asked.push(request);
      return {
        text: '',
        finishReason: 'stop',
        usage: { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 },
        timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0, computeMs: 0, totalMs: 0 },
        cached: false,
        retries: 0,
        ...(typeof answer === 'string' ? { text: answer } : answer),
      };
    },
  };
  return { asked, context };
}

const none = () => Promise.reject(new Error('not here'));
const noParts = { baseDir: '.', cacheDir: '.', retriever: none, nli: none, toolSet: none };
const question = { id: '1', text: 'What is 2 + 2?' };
const make = (method: typeof naive | typeof chainOfThought, options: object) =>
  method.create(method.options.parse(options) as never, noParts) as ReturnType<typeof naive.create> extends infer M
    ? Awaited<M>
    : never;

describe('naive', () => {
  it('asks with the plain template and keeps the experiment’s own stop strings', async () => {
    const { asked, context } = contextOf([' 4\n']);
    const prediction = await make(naive, {}).solve(question, context);
    expect(asked).toEqual([{ prompt: 'Question: What is 2 + 2?\nAnswer:', stop: ['###', '\n\n', '\nQuestion:'] }]);
    expect(prediction).toEqual({ answer: '4', steps: [{ kind: 'answer', text: ' 4\n' }], flags: [] });
  });
  it('puts context and choices in', () => {
    const [prompt] = make(naive, {}).preview({ ...question, context: 'A passage.', choices: ['3', '4'] }).prompts;
    expect(prompt).toBe('A passage.\nQuestion: What is 2 + 2?\nA. 3\nB. 4\nAnswer:');
  });
  it('shows worked examples, as many as asked for', () => {
    const examples = [
      { question: 'What is 1 + 1?', answer: '2' },
      { question: 'What is 3 + 3?', answer: '6' },
    ];
    expect(make(naive, { examples, shots: 1, system: 'Be brief.' }).preview(question).prompts[0]).toBe(
      'Be brief.\n\nQuestion: What is 1 + 1?\nAnswer: 2\n\nQuestion: What is 2 + 2?\nAnswer:',
    );
    expect(() => make(naive, { examples, shots: 3 })).toThrow(ConfigError);
  });
  it.each([
    [{ template: 'Q: {questoin}' }, 'unknown placeholder {questoin}'],
    [{ template: 'no placeholder' }, 'does not contain {question}'],
  ])('refuses the template %j', (options, message) => {
    expect(() => make(naive, options)).toThrow(message);
  });
  it('flags empty and cut-off generations', async () => {
    const { context } = contextOf([{ text: '', finishReason: 'length' }]);
    expect((await make(naive, {}).solve(question, context)).flags).toEqual(['empty', 'cut-off']);
  });
});

describe('chain-of-thought', () => {
  it('asks for steps and parses the marked answer', async () => {
    const { asked, context } = contextOf(['\n2 + 2 = 4.\n\nSo it is four.\nAnswer: 4']);
    const prediction = await make(chainOfThought, {}).solve(question, context);
    expect(asked[0]?.prompt).toBe("Question: What is 2 + 2?\nLet's think step by step.");
    expect(prediction.answer).toBe('4');
    expect(prediction.flags).toEqual([]);
  });
  it('flags an answer that had to be guessed from the last sentence', async () => {
    const { context } = contextOf(['It is four. I think 4']);
    expect(await make(chainOfThought, {}).solve(question, context)).toMatchObject({
      answer: 'I think 4',
      flags: ['fallback-parse'],
    });
  });
  it('takes the majority over samples, each numbered, empty ones without a vote', async () => {
    const { asked, context } = contextOf(['Answer: 5', 'Answer: 4', '', ' ', 'Answer:  4']);
    const prediction = await make(chainOfThought, { samples: 5 }).solve(question, context);
    expect(asked.map((request) => request.sample)).toEqual([0, 1, 2, 3, 4]);
    expect(prediction.answer).toBe('4');
    expect(prediction.steps).toHaveLength(5);
  });
  it('shows the reasoning of worked examples', () => {
    const examples = [{ question: 'What is 1 + 1?', reasoning: '1 + 1 = 2', answer: '2' }];
    expect(make(chainOfThought, { examples }).preview(question).prompts[0]).toBe(
      "Question: What is 1 + 1?\nLet's think step by step.\n1 + 1 = 2\nAnswer: 2\n\nQuestion: What is 2 + 2?\nLet's think step by step.",
    );
  });
  it('says nothing was answered where nothing was', async () => {
    const { context } = contextOf([' ']);
    expect(await make(chainOfThought, {}).solve(question, context)).toMatchObject({ answer: '', flags: ['empty'] });
  });
});
