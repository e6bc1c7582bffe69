import { describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import {
  binomialCdf,
  binomialPmf,
  incompleteBeta,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from './distributions.ts';
import { equivalenceTest } from './equivalence.ts';
import {
  clusteredMeanEstimate,
  clusteredStandardError,
  clusterKeys,
  meanEstimate,
  wilsonEstimate,
} from './estimate.ts';
import { benjaminiHochberg, holm } from './families.ts';
import { mcNemar } from './mcnemar.ts';
import { pairedProportionDifference } from './paired-proportions.ts';
import { passAtK } from './pass-at-k.ts';
import { detectableEffect, neededN } from './power.ts';
import { quantile, quantileEstimate } from './quantile.ts';
import { ratioOfMeans } from './ratio.ts';
import { bootstrapMean, signFlipTest } from './resampling.ts';

// Golden values: SciPy 1.17.1 and NumPy 2.4.6, unless a source is named.

describe('distributions equal SciPy to 1e-10', () => {
  it.each([
    [-6, 9.865876450376946e-10],
    [-2.5, 0.006209665325776132],
    [-1, 0.15865525393145707],
    [0, 0.5],
    [0.3, 0.6179114221889526],
    [1.96, 0.9750021048517795],
    [4, 0.9999683287581669],
  ])('normalCdf(%d)', (z, expected) => {
    expect(Math.abs(normalCdf(z) / expected - 1)).toBeLessThan(1e-10);
  });
  it.each([
    [1e-6, -4.753424308822899],
    [0.025, -1.9599639845400545],
    [0.2, -0.8416212335729142],
    [0.975, 1.959963984540054],
  ])('normalQuantile(%d)', (p, expected) => expect(normalQuantile(p)).toBeCloseTo(expected, 10));
  it.each([
    [-3.2, 1, 0.09641124797922958],
    [-1, 5, 0.18160873382456144],
    [0.4, 2.5, 0.6395903655346387],
    [2.1, 19, 0.9753428008783632],
    [5, 100, 0.9999987749132933],
    [1.5, 1e5, 0.9331912202385847],
    [-1.8761, 896273.36, 0.03032093721174183],
  ])('studentCdf(%d, %d)', (t, df, expected) => expect(studentCdf(t, df)).toBeCloseTo(expected, 10));
  it.each([
    [0.025, 1, -12.706204736174705],
    [0.025, 19, -2.09302405440831],
    [0.975, 199, 1.9719565442517533],
    [0.9, 3.3, 1.598366958560087],
    [0.001, 7, -4.785289628638334],
    [0.0747, 809937, -1.4416553930356877],
  ])('studentQuantile(%d, %d)', (p, df, expected) => expect(studentQuantile(p, df)).toBeCloseTo(expected, 9));
  it.each([
    [0.2, 2, 3, 0.1808],
    [0.5, 100, 120, 0.9117960627949818],
    [0.9, 0.5, 0.5, 0.7951672353008665],
    [0.01, 5, 1, 1e-10],
    [0.4999, 5000, 5000, 0.4920218856320846],
    [0.5127, 99591, 94715, 0.5535742339775256],
    [1e-9, 0.1113, 0.1611, 0.060380557851460584],
  ])('incompleteBeta(%d, %d, %d)', (x, a, b, expected) => expect(incompleteBeta(x, a, b)).toBeCloseTo(expected, 10));
  it.each([
    [5, 20, 0.5, 0.020694732666015625, 0.014785766601562497],
    [0, 10, 0.3, 0.0282475249, 0.0282475249],
    [999, 2000, 0.5, 0.49108049442707286, 0.017821189955898424],
    [60, 100, 0.55, 0.8657459589453078, 0.0488029031597736],
    [237566, 820218, 0.28946, 0.6391163664800386, 0.0009119195249812755],
  ])('binomial(%d of %d, %d)', (k, n, p, cdf, pmf) => {
    expect(binomialCdf(k, n, p)).toBeCloseTo(cdf, 10);
    expect(binomialPmf(k, n, p)).toBeCloseTo(pmf, 10);
  });
});

it('Student t with infinite degrees of freedom is the normal distribution', () => {
  expect(studentCdf(1.96, Number.POSITIVE_INFINITY)).toBe(normalCdf(1.96));
});

describe('intervals', () => {
  it('mean with a t interval', () => {
    const estimate = meanEstimate([0.1, 0.5, 0.9, 0.3, 0.3, 1.0, 0.0, 0.75]);
    expect(estimate.value).toBeCloseTo(0.48125, 12);
    expect(estimate.low).toBeCloseTo(0.17169840582019752, 10);
    expect(estimate.high).toBeCloseTo(0.7908015941798023, 10);
  });
  it('Wilson: 17 of 20', () => {
    const { low, high } = wilsonEstimate(17, 20);
    expect(low).toBeCloseTo(0.6395811352592431, 10);
    expect(high).toBeCloseTo(0.9476312541037835, 10);
    expect(wilsonEstimate(0, 10).low).toBe(0);
    expect(wilsonEstimate(10, 10).high).toBe(1);
    expect(wilsonEstimate(0, 0)).toMatchObject({ low: 0, high: 1 });
  });
  it('clustered mean (CR1)', () => {
    const scores = [1, 0, 1, 1, 0, 0, 1, 1, 0, 1];
    const clusters = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3];
    expect(clusteredStandardError(scores, clusters).error).toBeCloseTo(0.046188021535170064, 12);
    expect(clusteredMeanEstimate(scores, clusters)).toMatchObject({ n: 4, method: 'clustered-t' });
    expect(clusteredMeanEstimate(scores, clusters).low).toBeCloseTo(0.45300910151703366, 10);
  });
  it('quantiles of type 7', () => {
    const sorted = [0.2, 1.7, 2.2, 3.1, 4.4, 5.5, 6.3, 7.7, 8.0, 9.1];
    for (const [p, expected] of [
      [0.5, 4.95],
      [0.95, 8.605],
      [0.99, 9.001],
      [0.1, 1.55],
    ] as const)
      expect(quantile(sorted, p)).toBeCloseTo(expected, 12);
  });
  it('an interval of a quantile claims no more than it covers: 99th percentile of 100 values', () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    const { low, high, level } = quantileEstimate(values, 0.99);
    expect({ low, high }).toEqual({ low: 97, high: 100 });
    // P(97 <= X <= 99), X ~ Bin(100, 0.99): SciPy.
    expect(level).toBeCloseTo(0.6155936222821214, 10);
    // The ranks of the textbook: 40 and 61 of 100 for the median.
    expect(quantileEstimate(values, 0.5)).toMatchObject({ low: 40, high: 61, level: 0.95 });
  });
  it('an example without a cluster is a cluster by itself', () => {
    expect(clusterKeys(['a', null, 'a', null])).toEqual(['a', 1, 'a', 3]);
    expect(clusterKeys([null, null])).toBeNull();
  });
  it('paired proportions (formula of Bonett and Price 2012, worked in Python)', () => {
    const { value, low, high } = pairedProportionDifference(1, 7, 21);
    expect(value).toBeCloseTo(-6 / 21, 12);
    expect(low).toBeCloseTo(-0.5083593066664394, 10);
    expect(high).toBeCloseTo(-0.013379823768343235, 10);
    expect(pairedProportionDifference(0, 40, 40).high).toBeGreaterThan(-0.9);
    expect(pairedProportionDifference(0, 0, 50)).toMatchObject({ value: 0 });
  });
  it('says so where there is one value or none', () => {
    expect(meanEstimate([0.5])).toMatchObject({ low: 0.5, high: 0.5 });
    expect(meanEstimate([])).toMatchObject({ value: 0, n: 0 });
  });
});

