import { describe, expect, it } from 'vitest';
import { agentStepsOf, argumentsText, otherSteps, stepName } from './agent-trace.ts';

const step = (more: object) => ({
  kind: 'tool',
  text: '42',
  turn: 1,
  thought: 'I multiply.',
  startedMs: 0,
  modelMs: 10,
  promptTokens: 5,
  cachedTokens: 2,
  completionTokens: 3,
  ...more,
});

describe('agentStepsOf', () => {
  it('reads the steps of an agent, and leaves those of metrics and retrieval alone', () => {
    const steps = [
      step({ tool: 'calculator', toolMs: 1 }),
      { kind: 'passage', text: 'p' },
      { kind: 'answer', text: 'a' },
    ];
    expect(agentStepsOf(steps).map(({ tool }) => tool)).toEqual(['calculator']);
    expect(otherSteps(steps).map(({ text }) => text)).toEqual(['p', 'a']);
  });

  it('counts time and tokens of the model once a turn', () => {
    const steps = agentStepsOf([step({ tool: 'a' }), step({ kind: 'stopped', limit: 'seconds' }), step({ turn: 2 })]);
    expect(steps.map(({ startsTurn }) => startsTurn)).toEqual([true, false, true]);
    expect(steps.map(({ modelMs }) => modelMs)).toEqual([10, 0, 10]);
    expect(steps.map(({ promptTokens }) => promptTokens)).toEqual([5, 0, 5]);
    expect(steps.map(stepName)).toEqual(['a', 'stopped', 'unreadable step']);
  });

  it('takes what has an unexpected shape for nothing rather than failing', () => {
    const [odd] = agentStepsOf([step({ modelMs: 'x', toolMs: -1, promptTokens: null, tool: 7, thought: undefined })]);
    expect(odd).toMatchObject({ modelMs: 0, toolMs: 0, promptTokens: 0, tool: undefined, thought: '' });
  });
});

it('shows arguments indented, and what is no JSON as it was written', () => {
  expect(argumentsText({ expression: '1 + 1' })).toBe('{\n  "expression": "1 + 1"\n}');
  expect(argumentsText('{"expresion": 1}')).toBe('{\n  "expresion": 1\n}');
  expect(argumentsText('{"expression": "1 +')).toBe('{"expression": "1 +');
  expect(argumentsText('12')).toBe('12');
  expect(argumentsText(undefined)).toBe('');
});
