import { describe, expect, it } from 'vitest';
import { compareLatency, compareRuns } from './compare-runs.ts';
import { verdictSentence } from './comparison-wording.ts';
import type { PairedInput } from './paired-difference.ts';

const input = (label: string, scores: readonly number[], cluster?: (i: number) => string): PairedInput => ({
  label,
  scores: new Map(scores.map((score, i) => [`e${i}`, { score, cluster: cluster?.(i) ?? null }])),
});
const ones = (n: number, of: number) => Array.from({ length: of }, (_, i) => (i < n ? 1 : 0));
const binary = { metric: { name: 'exact-match', binary: true } };

describe('compareRuns', () => {
  it('calls a clear gain better, with the pairs that flipped', () => {
    const [comparison] = compareRuns(input('a', ones(20, 200)), [input('b', ones(160, 200))], binary);
    expect(comparison).toMatchObject({
      verdict: 'better',
      pairs: 200,
      flips: { gained: { count: 140 }, lost: { count: 0 } },
    });
    expect(comparison?.difference.value).toBeCloseTo(0.7, 12);
    expect(comparison?.test.name).toBe('McNemar mid-p');
    expect(verdictSentence(comparison as never)).toMatch(
      /^b is better than a by 70\.0 points of exact-match \(95 % interval 62\.8 to 75\.8, McNemar mid-p, p < 0\.001, n = 200\)$/,
    );
  });
  it('speaks in the unit of the metric, and in its direction', () => {
    const wave = (shift: number) => Array.from({ length: 60 }, (_, i) => 20 + (i % 7) + shift * (1 + (i % 3)));
    const verdict = (better: 'higher' | 'lower' | 'neutral', shift: number) => {
      const metric = { name: 'answer-length', binary: false, unit: 'tokens', better } as const;
      const [comparison] = compareRuns(input('a', wave(0)), [input('b', wave(shift))], { metric });
      return verdictSentence(comparison as never).replace(/ \(.*/, '');
    };
    expect(verdict('neutral', 2)).toBe('b has a higher answer-length than a by 4.00 tokens');
    expect(verdict('neutral', -2)).toBe('b has a lower answer-length than a by 4.00 tokens');
    expect(verdict('lower', -2)).toBe('b is better than a by 4.00 tokens of answer-length');
    expect(verdict('lower', 2)).toBe('b is worse than a by 4.00 tokens of answer-length');
    expect(verdict('higher', 100)).toBe('b is better than a by 200 tokens of answer-length');
  });
  it('calls the same answers tied, and a few pairs underpowered with the n that would tell', () => {
    const same = compareRuns(input('a', ones(100, 400)), [input('b', ones(100, 400))], binary)[0];
    expect(same).toMatchObject({ verdict: 'tied' });
    expect(same?.warnings).toEqual(['every pair has the same score on both sides']);
    const few = compareRuns(
      input('a', [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]),
      [input('b', [1, 1, 0, 0, 1, 1, 1, 0, 1, 0])],
      binary,
    )[0];
    expect(few?.verdict).toBe('underpowered');
    expect(few?.neededN).toBeGreaterThan(500);
    expect(few?.warnings.join()).toContain('10 pairs');
    expect(verdictSentence(few as never)).toMatch(
      /this run cannot tell .*; n = [\d,]+ would find 5\.0 points with 80 % power$/,
    );
  });
  it('calls a few equal pairs underpowered, not tied: no variation seen is not none', () => {
    for (const metric of [binary.metric, { name: 'f1', binary: false }]) {
      const three = compareRuns(input('a', [1, 0, 1]), [input('b', [1, 0, 1])], { metric })[0];
      expect(three?.verdict).toBe('underpowered');
      expect(three?.difference.high).toBeGreaterThan(0.3);
      expect(three?.neededN).toBeGreaterThan(100);
    }
  });
  it('calls one cluster underpowered whatever its size', () => {
    const one = (label: string) => input(label, ones(30, 100), () => 'c');
    expect(compareRuns(one('a'), [one('b')], binary)[0]).toMatchObject({
      verdict: 'underpowered',
      warnings: [
        'all pairs are in one cluster: it tells nothing about others',
        'every pair has the same score on both sides',
      ],
    });
    const f1 = { metric: { name: 'f1', binary: false } };
    const better = input(
      'b',
      Array.from({ length: 100 }, (_, i) => (i % 10) / 100),
      () => 'c',
    );
    expect(
      compareRuns(
        input('a', ones(0, 100), () => 'c'),
        [better],
        f1,
      )[0]?.verdict,
    ).toBe('underpowered');
  });
  it('takes an example without a cluster as one by itself', () => {
    const some = (label: string, right: number) =>
      input(label, ones(right, 80), (i) => (i < 2 ? 'c' : (null as never)));
    expect(compareRuns(some('a', 20), [some('b', 60)], binary)[0]).toMatchObject({
      difference: { n: 79 },
      verdict: 'better',
    });
  });
  it('takes clusters that differ only by rounding as clusters without variation', () => {
    // One of three right in each of 8 clusters: the residuals of a cluster add up to 1e-17, not to 0.
    const thirds = (label: string, right: number) =>
      input(
        label,
        Array.from({ length: 24 }, (_, i) => (i % 3 < right ? 1 : 0)),
        (i) => `c${Math.floor(i / 3)}`,
      );
    const [comparison] = compareRuns(thirds('a', 1), [thirds('b', 2)], binary);
    expect(comparison?.difference).toMatchObject({ method: 'bonett-price', n: 8 });
    expect(comparison?.baselineMean).toMatchObject({ method: 'wilson', n: 8 });
  });
  it('says a loss as a positive amount', () => {
    const [comparison] = compareRuns(input('a', ones(160, 200)), [input('b', ones(20, 200))], binary);
    expect(verdictSentence(comparison as never)).toMatch(
      /^b is worse than a by 70\.0 points .*interval 62\.8 to 75\.8,/,
    );
  });
  it('says so where there were pairs enough and still no answer', () => {
    // 4 points with p just above 0.05, and an interval that reaches beyond 6.1 points.
    const a = input('a', [...ones(28, 200), ...ones(0, 200)]);
    const b = input('b', [...ones(0, 200), ...ones(44, 200)]);
    const [comparison] = compareRuns(a, [b], { ...binary, minimumEffect: 0.061 });
    expect(comparison?.verdict).toBe('underpowered');
    expect(comparison?.neededN).toBeLessThan(400);
    expect(verdictSentence(comparison as never)).toContain(
      'neither no difference nor one of 6.1 points can be ruled out',
    );
  });
  it('pairs by id, and counts what it leaves out', () => {
    const a = input('a', ones(50, 100));
    const shuffled = new Map([...input('b', ones(50, 110)).scores].reverse());
    const [comparison] = compareRuns(a, [{ label: 'b', scores: shuffled }], binary);
    expect(comparison).toMatchObject({
      pairs: 100,
      unmatched: { baseline: 0, candidate: 10 },
      difference: { value: 0 },
    });
  });
  it('corrects for the family', () => {
    const candidate = input('b', ones(26, 60));
    const alone = compareRuns(input('a', ones(20, 60)), [candidate], binary)[0];
    const family = compareRuns(
      input('a', ones(20, 60)),
      [candidate, input('c', ones(27, 60)), input('d', ones(21, 60))],
      binary,
    );
    expect(alone?.test.adjustedPValue).toBe(alone?.test.pValue);
    expect(family[0]?.test.pValue).toBe(alone?.test.pValue);
    expect(family[0]?.test.adjustedPValue).toBeCloseTo(2 * (alone?.test.pValue ?? 0), 12);
  });
  it('uses clusters where there are any: a wider interval and a permutation test', () => {
    // Whole clusters flip together.
    const a = input('a', ones(0, 120), (i) => `c${Math.floor(i / 10)}`);
    const b = input(
      'b',
      Array.from({ length: 120 }, (_, i) => (Math.floor(i / 10) % 3 === 0 ? 1 : 0)),
      (i) => `c${Math.floor(i / 10)}`,
    );
    const [clustered] = compareRuns(a, [b], binary);
    const [plain] = compareRuns(
      input('a', ones(0, 120)),
      [
        input(
          'b',
          [...b.scores.values()].map((s) => s.score),
        ),
      ],
      binary,
    );
    const width = (c: typeof clustered) => (c?.difference.high ?? 0) - (c?.difference.low ?? 0);
    expect(width(clustered)).toBeGreaterThan(2 * width(plain));
    expect(clustered?.test.name).toBe('sign-flip permutation');
    expect(clustered?.warnings.join()).toContain('12 clusters');
    expect(clustered?.verdict).toBe('underpowered');
  });
  it('is the same each time and JSON through and through', () => {
    const f1 = { metric: { name: 'f1', binary: false }, resamples: 2000 };
    const scores = Array.from({ length: 50 }, (_, i) => (i % 7) / 7);
    const once = compareRuns(
      input('a', scores),
      [
        input(
          'b',
          scores.map((s, i) => Math.min(1, s + (i % 3) * 0.1)),
        ),
      ],
      f1,
    );
    const again = compareRuns(
      input('a', scores),
      [
        input(
          'b',
          scores.map((s, i) => Math.min(1, s + (i % 3) * 0.1)),
        ),
      ],
      f1,
    );
    expect(again).toEqual(once);
    expect(JSON.parse(JSON.stringify(once))).toEqual(once);
  });
  it('gives what holds whenever one stops where a comparison was settled, and the ordinary answer at half of alpha where none was', () => {
    const stop = { atLeast: 20, most: 300, comparisons: 2 };
    // Right in two of three, in none, and as the baseline but for ten pairs either way: in an order that says nothing.
    const right = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const near = right.map((one, i) => (i % 6 === 2 ? 1 - one : i % 6 === 3 ? 1 - one : one));
    const others = [
      input(
        'none',
        right.map(() => 0),
      ),
      input('near', near),
    ];
    const [none, open] = compareRuns(input('a', right), others, { ...binary, stop });
    expect(none).toMatchObject({
      verdict: 'worse',
      difference: { value: -40 / 60, method: 'hedged-capital', level: 0.95 },
      baselineMean: { method: 'hedged-capital' },
      test: { name: 'hedged capital' },
      neededN: null,
      stop: { most: 300 },
    });
    expect(none?.difference.high).toBeLessThan(0);
    // Two comparisons, early or late: four shares.
    expect(none?.test.adjustedPValue).toBeCloseTo(4 * (none?.test.pValue ?? 0), 12);
    expect(verdictSentence(none as never)).toMatch(
      /^stopped after 60 of 300 examples: none is worse than a by 66\.7 points of exact-match \(anytime-valid 95 % interval/,
    );
    const [ordinary] = compareRuns(input('a', right), others.slice(1), binary);
    expect(open).toMatchObject({
      verdict: 'underpowered',
      stop: { settledAfter: null },
      test: { name: 'McNemar mid-p' },
    });
    expect(open?.difference.high).toBeGreaterThan(ordinary?.difference.high ?? 1);
    expect(JSON.parse(JSON.stringify([none, open]))).toEqual([none, open]);

    const lower = { metric: { name: 'cost', binary: true, better: 'lower' } as const, stop };
    expect(compareRuns(input('a', right), others, lower)[0]?.verdict).toBe('better');
  });
  it('survives no pairs at all', () => {
    const [comparison] = compareRuns(input('a', []), [input('b', [])], binary);
    expect(comparison).toMatchObject({ pairs: 0, verdict: 'underpowered' });
    expect(JSON.stringify(comparison)).not.toContain('null,"high":null');
  });
  it('compares latencies by their differences', () => {
    const [latency] = compareLatency(input('a', [100, 200, 300, 400]), [input('b', [150, 260, 340, 470])], {
      resamples: 2000,
    });
    expect(latency?.difference.value).toBe(55);
    expect(latency?.difference.low).toBeGreaterThan(39);
    expect(latency?.difference.high).toBeLessThan(71);
    expect(latency?.difference.method).toBe('bootstrap');
    const many = (base: number) =>
      input(
        'm',
        Array.from({ length: 1001 }, (_, i) => base + (i % 13) * (base / 100)),
      );
    expect(compareLatency(many(100), [many(110)])[0]?.difference).toMatchObject({ method: 't', n: 1001 });
  });
});
