import { describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import { normalCdf } from './distributions.ts';
import { mean, standardError } from './estimate.ts';
import { type Better, type DrawnPoint, frontierProbabilities, paretoPlaces } from './pareto.ts';

const better: readonly Better[] = ['higher', 'lower', 'lower'];

describe('paretoPlaces', () => {
  it('finds the non-dominated set and who dominates whom', () => {
    const points = [
      [0.9, 100, 5], // best accuracy
      [0.8, 50, 5], // faster
      [0.7, 60, 6], // worse than the second in everything
      [0.8, 50, 4], // beats the second by cost alone
      [0.1, 200, 1], // cheapest
    ];
    const places = paretoPlaces(points, better);
    expect(places.map(({ onFrontier }) => onFrontier)).toEqual([true, false, false, true, true]);
    expect(places.map(({ dominatedBy }) => dominatedBy)).toEqual([[], [3], [1, 3], [], []]);
  });

  it('says ties: equal points are both on the frontier, or both off it', () => {
    const places = paretoPlaces(
      [
        [1, 1, 1],
        [1, 1, 1],
        [0, 2, 2],
        [0, 2, 2],
      ],
      better,
    );
    expect(places).toEqual([
      { onFrontier: true, dominatedBy: [], equalTo: [1] },
      { onFrontier: true, dominatedBy: [], equalTo: [0] },
      { onFrontier: false, dominatedBy: [0, 1], equalTo: [3] },
      { onFrontier: false, dominatedBy: [0, 1], equalTo: [2] },
    ]);
    expect(
      paretoPlaces(
        [
          [1, 2],
          [1, 3],
        ],
        ['higher', 'lower'],
      ).map((p) => p.onFrontier),
    ).toEqual([true, false]);
  });
});

/** A point whose one objective is the mean of the drawn values. */
const meanOf =
  (values: readonly number[]): DrawnPoint =>
  (examples) => {
    let sum = 0;
    let n = 0;
    for (const [i, times] of examples.entries()) {
      sum += times * (values[i] as number);
      n += times;
    }
    return n === 0 ? null : [sum / n];
  };

describe('frontierProbabilities', () => {
  const random = createRandom('frontier');
  const gauss = () => Array.from({ length: 12 }, () => random.next()).reduce((a, b) => a + b, 0) - 6;
  const hardness = Array.from({ length: 150 }, () => 5 * gauss());
  const a = hardness.map((value) => value + 0.3 * gauss());
  const b = a.map((value) => value + 0.03 + 0.4 * gauss());
  const draws = { examples: 150, repetitions: 1, resamples: 4000, seed: 1 };

  it('equals what the paired differences say: P(mean of the differences > 0)', () => {
    const differences = b.map((value, i) => value - (a[i] as number));
    const expected = normalCdf(mean(differences) / standardError(differences));
    expect(expected).toBeGreaterThan(0.6);
    expect(expected).toBeLessThan(0.99);
    const [ofA = 0, ofB = 0] = frontierProbabilities([meanOf(a), meanOf(b)], ['higher'], draws);
    expect(Math.abs(ofB - expected)).toBeLessThan(0.02);
    expect(ofA + ofB).toBeCloseTo(1, 12);
  });

  it('is paired: a point that is better on every example is always on the frontier, however the examples scatter', () => {
    const above = hardness.map((value) => value + 0.001);
    expect(frontierProbabilities([meanOf(hardness), meanOf(above)], ['higher'], draws)).toEqual([0, 1]);
    expect(frontierProbabilities([meanOf(hardness), meanOf(hardness)], ['higher'], draws)).toEqual([1, 1]);
  });

  it('draws whole clusters: with all examples in two, half of the draws hold one of them alone', () => {
    const clusters = Array.from({ length: 100 }, (_, i) => i % 2);
    const even = clusters.map((cluster) => (cluster === 0 ? 1 : 0));
    const points = [meanOf(even), () => [0.75]];
    // The first is at 1 in a quarter of the draws, at 0.5 or 0 else.
    const [first = 0] = frontierProbabilities(points, ['higher'], { ...draws, examples: 100, clusters });
    expect(Math.abs(first - 0.25)).toBeLessThan(0.03);
  });

  it('draws repetitions for all points alike, and leaves out draws in which a point has nothing', () => {
    const rates =
      (values: readonly number[]): DrawnPoint =>
      (_, times) => {
        const drawn = values.flatMap((value, r) => Array.from({ length: times[r] ?? 0 }, () => value));
        return drawn.length === 0 ? null : [mean(drawn)];
      };
    const points = [rates([1, 5, 9]), rates([2, 6, 10]), rates([100])];
    const probabilities = frontierProbabilities(points, ['higher'], { ...draws, repetitions: 3 });
    // The third has its one repetition in 1 - (2/3)^3 = 0.704 of the draws, and wins all of these.
    expect(probabilities[0]).toBe(0);
    expect(Math.abs((probabilities[1] as number) - 0.296)).toBeLessThan(0.03);
    expect(probabilities[2]).toBe(1);
    expect(frontierProbabilities([() => null], ['higher'], draws)[0]).toBeNaN();
  });

  it('is the same for the same seed', () => {
    const once = frontierProbabilities([meanOf(a), meanOf(b)], ['higher'], draws);
    expect(frontierProbabilities([meanOf(a), meanOf(b)], ['higher'], draws)).toEqual(once);
    expect(frontierProbabilities([meanOf(a), meanOf(b)], ['higher'], { ...draws, seed: 2 })).not.toEqual(once);
  });
});
