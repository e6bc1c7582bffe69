import { describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import { createConfidenceSequence } from './confidence-sequence.ts';

const sequences = {
  binary: (i: number) => ((i * 7919) % 10 < 7 ? 1 : 0),
  thirds: (i: number) => (i % 4 ? ([0, 0.5, 1][(i * i + 3 * i) % 3] as number) : 0.5),
  small: (i: number) => (((i * 37) % 101) / 101) * 0.2 + 0.4,
};

describe('createConfidenceSequence', () => {
  // confseq 0.0.11, hedged_cs(x, alpha=0.05, breaks=1000), after 1, 10, 50 and 200 values.
  it.each([
    [
      'binary',
      [
        [1, 0, 1],
        [10, 0.203, 0.949],
        [50, 0.477, 0.831],
        [200, 0.578, 0.785],
      ],
    ],
    [
      'thirds',
      [
        [1, 0, 1],
        [10, 0.147, 0.67],
        [50, 0.28, 0.477],
        [200, 0.323, 0.42],
      ],
    ],
    [
      'small',
      [
        [1, 0, 1],
        [10, 0.257, 0.732],
        [50, 0.431, 0.567],
        [200, 0.479, 0.519],
      ],
    ],
  ] as const)('equals the reference on %s values', (name, expected) => {
    const sequence = createConfidenceSequence(0.05);
    const found = [];
    for (let i = 0; i < 200; i++) {
      sequence.add(sequences[name](i));
      const { low, high } = sequence.interval();
      if (expected.some(([n]) => n === i + 1)) found.push([i + 1, Number(low.toFixed(4)), Number(high.toFixed(4))]);
    }
    expect(found).toEqual(expected);
  });

  it('holds the mean at every moment in all but alpha of all sequences', () => {
    const random = createRandom('confidence sequences');
    const [alpha, rounds, mean] = [0.1, 400, 0.55];
    let missed = 0;
    for (let round = 0; round < rounds; round++) {
      const sequence = createConfidenceSequence(alpha);
      for (let i = 0; i < 150; i++) sequence.add(random.next() < mean ? 1 : 0);
      const { low, high } = sequence.interval();
      if (low > mean || high < mean) missed++;
    }
    expect(missed / rounds).toBeLessThan(alpha);
    // One that never missed would be too wide to be of use.
    expect(missed).toBeGreaterThan(0);
  });

  it('refuses what is not in [0, 1]', () => {
    for (const value of [-0.1, 1.1, Number.NaN]) {
      expect(() => createConfidenceSequence(0.05).add(value)).toThrow(/must be in \[0, 1\]/);
    }
  });
});
