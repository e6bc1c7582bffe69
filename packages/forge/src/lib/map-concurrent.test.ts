import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { mapConcurrent } from './map-concurrent.ts';

async function* numbers(count: number, taken: { value: number } = { value: 0 }) {
  for (let i = 0; i < count; i++) {
    taken.value++;
    yield i;
  }
}

describe('mapConcurrent', () => {
  it('applies the function to every item, at most `limit` at once', async () => {
    let active = 0;
    let most = 0;
    const results: number[] = [];
    const mapped = mapConcurrent(numbers(200), 7, async (n) => {
      most = Math.max(most, ++active);
      await setTimeout(n % 3);
      active--;
      return n * 2;
    });
    for await (const result of mapped) results.push(result);
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i * 2));
    expect(most).toBe(7);
  });
  it('takes no more items while the consumer is slow', async () => {
    const taken = { value: 0 };
    const iterator = mapConcurrent(numbers(10_000, taken), 2, async (n) => n);
    await iterator.next();
    for (let i = 0; i < 200; i++) await setImmediate();
    expect(taken.value).toBeLessThan(30);
    await iterator.return(undefined);
  });
  it('throws the first error and stops taking items', async () => {
    const taken = { value: 0 };
    const mapped = mapConcurrent(numbers(10_000, taken), 3, async (n) => {
      if (n === 5) throw new Error('five');
      return n;
    });
    await expect(async () => {
      for await (const _ of mapped);
    }).rejects.toThrow('five');
    expect(taken.value).toBeLessThan(60);
  });
  it('ends the source when the consumer leaves early', async () => {
    let closed = false;
    async function* source() {
      try {
        yield* numbers(100);
      } finally {
        closed = true;
      }
    }
    for await (const _ of mapConcurrent(source(), 2, async (n) => n)) break;
    expect(closed).toBe(true);
  });
  it('is empty for an empty source', async () => {
    const results = [];
    for await (const result of mapConcurrent(numbers(0), 4, async (n) => n)) results.push(result);
    expect(results).toEqual([]);
  });
});