describe('ratio of paired means', () => {
  const baseline = Float64Array.of(10, 12, 9, 11, 8);
  const candidate = Float64Array.of(21, 25, 17, 24, 18);

  it('equals the delta method by hand', () => {
    // SciPy: u = c/mean(c) - b/mean(b); exp(log(r) -+ t.ppf(0.975, 4) * sem(u)).
    const ratio = ratioOfMeans(baseline, candidate, null);
    expect(ratio?.value).toBeCloseTo(2.1, 12);
    expect(ratio?.low).toBeCloseTo(1.954487530503547, 9);
    expect(ratio?.high).toBeCloseTo(2.256345937834571, 9);
  });

  it('covers the true ratio as often as it says', () => {
    const random = createRandom('ratio');
    const draws = 2000;
    let covered = 0;
    for (let draw = 0; draw < draws; draw++) {
      const size = Array.from({ length: 60 }, () => 1 + random.below(40));
      const [below, above] = [size.map((n) => n + random.below(10)), size.map((n) => 3 * n + random.below(30))];
      const ratio = ratioOfMeans(Float64Array.from(below), Float64Array.from(above), null);
      const truth = (3 * 20.5 + 14.5) / (20.5 + 4.5);
      if (ratio !== null && ratio.low <= truth && truth <= ratio.high) covered++;
    }
    expect(covered / draws).toBeGreaterThan(0.93);
    expect(covered / draws).toBeLessThan(0.97);
  });

  it('is wider where examples belong together, and silent where there is nothing to divide by', () => {
    const clustered = ratioOfMeans(baseline, candidate, ['a', 'a', 'b', 'b', 'b']);
    expect(clustered).toMatchObject({ n: 2, method: 'clustered-t' });
    expect(ratioOfMeans(Float64Array.of(0, 0), Float64Array.of(1, 2), null)).toBeNull();
    expect(ratioOfMeans(Float64Array.of(1), Float64Array.of(2), null)).toBeNull();
    expect(ratioOfMeans(baseline, candidate, ['a', 'a', 'a', 'a', 'a'])).toBeNull();
  });
});

