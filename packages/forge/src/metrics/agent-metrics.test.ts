import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import type { Metric } from '../metric.ts';
import { toolStep } from '../testing/example-results.ts';
import type { ToolErrorKind } from '../tool.ts';
import { metrics } from './index.ts';

type Made = readonly (string | [string, ToolErrorKind])[];

const stepsOf = (made: Made) =>
  made.map((call, i) => (typeof call === 'string' ? toolStep(i + 1, call) : toolStep(i + 1, ...call)));
function make(name: string, options: object = {}): Metric {
  const definition = metrics.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  return definition.create(definition.options.parse(options), { nli: () => Promise.reject(new Error()) }) as Metric;
}
const example = { id: '1', text: 'q', targets: ['a'] };
const prediction = (made: Made) => ({
  answer: 'a',
  steps: [...stepsOf(made), { kind: 'passage', text: 'not a call' }],
});

describe('tool-efficiency', () => {
  it.each([
    [2, ['search', 'search'], 1],
    [1, ['search', ['search', 'failed'], 'search', 'search'], 0.25],
    [2, ['search'], 0.5],
    [3, [], 0],
    [0, [], 1],
    [0, ['search'], 0],
  ] as const)('with %d needed and %j made is %d', (neededCalls, made, expected) => {
    expect(make('tool-efficiency').score({ ...example, neededCalls }, prediction(made as Made))).toBe(expected);
  });

  it('wants a data set that says how many are needed', () => {
    expect(() => make('tool-efficiency').score(example, prediction([]))).toThrow(/columns\.neededCalls/);
  });
});

describe('trajectory', () => {
  const made: Made = ['search', ['calculator', 'bad-arguments'], 'search', 'calculator'];
  it.each([
    [{ mustCall: ['search', 'calculator'] }, null],
    [{ mustCall: ['wikipedia'] }, 'wikipedia was not called'],
    [{ mustNotCall: ['wikipedia'] }, null],
    [{ mustNotCall: ['calculator'] }, 'calculator was called'],
    [{ order: ['search', 'calculator'] }, null],
    [{ order: ['calculator', 'search'] }, 'not in the order calculator, search'],
    [{ order: ['search', 'search', 'calculator'] }, null],
    [{ order: ['search', 'search', 'search'] }, 'not in the order search, search, search'],
    [{ maxCalls: 4 }, null],
    [{ maxCalls: 3, maxErrors: 0 }, '4 calls, at most 3; 1 errors, at most 0'],
  ] as const)('%j', async (options, broken) => {
    const given = await make('trajectory', options).score(example, prediction(made));
    expect(given).toEqual(broken === null ? 1 : { score: 0, steps: [{ kind: 'trajectory', text: broken }] });
  });

  it('does not take a call that failed for one that was made', () => {
    const given = make('trajectory', { mustCall: ['search'] }).score(example, prediction([['search', 'timeout']]));
    expect(given).toMatchObject({ score: 0 });
    const asked = make('trajectory', { mustNotCall: ['wipe'] }).score(example, prediction([['wipe', 'unknown-tool']]));
    expect(asked).toMatchObject({ score: 0 });
  });

  it('wants something to check', () => {
    expect(() => make('trajectory')).toThrow(ConfigError);
  });
});
