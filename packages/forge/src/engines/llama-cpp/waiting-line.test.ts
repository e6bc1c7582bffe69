import type { Token } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import { createWaitingLine } from './waiting-line.ts';

/** Entries whose only token says how much of them is held; a negative one had better wait. */
const lineOf = (...lengths: readonly number[]) => {
  const line = createWaitingLine<{ prompt: readonly Token[]; name: number }>(([length = 0]) =>
    length < 0 ? undefined : length,
  );
  for (const [name, length] of lengths.entries()) line.push({ prompt: [length as Token], name });
  return line;
};
const nameOf = (entry: { name: number } | undefined) => entry?.name;

describe('the waiting line', () => {
  it('takes the longest held prefix first, and among equals who came first', () => {
    const line = lineOf(0, 5, 9, 5);
    expect([line.take(), line.take(), line.take(), line.take(), line.take()].map(nameOf)).toEqual([
      2,
      1,
      3,
      0,
      undefined,
    ]);
  });

  it('leaves those that had better wait, and says so when all of them had', () => {
    const line = lineOf(-1, 3, -1);
    expect(nameOf(line.take())).toBe(1);
    expect(line.take()).toBeUndefined();
    expect(line.takeAll(() => true)).toHaveLength(2);
  });

  it('lets nobody be overtaken for ever', () => {
    const line = lineOf(0, ...Array.from({ length: 100 }, () => 7));
    const order = Array.from({ length: 101 }, () => nameOf(line.take()));
    expect(order.indexOf(0)).toBe(64);
    const late = lineOf(0, ...Array.from({ length: 30 }, () => 7));
    for (let i = 0; i < 200; i++) {
      const taken = nameOf(late.take());
      if (taken === 0) return;
      late.push({ prompt: [7 as Token], name: 1000 + i });
    }
    expect.unreachable('the first one was never taken');
  });

  it('takes out what is asked for', () => {
    const line = lineOf(1, 2, 3, 4);
    expect(line.takeAll((entry) => (nameOf(entry) ?? 0) % 2 === 0).map(nameOf)).toEqual([0, 2]);
    expect([line.take(), line.take(), line.take()].map(nameOf)).toEqual([3, 1, undefined]);
  });
});