describe('tests', () => {
  it('McNemar: 5 against 15 (Fagerland et al. 2013: exact .0414, mid-p .0266)', () => {
    expect(mcNemar(5, 15).exact).toBeCloseTo(0.04138946533203125, 12);
    expect(mcNemar(15, 5).midP).toBeCloseTo(0.0266, 5);
  });
  it.each([
    [0, 6, 0.03125],
    [10, 10, 1],
    [3, 4, 1],
    [40, 75, 0.001412957498607674],
    [0, 0, 1],
  ])('McNemar exact of %d and %d', (b, c, expected) => {
    expect(mcNemar(b, c).exact).toBeCloseTo(expected, 10);
  });
  const differences = [0.1, -0.05, 0.02, 0, 0.04, -0.01, 0.03, 0.06, -0.02, 0.05];
  it('sign-flip permutation: near the exact p-value of all 1,024 flips', () => {
    expect(Math.abs(signFlipTest(differences, { resamples: 40_000 }) - 0.16796875)).toBeLessThan(0.008);
    expect(signFlipTest([0, 0, 0])).toBe(1);
    expect(signFlipTest(new Array(40).fill(1), { resamples: 999 })).toBeCloseTo(0.001, 12);
  });
  it('TOST', () => {
    expect(equivalenceTest(0.022, 0.013808210118138651, 9, 0.1)).toBeCloseTo(0.00015703768550271813, 10);
    expect(equivalenceTest(0.022, 0.013808210118138651, 9, 0.04)).toBeCloseTo(0.11236813065703193, 10);
    expect(equivalenceTest(0, 0, 9, 0.1)).toBe(0);
  });
  it('Holm and Benjamini-Hochberg', () => {
    const p = [0.01, 0.04, 0.03, 0.005, 0.5];
    expect(holm(p).map((value) => Number(value.toFixed(12)))).toEqual([0.04, 0.09, 0.09, 0.025, 0.5]);
    expect(benjaminiHochberg(p).map((value) => Number(value.toFixed(12)))).toEqual([0.025, 0.05, 0.05, 0.025, 0.5]);
  });
  it('power: the worked figures of Miller 2024', () => {
    expect(neededN(0.03, { varianceOfDifference: 1 / 9 })).toBe(969);
    expect(neededN(0.03, { varianceOfDifference: 1 / 9, withinA: 1 / 6, withinB: 1 / 6 })).toBe(3876);
    expect(
      neededN(0.03, { varianceOfDifference: 1 / 9, withinA: 1 / 6, withinB: 1 / 6, samplesA: 10, samplesB: 10 }),
    ).toBe(1260);
    expect(detectableEffect({ n: 969, varianceOfDifference: 1 / 9 })).toBeCloseTo(0.03, 4);
  });
  it('pass@k', () => {
    expect(passAtK(10, 3, 1)).toBeCloseTo(0.3, 12);
    expect(passAtK(5, 2, 2)).toBeCloseTo(0.7, 12);
    expect(passAtK(200, 1, 100)).toBeCloseTo(0.5, 12);
    expect(passAtK(5, 4, 2)).toBe(1);
    expect(() => passAtK(5, 6, 1)).toThrow(RangeError);
  });
});

