import { describe, expect, it } from 'vitest';
import { createRandom } from '../../lib/random.ts';
import { createPrefixTree } from './prefix-tree.ts';

const tokens = (text: string) => [...text].map((letter) => letter.charCodeAt(0));

function treeOf(...held: readonly string[]) {
  const tree = createPrefixTree<string>();
  for (const one of held) tree.insert(tokens(one), one);
  const longest = (text: string) => {
    const { length, holders } = tree.longest(tokens(text));
    return [length, ...[...holders].sort()];
  };
  return { tree, longest };
}

describe('the prefix tree', () => {
  it('finds who holds the longest beginning', () => {
    const { longest } = treeOf('question one', 'question two', 'other');
    expect(longest('question one and more')).toEqual([12, 'question one']);
    expect(longest('question three')).toEqual([10, 'question two']);
    expect(longest('quest')).toEqual([5, 'question one', 'question two']);
    expect(longest('x')).toEqual([0]);
    expect(longest('')).toEqual([0]);
  });

  it('names the nearest holder first', () => {
    const tree = createPrefixTree<string>();
    for (const one of ['abcdefgh', 'abcd', 'abcdef']) tree.insert(tokens(one), one);
    expect([...tree.longest(tokens('abcx')).holders]).toEqual(['abcd', 'abcdef', 'abcdefgh']);
  });

  it('gives a holder one place at a time', () => {
    const { tree, longest } = treeOf('abcd', 'abxy');
    tree.insert(tokens('mn'), 'abcd');
    expect(longest('abcd')).toEqual([2, 'abxy']);
    expect(longest('mn')).toEqual([2, 'abcd']);
    tree.remove('abxy');
    tree.remove('never inserted');
    expect(longest('abxy')).toEqual([0]);
    expect(tree.tokenCount()).toBe(2);
  });

  it('knows how much of a holder others hold too', () => {
    const { tree } = treeOf('abcdef', 'abcxyz', 'abcx');
    expect(tree.sharedLength('abcdef')).toBe(3);
    expect(tree.sharedLength('abcxyz')).toBe(4);
    expect(tree.sharedLength('abcx')).toBe(4);
    tree.remove('abcx');
    expect(tree.sharedLength('abcxyz')).toBe(3);
    expect(tree.sharedLength('absent')).toBe(0);
  });

  it('agrees with comparing every holder, through random changes', () => {
    const random = createRandom('prefix tree');
    const tree = createPrefixTree<number>();
    const held = new Map<number, number[]>();
    const draw = () => Array.from({ length: random.below(12) }, () => random.below(3));
    const shared = (a: readonly number[], b: readonly number[]) => {
      let length = 0;
      while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
      return length;
    };
    for (let step = 0; step < 600; step++) {
      const holder = random.below(20);
      if (random.below(3) === 0) {
        tree.remove(holder);
        held.delete(holder);
      } else {
        const drawn = draw();
        tree.insert(drawn, holder);
        held.set(holder, drawn);
      }
      const asked = draw();
      const { length, holders } = tree.longest(asked);
      const longest = Math.max(0, ...[...held.values()].map((one) => shared(one, asked)));
      expect(length).toBe(longest);
      const expected = [...held].filter(([, one]) => longest > 0 && shared(one, asked) === longest).map(([i]) => i);
      expect([...holders].sort()).toEqual(expected.sort());
      for (const [one, own] of held) {
        const others = [...held].filter(([other]) => other !== one).map(([, other]) => shared(own, other));
        expect(tree.sharedLength(one)).toBe(Math.max(0, ...others));
      }
      const distinct = new Set([...held.values()].flatMap((one) => one.map((_, i) => one.slice(0, i + 1).join())));
      expect(tree.tokenCount()).toBe(distinct.size);
    }
  });
});
