import { createRandom } from '../lib/random.ts';
import { mcNemar } from '../statistics/mcnemar.ts';
import { createSequentialDifference, type Settled, sequenceAlpha } from '../statistics/sequential-difference.ts';

/** A comparison of two variants on 0/1 scores, many times over. */
export interface Simulation {
  readonly repetitions: number;
  readonly seed: string;
  /** Examples that there are. */
  readonly most: number;
  /** True difference, and share of pairs that differ; |difference| <= discordance. */
  readonly difference: number;
  readonly discordance: number;
  readonly alpha: number;
  /** 0: nothing is ever equivalent. */
  readonly margin: number;
  readonly atLeast: number;
  readonly every: number;
}

/** Counts of repetitions, but for `examples`. */
export interface Simulated {
  readonly repetitions: number;
  /** Settled before or with the last example. */
  readonly early: Readonly<Record<Settled, number>>;
  /** Left open, and found different by McNemar's test at the end, at its half of alpha. */
  readonly atEnd: Readonly<Record<'above' | 'below', number>>;
  /** Examples of each variant, mean over the repetitions. */
  readonly examples: number;
  /** Peeking with McNemar's test at alpha after each example, as one must not: found different at some moment. */
  readonly peeking: number;
}

const rememberedPValues = new Map<number, number>();
function midP(gained: number, lost: number): number {
  const key = Math.min(gained, lost) * 1e6 + Math.max(gained, lost);
  const known = rememberedPValues.get(key) ?? mcNemar(gained, lost).midP;
  rememberedPValues.set(key, known);
  return known;
}

/** Plays comparisons with one candidate as `compare.stop` decides them. */
export function simulateStopping(simulation: Simulation): Simulated {
  const { repetitions, seed, most, difference, discordance, alpha, margin, atLeast, every } = simulation;
  const random = createRandom(`${seed} ${JSON.stringify([most, difference, discordance, margin, atLeast, every])}`);
  const share = sequenceAlpha(alpha, 1);
  const [gain, loss] = [(discordance + difference) / 2, (discordance - difference) / 2];
  const early = { above: 0, below: 0, within: 0 };
  const atEnd = { above: 0, below: 0 };
  let [examples, peeking] = [0, 0];

  for (let repetition = 0; repetition < repetitions; repetition++) {
    const sequence = createSequentialDifference({ alpha: share, margin, atLeast });
    let [gained, lost, stoppedAt, peeked] = [0, 0, 0, false];
    // To the end, because peeking goes on.
    for (let n = 1; n <= most; n++) {
      const drawn = random.next();
      const one = drawn < gain ? 1 : drawn < gain + loss ? -1 : 0;
      if (one > 0) gained++;
      if (one < 0) lost++;
      peeked ||= one !== 0 && midP(gained, lost) < alpha;
      if (stoppedAt > 0) continue;
      sequence.add(one);
      const isLook = n === most || (n >= atLeast && (n - atLeast) % every === 0);
      if (isLook && sequence.settled() !== null) stoppedAt = n;
    }
    const settled = sequence.settled();
    if (settled !== null) early[settled.as]++;
    else if (midP(gained, lost) < share) atEnd[gained > lost ? 'above' : 'below']++;
    if (peeked) peeking++;
    examples += stoppedAt || most;
  }
  return { repetitions, early, atEnd, examples: examples / repetitions, peeking };
}
