/**
 * Unbiased estimate of the chance that at least one of k samples is right, from c right ones of n:
 * 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, https://arxiv.org/abs/2107.03374), as a product so that it cannot overflow.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n && c >= 0 && c <= n))
    throw new RangeError(`passAtK: needs 1 <= k <= n and 0 <= c <= n, got n=${n} c=${c} k=${k}`);
  if (n - c < k) return 1;
  let miss = 1;
  for (let i = n - c + 1; i <= n; i++) miss *= 1 - k / i;
  return 1 - miss;
}
