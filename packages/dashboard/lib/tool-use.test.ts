import { expect, it } from 'vitest';
import { callCounts, calledTools, failedCallsText, limitsText, troubleOf } from './tool-use.ts';

const tools = {
  examples: 4,
  turns: 12,
  calls: 8,
  failed: 4,
  byTool: { calculator: { calls: 5, errors: { failed: 2 } }, search: { calls: 1, errors: { timeout: 1 } } },
  byError: { failed: 2, timeout: 1, 'unknown-tool': 2, unparsable: 1 },
  byLimit: { repeats: 2, steps: 1 },
};

it('says in a few words what an agent did', () => {
  const calls = [
    { tool: 'search' },
    { tool: 'calculator', error: 'failed' },
    { tool: 'search' },
    { error: 'unparsable' },
  ];
  expect(calledTools({ turns: 4, calls })).toBe('search ×2, calculator');
  expect(troubleOf({ turns: 4, calls, limit: 'steps' })).toBe('2 failed, limit: steps');
  expect(calledTools({ turns: 1, calls: [] })).toBe('no tool');
  expect(troubleOf({ turns: 1, calls: [{ tool: 'search' }] })).toBe('');
});

it('counts every call once, by tool and by how it came out', () => {
  const counts = callCounts([{ id: 'r', variant: 'agent', tools }]);
  expect(counts.map(({ label, tool, error, calls }) => [label, tool, error, calls])).toEqual([
    ['calculator', 'calculator', undefined, 3],
    ['calculator', 'calculator', 'failed', 2],
    ['search', 'search', 'timeout', 1],
    ['no such tool', undefined, 'unknown-tool', 2],
    ['unreadable step', undefined, 'unparsable', 1],
  ]);
});

it('names failures and limits with their counts', () => {
  expect(failedCallsText(tools)).toBe('4: 2 failed, 1 timeout, 2 unknown-tool, 1 unparsable');
  expect(limitsText(tools)).toBe('3: 2 repeats, 1 steps');
  expect(limitsText({ ...tools, byLimit: {} })).toBe('0');
});
