import { describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import { mostInShard, planShards } from './plan-shards.ts';

describe('shards of a run', () => {
  it('hold each index once, in order, whatever the number of examples', () => {
    const random = createRandom('shards');
    for (const count of [0, 1, 3, 4, 5, 127, 128, 129, 1000, 12_345]) {
      // With holes: examples that are stored already are not among them.
      const indices = Array.from({ length: count * 2 }, (_, i) => i).filter(() => random.next() < 0.5);
      const shards = planShards(indices);
      expect(shards.flat()).toEqual(indices);
      expect(shards.every((shard) => shard.length > 0 && shard.length <= mostInShard)).toBe(true);
    }
  });

  it('are of about the same size, so that no worker waits for a long last one', () => {
    const sizes = planShards(
      Array.from({ length: 1030 }, (_, i) => i),
      100,
    ).map((shard) => shard.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(sizes).toHaveLength(11);
  });

  it('are many where there are few examples, and no more than are worth a look at the queue where there are many', () => {
    const sizeFor = (count: number) => planShards(Array.from({ length: count }, (_, i) => i))[0]?.length;
    expect([16, 200, 4000, 1_000_000].map(sizeFor)).toEqual([4, 6, 125, 127]);
  });

  it('refuse a size that is none', () => {
    expect(() => planShards([1, 2], 0)).toThrow(RangeError);
    expect(() => planShards([1, 2], 1.5)).toThrow(RangeError);
  });
});
