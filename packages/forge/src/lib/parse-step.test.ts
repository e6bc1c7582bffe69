import { describe, expect, it } from 'vitest';
import { parseStep } from './parse-step.ts';
import { createRandom, pick } from './random.ts';

describe('parseStep', () => {
  it.each([
    [
      '\nThought: I need 4 * 5.\nAction: calculator[4 * 5]',
      { kind: 'action', thought: 'I need 4 * 5.', tool: 'calculator', input: '4 * 5' },
    ],
    ['Action: search[Mira [the elder] job]', { kind: 'action', tool: 'search', input: 'Mira [the elder] job' }],
    ['Action: search[no end', { kind: 'action', tool: 'search', input: 'no end' }],
    [
      'Action: search {"query": "a",\n "k": 2}\n',
      { kind: 'action', tool: 'search', input: '{"query": "a",\n "k": 2}' },
    ],
    ['Action: wikipedia-search[{"query": "a"}]', { kind: 'action', tool: 'wikipedia-search', input: '{"query": "a"}' }],
    ['Action: list_files', { kind: 'action', tool: 'list_files', input: '' }],
    ['Thought: done\nAnswer: 42\nQuestion: next', { kind: 'answer', thought: 'done', answer: '42' }],
    ['Answer:', { kind: 'answer', answer: '' }],
    ['Action: a[1]\nAnswer: 2', { kind: 'action', tool: 'a', input: '1' }],
    ['Answer: 2\nAction: a[1]', { kind: 'answer', answer: '2' }],
    ['Action: a[1]\r\nObserved', { kind: 'action', tool: 'a', input: '1' }],
    [
      'I just talk. Action: not at the start of a line',
      { kind: 'unparsable', reason: 'there is neither "Action:" nor "Answer:"' },
    ],
    ['Action: two words[1]', { kind: 'unparsable', reason: 'after "Action:" stands no name of a tool' }],
    ['Action: a {"open": 1', { kind: 'unparsable', reason: 'the input of the action begins with { and has no }' }],
    ['', { kind: 'unparsable', thought: '' }],
  ])('%j', (text, step) => expect(parseStep(text)).toMatchObject(step));

  it('takes 10,000 generated texts and very long ones without a hang', () => {
    const random = createRandom('parse-step/fuzz');
    const parts = [
      'Thought:',
      'Action:',
      'Answer:',
      'Observation:',
      '\n',
      ' ',
      '[',
      ']',
      '{',
      '}',
      '"',
      'calculator',
      'x'.repeat(50),
      '🎉',
      '\r\n',
      '\u0000',
    ];
    let slowest = 0;
    const timed = (text: string) => {
      const started = performance.now();
      expect(['action', 'answer', 'unparsable']).toContain(parseStep(text).kind);
      slowest = Math.max(slowest, performance.now() - started);
    };
    for (let i = 0; i < 10_000; i++)
      timed(Array.from({ length: random.below(30) }, () => pick(parts, random)).join(''));
    for (const part of [' ', '\n', '[', 'Action: ', 'Action:\n', '{']) timed(`Action: a${part.repeat(200_000)}`);
    for (const part of [' ', '\n', 'Action:', 'Thought:\n']) timed(part.repeat(200_000));
    // Far below what anything quadratic takes at this length, and above what a busy machine holds it up.
    expect(slowest).toBeLessThan(500);
  });
});
