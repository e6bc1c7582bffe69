import { createBettingTest, createConfidenceSequence } from './confidence-sequence.ts';

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Which side of 0 a difference is on, or that it is within the margin. */
export type Settled = 'above' | 'below' | 'within';

/**
 * Paired differences in [-1, 1], one after another, and whether they settle the question by now. One may look after each of them: all that
 * it says is wrong with probability alpha at most, over all looks together (confidence-sequence.ts).
 */
export interface SequentialDifference {
  /** Takes the next difference; they come in an order that does not depend on them. */
  add(difference: number): void;
  /** What it is settled as and after how many differences; null while it is open. What is settled stays so. */
  settled(): { readonly as: Settled; readonly after: number } | null;
  /** Of the mean difference. */
  interval(): Interval;
  /** Anytime-valid p-values: of no difference, and of one outside the margin. */
  pValues(): { readonly difference: number; readonly equivalence: number };
}

/**
 * What one sequence may err with: alpha is shared by the comparisons (Bonferroni), and each share is halved between stopping early, at
 * whichever look, and the ordinary test of those who go on to the end.
 */
export const sequenceAlpha = (alpha: number, comparisons: number): number => alpha / (2 * comparisons);

/** `margin`: differences within it on either side do not matter. `atLeast`: nothing is settled by fewer differences. */
export function createSequentialDifference(options: {
  readonly alpha: number;
  readonly margin: number;
  readonly atLeast: number;
}): SequentialDifference {
  const { alpha, margin, atLeast } = options;
  const sequence = createConfidenceSequence(alpha);
  const unit = (difference: number) => (difference + 1) / 2;
  const zero = createBettingTest(unit(0), alpha);
  const lowest = createBettingTest(unit(-margin), alpha);
  const highest = createBettingTest(unit(margin), alpha);
  let n = 0;
  let settled: { as: Settled; after: number } | null = null;

  const interval = () => {
    const { low, high } = sequence.interval();
    return { low: 2 * low - 1, high: 2 * high - 1 };
  };

  function look(): Settled | null {
    const { low, high } = interval();
    if (low > 0) return 'above';
    if (high < 0) return 'below';
    return low > -margin && high < margin ? 'within' : null;
  }

  return {
    add(difference) {
      for (const one of [sequence, zero, lowest, highest]) one.add(unit(difference));
      n++;
      if (settled !== null || n < atLeast) return;
      const as = look();
      if (as !== null) settled = { as, after: n };
    },
    settled: () => settled,
    interval,
    pValues() {
      const { above, below } = zero.pValues();
      return {
        difference: Math.min(above, below),
        // Shown to be above the one margin and below the other.
        equivalence: Math.max(lowest.pValues().above, highest.pValues().below),
      };
    },
  };
}

/** What differences in an order that does not depend on them say at a moment that they choose; null where they settle nothing. */
export function judgeSequence(
  differences: ArrayLike<number>,
  options: Parameters<typeof createSequentialDifference>[0],
): {
  settled: Settled;
  after: number;
  interval: Interval;
  pValues: ReturnType<SequentialDifference['pValues']>;
} | null {
  const sequence = createSequentialDifference(options);
  for (let i = 0; i < differences.length; i++) sequence.add(differences[i] as number);
  const settled = sequence.settled();
  if (settled === null) return null;
  return { settled: settled.as, after: settled.after, interval: sequence.interval(), pValues: sequence.pValues() };
}
