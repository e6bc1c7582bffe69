import type { BatchItem, PrioritizedBatchItem } from 'node-llama-cpp';

/** Turns of the microtask queue in which a sequence that has its token asks for the next: five at most were seen. */
const maxTurns = 64;

/**
 * Lets a step of decoding begin when every sequence has asked for its next token. node-llama-cpp begins when the last token is sampled, a
 * few microtasks before the sequence that it belongs to has asked again: that one sits the step out, and each step has a sequence less than
 * it could (measured with 8 sequences: 7 in each, or 2 and 6 in turns).
 */
export function createLockstep() {
  /** Those that wait for a token. */
  const asking = new Set<object>();
  let turns = 0;

  return {
    /**
     * For `batching.itemPrioritizationStrategy` of a context: nothing while an item is missing, upon which it is called again in the next
     * microtask; then the tokens of each, the fewest first, so that a long prompt holds up nobody's next token.
     */
    share({ items, size }: { items: readonly BatchItem[]; size: number }): PrioritizedBatchItem[] {
      if (items.length < asking.size && turns++ < maxTurns) return [];
      turns = 0;
      let left = size;
      return items
        .toSorted((a, b) => a.tokens.length - b.tokens.length)
        .map((item) => {
          const processAmount = Math.min(item.tokens.length, left);
          left -= processAmount;
          return { item, processAmount };
        })
        .filter(({ processAmount }) => processAmount > 0);
    },
    /** Before a sequence asks for a token. */
    asks(sequence: object): void {
      asking.add(sequence);
    },
    /** A sequence has its token, or will get none. */
    hasToken(sequence: object): void {
      asking.delete(sequence);
    },
  };
}

export type Lockstep = ReturnType<typeof createLockstep>;
