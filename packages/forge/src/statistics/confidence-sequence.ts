/**
 * Intervals for the mean of values in [0, 1] that hold at every moment at once, so that one may look after each value and stop when one likes: the
 * hedged capital confidence sequence of Waudby-Smith and Ramdas (2024, https://doi.org/10.1093/jrsssb/qkad009, theorem 3), as their package
 * confseq computes it: a mean is left out once bets against it have multiplied the capital by 1 / alpha.
 */
export interface ConfidenceSequence {
  /** Takes the next value, in [0, 1]; values come in an order that does not depend on them. */
  add(value: number): void;
  /** Within which the mean is, with probability 1 - alpha, after all values so far; intersected with every interval before. */
  interval(): { readonly low: number; readonly high: number };
}

/** Means that are tried lie 1 / steps apart; the interval is wider by one such step on each side. */
const steps = 1000;
/** A bet risks at most this share of the capital. */
const mostAtStake = 0.5;

/** Before the first value: the mean may be anywhere in [0, 1]. */
export function createConfidenceSequence(alpha: number): ConfidenceSequence {
  // Logarithms of the capital of those who bet that the mean is higher, and that it is lower.
  const higher = new Float64Array(steps + 1);
  const lower = new Float64Array(steps + 1);
  const enough = Math.log(1 / alpha) + Math.log(2);
  let [n, sum, squares] = [0, 0, 0];
  let [low, high] = [0, 1];

  return {
    add(value) {
      if (!(value >= 0 && value <= 1))
        throw new RangeError(`a value of a confidence sequence must be in [0, 1]: ${value}`);
      // The bet rests on what was seen before this value.
      const variance = (0.25 + squares) / (n + 1);
      n++;
      const bet = Math.sqrt((2 * Math.log(1 / alpha)) / (n * Math.log(1 + n) * variance));
      for (let i = 0; i <= steps; i++) {
        const mean = i / steps;
        higher[i] = (higher[i] as number) + Math.log1p(Math.min(bet, mostAtStake / mean) * (value - mean));
        lower[i] = (lower[i] as number) + Math.log1p(-Math.min(bet, mostAtStake / (1 - mean)) * (value - mean));
      }
      sum += value;
      squares += (value - (0.5 + sum) / (n + 1)) ** 2;
      let [first, last] = [0, steps];
      const isOut = (i: number) => Math.max(higher[i] as number, lower[i] as number) > enough;
      while (first < steps && isOut(first)) first++;
      while (last > first && isOut(last)) last--;
      // Where every mean is out, what was known before stands.
      if (isOut(first)) return;
      low = Math.max(low, (first - 1) / steps);
      high = Math.min(high, (last + 1) / steps);
    },
    interval: () => ({ low, high }),
  };
}
