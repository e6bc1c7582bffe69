import type { Token } from 'node-llama-cpp';

/** How far into the line is looked for a longer prefix: what a start costs is bounded, however long the line is. */
const windowLength = 64;
/** So often may others be taken before the one that waits longest. */
const mostOvertaken = 64;

interface Entry {
  readonly prompt: readonly Token[];
}

/**
 * Who is next: the one with the longest prefix that is held already (as SGLang's RadixAttention orders its requests, Zheng et al. 2024,
 * https://arxiv.org/abs/2312.07104), so that those who share one come one after another, while it is there. Among equals, and after it
 * was overtaken often enough, the one that came first. `cachedLength` says undefined of one that had better wait.
 */
export function createWaitingLine<Item extends Entry>(cachedLength: (prompt: readonly Token[]) => number | undefined) {
  const items: Item[] = [];
  let overtaken = 0;

  function bestIndex(): number | undefined {
    let best: number | undefined;
    let longest = -1;
    for (const [i, { prompt }] of items.slice(0, windowLength).entries()) {
      const length = cachedLength(prompt);
      if (length === undefined) continue;
      if (i === 0 && overtaken >= mostOvertaken) return 0;
      if (length > longest) [best, longest] = [i, length];
    }
    return best;
  }

  return {
    push: (item: Item) => items.push(item),
    /** Takes the next one out; undefined where nobody waits, or all had better wait. */
    take(): Item | undefined {
      const index = bestIndex();
      if (index === undefined) return undefined;
      overtaken = index === 0 ? 0 : overtaken + 1;
      return items.splice(index, 1)[0];
    },
    /** Takes out all for which this holds. */
    takeAll(which: (item: Item) => boolean): Item[] {
      const taken = items.filter(which);
      if (taken.length === 0) return taken;
      if (items[0] === taken[0]) overtaken = 0;
      const left = items.filter((item) => !which(item));
      items.splice(0, items.length, ...left);
      return taken;
    },
  };
}
