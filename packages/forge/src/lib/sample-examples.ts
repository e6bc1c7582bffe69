import { contentSeed } from './content-seed.ts';

/** A 53-bit mix of a row index and a seed: two rounds of the 32-bit finaliser of MurmurHash3 (Appleby 2011). */
function rankOf(index: number, seed: number): number {
  const mix = (value: number) => {
    let h = value | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  const high = Math.floor(index / 4294967296);
  const first = mix(mix(index ^ seed) ^ high);
  const second = mix(first ^ mix(seed + 0x9e3779b9) ^ index);
  return first * 2097152 + (second >>> 11);
}

/**
 * `count` row indices of [0, total) drawn by a seed: those with the smallest hash. The same on every machine, and nested: a
 * smaller sample of the same seed is part of a larger one. O(total) time, O(count) memory.
 */
export function sampleRowIndices(total: number, count: number, seed: string): ReadonlySet<number> {
  if (count >= total) return new Set(Array.from({ length: total }, (_, i) => i));
  if (count <= 0) return new Set();
  const numericSeed = contentSeed(`sample ${seed}`);
  // A max-heap of the smallest ranks so far: the root is the one to beat.
  const ranks = new Float64Array(count);
  const rows = new Float64Array(count);

  function siftDown(start: number, size: number): void {
    let parent = start;
    for (;;) {
      let largest = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < size && (ranks[child] as number) > (ranks[largest] as number)) largest = child;
      }
      if (largest === parent) return;
      [ranks[parent], ranks[largest]] = [ranks[largest] as number, ranks[parent] as number];
      [rows[parent], rows[largest]] = [rows[largest] as number, rows[parent] as number];
      parent = largest;
    }
  }

  for (let i = 0; i < count; i++) {
    ranks[i] = rankOf(i, numericSeed);
    rows[i] = i;
  }
  for (let i = count >> 1; i >= 0; i--) siftDown(i, count);
  for (let i = count; i < total; i++) {
    const rank = rankOf(i, numericSeed);
    if (rank >= (ranks[0] as number)) continue;
    ranks[0] = rank;
    rows[0] = i;
    siftDown(0, count);
  }
  return new Set(rows);
}

/**
 * Row indices in the order in which a sample of this seed takes them in: the first n of all rows are those of a sample of n. An order that
 * is drawn beforehand and depends on no answer.
 */
export function inSampleOrder<Item>(items: readonly Item[], indexOf: (item: Item) => number, seed: string): Item[] {
  const numericSeed = contentSeed(`sample ${seed}`);
  return items
    .map((item) => ({ item, index: indexOf(item), rank: rankOf(indexOf(item), numericSeed) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ item }) => item);
}