/** Share of simulated data sets for which `holds`. */
function share(runs: number, holds: (random: ReturnType<typeof createRandom>) => boolean): number {
  const random = createRandom('simulation');
  let count = 0;
  for (let i = 0; i < runs; i++) if (holds(random)) count++;
  return count / runs;
}
const covers = ({ low, high }: { low: number; high: number }, truth: number) => low <= truth && truth <= high;
/** Three standard errors of a simulated share near 0.95. */
const error = (runs: number) => 3 * Math.sqrt((0.95 * 0.05) / runs);

describe('simulated coverage', () => {
  const runs = 2000;
  it('t intervals of a mean', () => {
    const rate = share(runs, (random) =>
      covers(meanEstimate(Array.from({ length: 60 }, () => random.next() ** 2)), 1 / 3),
    );
    expect(Math.abs(rate - 0.95)).toBeLessThan(error(runs) + 0.01);
  });
  it('Wilson intervals', () => {
    const rate = share(runs, (random) =>
      covers(wilsonEstimate(Array.from({ length: 80 }).filter(() => random.next() < 0.2).length, 80), 0.2),
    );
    expect(Math.abs(rate - 0.95)).toBeLessThan(error(runs) + 0.015);
  });
  it('intervals of paired proportions', () => {
    const rate = share(runs, (random) => {
      let [gained, lost] = [0, 0];
      for (let i = 0; i < 60; i++) {
        const u = random.next();
        if (u < 0.2) gained++;
        else if (u < 0.25) lost++;
      }
      return covers(pairedProportionDifference(gained, lost, 60), 0.15);
    });
    expect(Math.abs(rate - 0.95)).toBeLessThan(error(runs) + 0.015);
  });
  it('clustered intervals, where plain ones fail', () => {
    const draw = (random: ReturnType<typeof createRandom>) => {
      const scores: number[] = [];
      const clusters: number[] = [];
      for (let c = 0; c < 50; c++) {
        const level = random.next();
        for (let i = 0; i < 6; i++) {
          scores.push(random.next() < level ? 1 : 0);
          clusters.push(c);
        }
      }
      return { scores, clusters };
    };
    const clustered = share(runs, (random) => {
      const { scores, clusters } = draw(random);
      return covers(clusteredMeanEstimate(scores, clusters), 0.5);
    });
    const plain = share(runs, (random) => covers(meanEstimate(draw(random).scores), 0.5));
    expect(Math.abs(clustered - 0.95)).toBeLessThan(error(runs) + 0.01);
    expect(plain).toBeLessThan(0.9);
  });
  it('order-statistic intervals of a quantile', () => {
    const rate = share(runs, (random) =>
      covers(quantileEstimate(Float64Array.from({ length: 200 }, () => random.next()).sort(), 0.9), 0.9),
    );
    expect(rate).toBeGreaterThan(0.95 - error(runs));
  });
  it('bootstrap intervals of paired, clustered differences', () => {
    const rate = share(1000, (random) => {
      const values: number[] = [];
      const clusters: number[] = [];
      for (let c = 0; c < 60; c++) {
        const shift = random.next() - 0.5;
        for (let i = 0; i < 3; i++) {
          values.push(shift + random.next() - 0.5);
          clusters.push(c);
        }
      }
      return covers(bootstrapMean(values, { clusters, resamples: 400, seed: random.below(1e9) }), 0);
    });
    expect(Math.abs(rate - 0.95)).toBeLessThan(error(1000) + 0.015);
  });
  it('false alarms of McNemar’s mid-p and of the permutation test stay at the level', () => {
    const mid = share(runs, (random) => {
      const gained = Array.from({ length: 40 }).filter(() => random.next() < 0.5).length;
      return mcNemar(gained, 40 - gained).midP < 0.05;
    });
    const permutation = share(
      1000,
      (random) =>
        signFlipTest(
          Array.from({ length: 40 }, () => random.next() - 0.5),
          { resamples: 400, seed: random.below(1e9) },
        ) < 0.05,
    );
    expect(mid).toBeLessThan(0.05 + error(runs));
    expect(permutation).toBeLessThan(0.05 + error(1000));
  });
});
