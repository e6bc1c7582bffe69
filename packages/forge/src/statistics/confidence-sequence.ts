import { type Estimate, mean } from './estimate.ts';

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

/**
 * The bet on each next value, the predictable plug-in: it rests on the values before alone, which is what the coverage needs. (With log(1 / alpha),
 * as the package has it.) Throws RangeError where a value is not in [0, 1].
 */
function createBets(alpha: number) {
  let [n, sum, squares] = [0, 0, 0];
  return {
    next(value: number): number {
      if (!(value >= 0 && value <= 1))
        throw new RangeError(`a value of a confidence sequence must be in [0, 1]: ${value}`);
      const variance = (0.25 + squares) / (n + 1);
      n++;
      sum += value;
      squares += (value - (0.5 + sum) / (n + 1)) ** 2;
      return Math.sqrt((2 * Math.log(1 / alpha)) / (n * Math.log(1 + n) * variance));
    },
  };
}

/** What a bet that the mean is higher than `mean` adds to the logarithm of the capital, and one that it is lower. */
const gainHigher = (bet: number, mean: number, value: number) =>
  Math.log1p(Math.min(bet, mostAtStake / mean) * (value - mean));
const gainLower = (bet: number, mean: number, value: number) =>
  Math.log1p(-Math.min(bet, mostAtStake / (1 - mean)) * (value - mean));

/** Before the first value: the mean may be anywhere in [0, 1]. */
export function createConfidenceSequence(alpha: number): ConfidenceSequence {
  // Logarithms of the capital of those who bet that the mean is higher, and that it is lower.
  const higher = new Float64Array(steps + 1);
  const lower = new Float64Array(steps + 1);
  const enough = Math.log(2 / alpha);
  const bets = createBets(alpha);
  // What is out stays out, so that only means between these go on being tried.
  let [first, last] = [0, steps];

  return {
    add(value) {
      const bet = bets.next(value);
      for (let i = first; i <= last; i++) {
        const mean = i / steps;
        higher[i] = (higher[i] as number) + gainHigher(bet, mean, value);
        lower[i] = (lower[i] as number) + gainLower(bet, mean, value);
      }
      const isOut = (i: number) => Math.max(higher[i] as number, lower[i] as number) > enough;
      let [from, to] = [first, last];
      while (from < to && isOut(from)) from++;
      while (to > from && isOut(to)) to--;
      // Where every mean is out, what was known before stands.
      if (!isOut(from)) [first, last] = [from, to];
    },
    interval: () => ({ low: Math.max(0, (first - 1) / steps), high: Math.min(1, (last + 1) / steps) }),
  };
}

/** Mean with the interval of a confidence sequence after all values, which are in [0, 1] and in an order that does not depend on them. */
export function anytimeMeanEstimate(values: ArrayLike<number>, level = 0.95): Estimate {
  const sequence = createConfidenceSequence(1 - level);
  for (let i = 0; i < values.length; i++) sequence.add(values[i] as number);
  const n = values.length;
  return { value: n === 0 ? 0 : mean(values), ...sequence.interval(), n, level, method: 'hedged-capital' };
}

/**
 * Bets against one mean: p-values that are valid at every moment, 1 over the largest capital so far (Ville's inequality), of which each side
 * has half. `above`: of a mean that is at most this one; `below`: of one that is at least this one.
 */
export function createBettingTest(mean: number, alpha: number) {
  const bets = createBets(alpha);
  let [higher, lower, mostHigher, mostLower] = [0, 0, 0, 0];
  const pValue = (most: number) => Math.min(1, 2 * Math.exp(-most));
  return {
    add(value: number): void {
      const bet = bets.next(value);
      higher += gainHigher(bet, mean, value);
      lower += gainLower(bet, mean, value);
      mostHigher = Math.max(mostHigher, higher);
      mostLower = Math.max(mostLower, lower);
    },
    pValues: () => ({ above: pValue(mostHigher), below: pValue(mostLower) }),
  };
}
