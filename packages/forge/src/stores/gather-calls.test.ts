import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { gatherCalls } from './gather-calls.ts';

test('calls that come while one is under way go together, in order and within the limit', async () => {
  const groups: (readonly number[])[] = [];
  const add = gatherCalls<number, number>(async (items) => {
    groups.push(items);
    await turn();
    return groups.length;
  }, 4);
  const outcomes = await Promise.all([add([1]), add([2, 3]), add([4]), add([5, 6]), add([7, 8, 9, 10, 11]), add([12])]);
  expect(groups).toEqual([[1], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11], [12]]);
  expect(outcomes).toEqual([1, 2, 2, 3, 4, 5]);
  expect(await add([13])).toBe(6);
});

test('a failure is that of its own group only', async () => {
  const add = gatherCalls<string, string>(async (items) => {
    await turn();
    if (items.includes('bad')) throw new Error('bad');
    return items.join();
  }, 2);
  const outcomes = await Promise.allSettled([add(['a']), add(['bad']), add(['c']), add(['d'])]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
});
