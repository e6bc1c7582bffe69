import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { createPrefixTree } from './prefix-tree.ts';
import type { SavedState, StateStore } from './state-store.ts';

/** A sequence of the context, and what is known of it. */
export interface Slot {
  readonly sequence: LlamaContextSequence;
  /** What its state holds for certain. */
  tokens: readonly Token[];
  /** Whose next request goes on from here. */
  session: string | undefined;
  /** Its state is being written: it must not change. */
  saving: Promise<SavedState | undefined> | undefined;
}

/** Where the tokens of prompts come from that need not be prefilled. */
export interface PrefixCache {
  /** How many of the prompt's first tokens are held somewhere; undefined where it is worth waiting for others that are being made. */
  cachedLength(prompt: readonly Token[]): number | undefined;
  /** What it costs to run a prompt on this sequence, in tokens prefilled. */
  cost(slot: Slot, prompt: readonly Token[], session: string | undefined): number;
  /** Brings the state of a sequence that was taken for a session as near to the prompt as it gets; how many of its tokens it has then. */
  prepare(slot: Slot, prompt: readonly Token[], session: string | undefined): Promise<number>;
  /** The sequence holds these tokens now. */
  holds(slot: Slot, tokens: readonly Token[]): void;
}

/**
 * Copying a state costs about as much as prefilling this many tokens. Measured on the smallest model there is (the lab model, 4 kB a
 * token, one thread): 0.6 ms, or 8 tokens prefilled alone and some 30 that ride along in a step; a larger model's prefill grows faster than its state.
 */
const copyTokens = 32;
/** A state that would be lost is saved where this many of its tokens are held nowhere else: fewer are soon prefilled, and most are never asked for. */
const keepTokens = 128;

function sharedLength(a: readonly Token[], b: readonly Token[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

/** Every prompt is prefilled from its first token. */
export const noPrefixCache: PrefixCache = {
  cachedLength: () => 0,
  cost: () => 0,
  async prepare(slot, _prompt, session) {
    slot.session = session;
    await slot.sequence.clearHistory();
    return 0;
  },
  holds: () => {},
};

/**
 * Prefixes shared by all sequences of a context. Sequences of llama.cpp do not share their states here, so a prefix that another sequence
 * or a saved state holds is copied, through a file, where that is cheaper than prefilling it. `changed` hears when something that was
 * worth waiting for is there, or will not come. Without a store nothing is copied: for models whose states cannot be cut anywhere.
 */
export function createPrefixCache(store: StateStore | undefined, changed: () => void) {
  const [copyFrom, keepFrom] = store === undefined ? [Infinity, Infinity] : [copyTokens, keepTokens];
  const held = createPrefixTree<Slot | SavedState>();
  /** Prefills and savings under way. */
  const coming = createPrefixTree<object>();

  function save(slot: Slot): Promise<SavedState | undefined> | undefined {
    if (slot.saving !== undefined || store === undefined) return slot.saving;
    const { tokens } = slot;
    const saving = store.save(slot.sequence, tokens).then((state) => {
      slot.saving = undefined;
      coming.remove(saving);
      if (state !== undefined) held.insert(tokens, state);
      changed();
      return state;
    });
    coming.insert(tokens, saving);
    slot.saving = saving;
    return saving;
  }

  /** A file with the state of one of the holders: one that is there already, or the first sequence's. */
  function stateOf(holders: Iterable<Slot | SavedState>): Promise<SavedState | undefined> | SavedState | undefined {
    let source: Slot | undefined;
    for (const holder of holders) {
      if (!('sequence' in holder)) return holder;
      if (source === undefined || holder.saving !== undefined) source = holder;
    }
    return source === undefined ? undefined : save(source);
  }

  /** Tokens that are held nowhere else, and not by the prompt either, which takes their place. */
  const lostLength = (slot: Slot, prompt: readonly Token[]) =>
    slot.tokens.length - Math.max(held.sharedLength(slot), sharedLength(slot.tokens, prompt));

  return {
    cachedLength(prompt: readonly Token[]): number | undefined {
      const { length } = held.longest(prompt);
      return coming.longest(prompt).length - length >= copyFrom ? undefined : length;
    },
    cost(slot: Slot, prompt: readonly Token[], session: string | undefined): number {
      const own = sharedLength(slot.tokens, prompt);
      const copied = held.longest(prompt).length - copyFrom;
      const prefilled = prompt.length - Math.max(own, copied);
      // A session will certainly ask for what it has here; of others that is only possible.
      const inSession = slot.session !== undefined && slot.session !== session;
      const lost = inSession ? slot.tokens.length - own : lostLength(slot, prompt) >= keepFrom ? copyTokens : 0;
      return prefilled + lost;
    },
    async prepare(slot: Slot, prompt: readonly Token[], session: string | undefined): Promise<number> {
      const { sequence } = slot;
      coming.insert(prompt, slot);
      const leavesSession = slot.session !== undefined && slot.session !== session;
      if (lostLength(slot, prompt) >= (leavesSession ? copyFrom : keepFrom)) save(slot);
      slot.session = session;
      held.remove(slot);
      // Chosen at once: another request may take that sequence meanwhile, and then waits until its state is saved.
      const best = held.longest(prompt);
      const copies = best.length - sharedLength(slot.tokens, prompt) >= copyFrom;
      const [state] = await Promise.all([copies ? stateOf(best.holders) : undefined, slot.saving]);
      if (state !== undefined) await store?.load(sequence, state);
      // The last prompt token is always evaluated: the first new token comes from it.
      await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
      return sequence.nextTokenIndex;
    },
    holds(slot: Slot, tokens: readonly Token[]): void {
      slot.tokens = tokens;
      coming.remove(slot);
      held.insert(tokens, slot);
      changed();
    },
    /** The store keeps this state no longer. */
    forget: (state: SavedState) => held.remove(state),
  };
}
