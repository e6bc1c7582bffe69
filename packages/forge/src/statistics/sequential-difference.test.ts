import { describe, expect, it } from 'vitest';
import { simulateStopping } from '../testing/simulate-stopping.ts';
import { createSequentialDifference } from './sequential-difference.ts';

const options = { alpha: 0.025, margin: 0.05, atLeast: 10 };

function after(differences: readonly number[], over: Partial<typeof options> = {}) {
  const sequence = createSequentialDifference({ ...options, ...over });
  for (const one of differences) sequence.add(one);
  return sequence;
}
const repeated = (pattern: readonly number[], times: number) => Array.from({ length: times }, () => pattern).flat();

describe('createSequentialDifference', () => {
  it('settles as above, below or within the margin, and says after how many', () => {
    const gain = after(repeated([1, 1, 0], 20)).settled();
    expect(gain).toMatchObject({ as: 'above' });
    expect(after(repeated([-1, -1, 0], 20)).settled()).toEqual({ as: 'below', after: gain?.after });
    expect(after(repeated([0], 200)).settled()).toMatchObject({ as: 'within' });
    expect(after(repeated([1, -1], 40)).settled()).toBeNull();
  });

  it('settles nothing before atLeast, and then keeps to what it was settled as', () => {
    expect(after(repeated([1], 40), { atLeast: 41 }).settled()).toBeNull();
    expect(after(repeated([1], 41), { atLeast: 41 }).settled()).toEqual({ as: 'above', after: 41 });
    const early = after(repeated([1], 20)).settled();
    expect(after([...repeated([1], 20), ...repeated([-1], 300)]).settled()).toEqual(early);
  });

  it('gives p-values that agree with its interval', () => {
    const gain = after(repeated([1, 1, 0], 20));
    expect(gain.pValues().difference).toBeLessThan(options.alpha);
    expect(gain.pValues().equivalence).toBe(1);
    const same = after(repeated([0], 200));
    expect(same.interval().low).toBeGreaterThan(-0.05);
    expect(same.pValues()).toMatchObject({ difference: 1 });
    expect(same.pValues().equivalence).toBeLessThan(options.alpha);
    expect(after(repeated([1, -1], 40)).pValues().difference).toBeGreaterThan(options.alpha);
  });
});

// The tables of docs/sequential-stopping.md, small: `npm run simulate:stopping`.
describe('sequential stopping, simulated', () => {
  const common = { seed: 'test', repetitions: 400, alpha: 0.05 };

  it('keeps false alarms under alpha while one looks after every example, where peeking does not', () => {
    for (const discordance of [0.1, 1]) {
      const null0 = { most: 150, difference: 0, discordance, margin: 0, atLeast: 1, every: 1 };
      const { early, atEnd, peeking } = simulateStopping({ ...common, ...null0 });
      const stopped = early.above + early.below;
      expect(stopped).toBeLessThanOrEqual(0.025 * common.repetitions);
      expect(stopped + atEnd.above + atEnd.below).toBeLessThanOrEqual(0.05 * common.repetitions);
      expect(peeking).toBeGreaterThan(0.1 * common.repetitions);
    }
  });

  it('finds large differences and equal variants with a fraction of the examples, and not the other way round', () => {
    const rule = { most: 500, margin: 0.1, atLeast: 50, every: 25 };
    const large = simulateStopping({ ...common, ...rule, repetitions: 100, difference: 0.2, discordance: 0.3 });
    expect(large.early.above).toBeGreaterThan(98);
    expect(large.examples).toBeLessThan(150);
    const equal = simulateStopping({ ...common, ...rule, repetitions: 100, difference: 0, discordance: 0.05 });
    expect(equal.early.within).toBeGreaterThan(98);
    expect(equal.examples).toBeLessThan(250);
  });
});
