import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { judgeClaim } from './judge-claim.ts';
import { parseClaim } from './lib/parse-claim.ts';
import { createRandom } from './lib/random.ts';
import type { PairedInput } from './paired-difference.ts';
import { pairedProportionDifference } from './statistics/paired-proportions.ts';

const input = (scores: readonly number[], cluster?: (i: number) => string): PairedInput => ({
  label: 'x',
  scores: new Map(scores.map((score, i) => [`${i}`, { score, cluster: cluster?.(i) ?? null }])),
});
const ones = (right: number, n: number) => Array.from({ length: n }, (_, i) => (i < right ? 1 : 0));
const judge = (claim: string, left: readonly number[], right: readonly number[] | null, binary = true, level = 0.95) =>
  judgeClaim(parseClaim(claim), { left: input(left), right: right && input(right), binary, anytime: false }, level);

describe('parseClaim', () => {
  it.each([
    ['f1(a) > 0.5', { kind: 'mean', left: { quantity: 'f1', variant: 'a' }, right: null, comparator: '>', bound: 0.5 }],
    [
      'f1(a, seed=1) - f1(b c)<10 points',
      { kind: 'difference', left: { quantity: 'f1', variant: 'a, seed=1' }, bound: 0.1 },
    ],
    ['tokens(a) / tokens(b) < 2', { kind: 'ratio', comparator: '<', bound: 2 }],
    ['| f1(a) - f1(b) | < 5 %', { kind: 'within', bound: 0.05 }],
    ['latency-ms(a) - latency-ms(b) > -20 ms', { kind: 'difference', bound: -20 }],
  ])('reads %s', (text, expected) => expect(parseClaim(text)).toMatchObject(expected));

  it.each([
    'f1(a)',
    'f1(a) >= 1',
    'f1(a) - f2(b) > 0',
    '|f1(a) - f1(b)| > 0.1',
    'f1 > 0.5',
    'f1(a) + f1(b) > 1',
    `f1(${'a'.repeat(600)}) > 1`,
  ])('refuses %s and says what can be written', (text) => {
    expect(() => parseClaim(text)).toThrow(ConfigError);
    expect(() => parseClaim(text)).toThrow(/^claim "/);
  });
});

describe('judgeClaim', () => {
  const naive = ones(40, 200);
  const better = ones(160, 200);

  it('supports and refutes by the whole interval, with the estimate of the comparison itself', () => {
    const supported = judge('f1(a) - f1(b) > 0.5', better, naive);
    expect(supported).toMatchObject({ verdict: 'supported', n: 200, neededN: null, bound: 0.5 });
    expect(supported.estimate).toEqual(pairedProportionDifference(120, 0, 200));
    expect(judge('f1(a) - f1(b) > 0.7', better, naive).verdict).toBe('refuted');
    expect(judge('f1(a) - f1(b) < 0.5', better, naive).verdict).toBe('refuted');
    expect(judge('f1(b) - f1(a) < -0.5', naive, better).verdict).toBe('supported');
  });

  it('cannot tell where the bound is in the interval, and says how many examples would', () => {
    const small = judge(
      'f1(a) - f1(b) > 0.5',
      better.filter((_, i) => i % 10 === 0),
      naive.filter((_, i) => i % 10 === 0),
    );
    expect(small.verdict).toBe('inconclusive');
    expect(small.neededN).toBeGreaterThan(20);
    expect(judge('f1(a) - f1(b) > 0', [], []).verdict).toBe('inconclusive');
    expect(judge('f1(a) - f1(b) > 0', [], []).estimate).toBeNull();
  });

  it('judges a mean, a ratio and an equivalence', () => {
    expect(judge('f1(a) > 0.7', better, null).verdict).toBe('supported');
    expect(judge('f1(a) > 0.9', better, null).verdict).toBe('refuted');
    const [few, many] = [ones(200, 200).map((_, i) => 40 + (i % 3)), ones(200, 200).map((_, i) => 70 + (i % 5))];
    expect(judge('tokens(a) / tokens(b) < 2', many, few, false).verdict).toBe('supported');
    expect(judge('tokens(a) / tokens(b) > 2', many, few, false).verdict).toBe('refuted');
    expect(judge('|f1(a) - f1(b)| < 0.05', better, better).verdict).toBe('supported');
    expect(judge('|f1(a) - f1(b)| < 0.05', better, naive).verdict).toBe('refuted');
    expect(judge('|f1(a) - f1(b)| < 0.001', better, better).verdict).toBe('inconclusive');
  });

  it('asks for more of each claim where there are several', () => {
    const [left, right] = [ones(121, 200), ones(100, 200)];
    expect(judge('f1(a) - f1(b) > 0.05', left, right).verdict).toBe('supported');
    expect(judge('f1(a) - f1(b) > 0.05', left, right, true, 1 - 0.05 / 20).verdict).toBe('inconclusive');
  });

  it('supports a claim at its bound in at most half of alpha of all samples', () => {
    const random = createRandom('claims at the bound');
    let [supported, refuted] = [0, 0];
    for (let round = 0; round < 2000; round++) {
      // The truth: both differ by 0.2 exactly.
      const pairs = Array.from({ length: 150 }, () => {
        const drawn = random.next();
        return drawn < 0.3 ? [1, 0] : drawn < 0.4 ? [0, 1] : drawn < 0.7 ? [1, 1] : [0, 0];
      });
      const left = pairs.map(([one]) => one as number);
      const right = pairs.map(([, one]) => one as number);
      const { verdict } = judge('f1(a) - f1(b) > 0.2', left, right);
      if (verdict === 'supported') supported++;
      if (verdict === 'refuted') refuted++;
    }
    // 2.5 % each; 2,000 rounds have a standard error of 0.35 points.
    expect(supported / 2000).toBeLessThan(0.036);
    expect(refuted / 2000).toBeLessThan(0.036);
    expect(supported + refuted).toBeGreaterThan(40);
  });
});
