import { describe, expect, it } from 'vitest';
import type { Metric } from '../metric.ts';
import type { CallRecord } from '../run.ts';
import { exampleCall } from '../testing/example-results.ts';
import { metrics } from './index.ts';

function make(name: string, options: object = {}): Metric {
  const definition = metrics.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  return definition.create(definition.options.parse(options), {
    nli: () => Promise.reject(new Error('none')),
  }) as Metric;
}

const example = { id: '3', text: 'q', targets: [' yes'] };
const choices = (logprobs: Readonly<Record<string, number>>) => ({
  answer: '',
  steps: Object.entries(logprobs).map(([text, logprob]) => ({ kind: 'choice', text, logprob })),
});

describe('log-margin', () => {
  it('is the target’s log-probability less the likeliest other one', () => {
    const metric = make('log-margin');
    expect(metric.score(example, choices({ ' no': -3, ' yes': -1 }))).toBe(2);
    expect(metric.score(example, choices({ ' no': -3, ' never': -0.5, ' yes': -1 }))).toBe(-0.5);
    expect(metric).toMatchObject({ binary: false, unit: 'nats' });
  });
  it('says that it needs the method choose', () => {
    for (const prediction of [{ answer: ' yes', steps: [{ kind: 'answer', text: ' yes' }] }, choices({ ' yes': -1 })])
      expect(() => make('log-margin').score(example, prediction)).toThrow('example 3: log-margin needs');
  });
});

describe('answer-length', () => {
  const wrote = (output: string, completionTokens: number): CallRecord => ({
    ...exampleCall(0),
    output,
    usage: { promptTokens: 9, completionTokens, cachedPromptTokens: 0 },
  });
  const looked = wrote(' a choice', 0);
  const calls = [
    wrote('one two 😀', 5),
    wrote(' three', 2),
    { ...looked, sampling: { ...looked.sampling, maxTokens: 0 } },
  ];
  it.each([
    ['tokens', 7],
    ['words', 4],
    ['characters', 15],
  ])('counts the %s of what was written', (unit, length) => {
    const metric = make('answer-length', { unit });
    expect(metric.score(example, { answer: 'x', steps: [] }, calls)).toBe(length);
    expect(metric).toMatchObject({ unit, better: 'neutral' });
  });
});
