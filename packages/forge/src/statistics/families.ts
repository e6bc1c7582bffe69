/** p-values adjusted by Holm's step-down procedure (1979), in the given order: controls the family-wise error. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length);
  let most = 0;
  for (const [rank, { p, i }] of order.entries()) {
    most = Math.max(most, Math.min(1, (pValues.length - rank) * p));
    adjusted[i] = most;
  }
  return adjusted;
}

/** p-values adjusted by Benjamini and Hochberg's procedure (1995), in the given order: controls the false discovery rate. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => b.p - a.p);
  const adjusted = new Array<number>(pValues.length);
  let least = 1;
  for (const [rank, { p, i }] of order.entries()) {
    least = Math.min(least, (p * pValues.length) / (pValues.length - rank));
    adjusted[i] = least;
  }
  return adjusted;
}
