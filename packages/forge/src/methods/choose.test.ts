import { describe, expect, it } from 'vitest';
import type { ScoreRequest } from '../engine.ts';
import type { Method, MethodContext } from '../method.ts';
import { definition } from './choose.ts';

const none = () => Promise.reject(new Error('not here'));
const make = (options: object = {}) =>
  definition.create(definition.options.parse(options), {
    baseDir: '.',
    cacheDir: '.',
    retriever: none,
    nli: none,
    toolSet: none,
  }) as Method;

/** Log-probabilities of each word by what the continuation says. */
function contextOf(logprobs: Readonly<Record<string, readonly number[]>>) {
  const asked: ScoreRequest[] = [];
  const context: MethodContext = {
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 1, stop: [] },
    now: () => 0,
    countTokens: async () => 0,
    generate: none,
    async score(request) {
      asked.push(request);
      const found = logprobs[request.continuation] ?? [];
      return { tokens: found.map(String), logprobs: found, total: found.reduce((a, b) => a + b, 0) };
    },
  };
  return { asked, context };
}

const question = { id: '7', text: 'Question: 2 + 2?\nAnswer:', choices: [' 4', ' it is four'] };

describe('choose', () => {
  const { asked, context } = contextOf({ ' 4': [-3], ' it is four': [-1.5, -1.5, -1.5] });

  it('takes the likeliest choice after the prompt, ends included, and keeps each log-probability', async () => {
    expect(await make().solve(question, context)).toEqual({
      answer: ' 4',
      steps: [
        { kind: 'choice', text: ' 4', logprob: -3, tokens: 1 },
        { kind: 'choice', text: ' it is four', logprob: -4.5, tokens: 3 },
      ],
    });
    expect(asked).toEqual(question.choices.map((continuation) => ({ prompt: question.text, continuation, end: true })));
  });

  it('takes the mean by token where told', async () => {
    expect((await make({ normalization: 'tokens' }).solve(question, context)).answer).toBe(' it is four');
  });

  it('puts a prompt around a question, and a separator before choices', async () => {
    const plain = { id: '1', text: '2 + 2?', choices: ['4', '5'] };
    const seen = contextOf({ ' 4': [-2], ' 5': [-1] });
    const method = make({ template: 'Question: {question}\nAnswer:', separator: ' ', end: false });
    expect((await method.solve(plain, seen.context)).answer).toBe('5');
    expect(seen.asked[0]).toEqual({ prompt: 'Question: 2 + 2?\nAnswer:', continuation: ' 4', end: false });
    expect(method.preview(plain)).toEqual({
      prompts: ['Question: 2 + 2?\nAnswer: 4', 'Question: 2 + 2?\nAnswer: 5'],
      maxCompletionTokens: 0,
    });
  });

  it('refuses a question without choices', async () => {
    await expect(make().solve({ id: '1', text: 'q' }, context)).rejects.toThrow(
      'example 1: has no choices, which the method choose picks from',
    );
  });
});
