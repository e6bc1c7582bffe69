/** Who holds a prefix is anything that can be told apart: a sequence, a saved state. */
interface Node<Holder> {
  /** Tokens between the parent and here; empty at the root alone. */
  edge: readonly number[];
  /** Tokens from the root to here. */
  depth: number;
  parent: Node<Holder> | undefined;
  readonly children: Map<number, Node<Holder>>;
  /** Who ends here. */
  readonly holders: Set<Holder>;
  /** How many end here or below. */
  count: number;
}

/** A prefix that somebody holds, and who: those that end below it, the nearest first. */
export interface PrefixMatch<Holder> {
  readonly length: number;
  readonly holders: Iterable<Holder>;
}

function commonLength(edge: readonly number[], tokens: readonly number[], from: number): number {
  const most = Math.min(edge.length, tokens.length - from);
  let length = 0;
  while (length < most && edge[length] === tokens[from + length]) length++;
  return length;
}

function* holdersBelow<Holder>(start: Node<Holder>): Generator<Holder> {
  const nodes = [start];
  for (let node = nodes.shift(); node !== undefined; node = nodes.shift()) {
    yield* node.holders;
    nodes.push(...node.children.values());
  }
}

/**
 * A radix tree over token prefixes (as in SGLang's RadixAttention, Zheng et al. 2024, https://arxiv.org/abs/2312.07104): who holds the
 * longest beginning of a prompt, in time linear in the prompt. Each holder has one place; a node that nobody passes is removed, so there
 * are at most twice as many nodes as holders.
 */
export function createPrefixTree<Holder>() {
  const newNode = (
    edge: readonly number[],
    depth: number,
    parent: Node<Holder> | undefined,
    count: number,
  ): Node<Holder> => ({ edge, depth, parent, children: new Map(), holders: new Set(), count });
  const root = newNode([], 0, undefined, 0);
  const places = new Map<Holder, Node<Holder>>();

  /** Cuts the edge above `node` after `length` tokens; returns the new node at the cut. */
  function split(node: Node<Holder>, length: number): Node<Holder> {
    const parent = node.parent as Node<Holder>;
    const upper = newNode(node.edge.slice(0, length), parent.depth + length, parent, node.count);
    parent.children.set(upper.edge[0] as number, upper);
    node.edge = node.edge.slice(length);
    node.parent = upper;
    upper.children.set(node.edge[0] as number, node);
    return upper;
  }

  function placeOf(tokens: readonly number[]): Node<Holder> {
    let node = root;
    while (node.depth < tokens.length) {
      const child = node.children.get(tokens[node.depth] as number);
      if (child === undefined) {
        const leaf = newNode(tokens.slice(node.depth), tokens.length, node, 0);
        node.children.set(tokens[node.depth] as number, leaf);
        return leaf;
      }
      const shared = commonLength(child.edge, tokens, node.depth);
      node = shared === child.edge.length ? child : split(child, shared);
    }
    return node;
  }

  /** Removes a node that nobody passes any more, or joins one that no longer branches to its child. */
  function tidy(node: Node<Holder>): void {
    const { parent } = node;
    if (parent === undefined || node.holders.size > 0) return;
    if (node.children.size === 0) parent.children.delete(node.edge[0] as number);
    else if (node.children.size === 1) {
      const child = node.children.values().next().value as Node<Holder>;
      child.edge = [...node.edge, ...child.edge];
      child.parent = parent;
      parent.children.set(child.edge[0] as number, child);
    }
  }

  function remove(holder: Holder): void {
    const place = places.get(holder);
    if (place === undefined) return;
    places.delete(holder);
    place.holders.delete(holder);
    for (let node: Node<Holder> | undefined = place; node !== undefined; node = node.parent) node.count--;
    const { parent } = place;
    tidy(place);
    if (parent !== undefined) tidy(parent);
  }

  return {
    /** The holder has these tokens now, and not what it had before. */
    insert(tokens: readonly number[], holder: Holder): void {
      remove(holder);
      const place = placeOf(tokens);
      places.set(holder, place);
      place.holders.add(holder);
      for (let node: Node<Holder> | undefined = place; node !== undefined; node = node.parent) node.count++;
    },
    remove,
    /** The longest prefix of the tokens that somebody holds. */
    longest(tokens: readonly number[]): PrefixMatch<Holder> {
      let node = root;
      let length = 0;
      while (length === node.depth && length < tokens.length) {
        const child = node.children.get(tokens[length] as number);
        if (child === undefined) break;
        length += commonLength(child.edge, tokens, length);
        node = child;
      }
      return { length, holders: length === 0 ? [] : { [Symbol.iterator]: () => holdersBelow(node) } };
    },
    /** How many of a holder's tokens somebody else holds too; 0 where it has no place. */
    sharedLength(holder: Holder): number {
      let node = places.get(holder);
      while (node !== undefined && node.count < 2) node = node.parent;
      return node?.depth ?? 0;
    },
    /** Distinct tokens in the tree: what a perfect cache prefills for all of its holders. */
    tokenCount(): number {
      const sum = (node: Node<Holder>): number =>
        [...node.children.values()].reduce((total, child) => total + child.edge.length + sum(child), 0);
      return sum(root);
    },
  };
}
