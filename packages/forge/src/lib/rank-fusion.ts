/** Items with what several rankings say of them; `score` decides the order. */
export interface Fused<Item> {
  readonly item: Item;
  readonly score: number;
}

const add = <Item>(sums: Map<string, { item: Item; score: number }>, id: string, item: Item, amount: number) => {
  const sum = sums.get(id);
  if (sum === undefined) sums.set(id, { item, score: amount });
  else sum.score += amount;
};

const inOrder = <Item>(sums: Map<string, { item: Item; score: number }>): Fused<Item>[] =>
  [...sums].sort(([a, x], [b, y]) => y.score - x.score || (a < b ? -1 : 1)).map(([, one]) => one);

/** Reciprocal rank fusion: sum of 1 / (k + rank), ranks from 1 (Cormack, Clarke and Buettcher 2009, https://doi.org/10.1145/1571941.1572114). */
export function reciprocalRankFusion<Item extends { readonly id: string }>(
  rankings: readonly (readonly Item[])[],
  k = 60,
): Fused<Item>[] {
  const sums = new Map<string, { item: Item; score: number }>();
  for (const ranking of rankings) for (const [i, item] of ranking.entries()) add(sums, item.id, item, 1 / (k + i + 1));
  return inOrder(sums);
}

/** Weighted sum of scores, each ranking's brought to 0 to 1 first; what a ranking does not hold has 0 there. */
export function weightedFusion<Item extends { readonly id: string; readonly score: number }>(
  rankings: readonly { readonly items: readonly Item[]; readonly weight: number }[],
): Fused<Item>[] {
  const sums = new Map<string, { item: Item; score: number }>();
  for (const { items, weight } of rankings) {
    const scores = items.map(({ score }) => score);
    const low = Math.min(...scores);
    const spread = Math.max(...scores) - low;
    for (const item of items) add(sums, item.id, item, weight * (spread > 0 ? (item.score - low) / spread : 1));
  }
  return inOrder(sums);
}
