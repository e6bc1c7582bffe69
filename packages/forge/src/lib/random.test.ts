import { describe, expect, it } from 'vitest';
import { createRandom, pick, sampleIndices, shuffled } from './random.ts';

describe('createRandom', () => {
  it('gives the same numbers on every machine', () => {
    const random = createRandom('forge');
    expect([random.next(), random.next(), random.below(1000), random.below(1000)]).toMatchInlineSnapshot(`
      [
        0.7720701356274617,
        0.3941461716337096,
        27,
        562,
      ]
    `);
  });
  it('is uniform: chi-square over 100 cells stays below the 99.9 % point', () => {
    const random = createRandom(7);
    const cells = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const cell = random.below(100);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    const chiSquare = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(148.2);
  });
  it('differs by seed', () => {
    expect(createRandom(1).next()).not.toBe(createRandom(2).next());
  });
});

describe('samples', () => {
  it('shuffles into a permutation and leaves its input alone', () => {
    const items = [1, 2, 3, 4, 5];
    expect(shuffled(items, createRandom(3)).sort()).toEqual(items);
    expect(items).toEqual([1, 2, 3, 4, 5]);
  });
  it('draws distinct indices, all of them where as many are asked for', () => {
    const drawn = sampleIndices(1000, 100, createRandom(1));
    expect(new Set(drawn).size).toBe(100);
    expect(drawn.every((i) => i >= 0 && i < 1000)).toBe(true);
    expect(sampleIndices(5, 9, createRandom(1))).toEqual([0, 1, 2, 3, 4]);
  });
  it('refuses an empty list', () => {
    expect(() => pick([], createRandom(1))).toThrow('empty');
  });
});
