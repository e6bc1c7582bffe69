import { describe, expect, it } from 'vitest';
import {
  figureOf,
  groupOf,
  type MeasuredRun,
  type MetricMeaning,
  meanOverRepeats,
  type ScoresById,
  verdictsOf,
  winRateOf,
  winRateVerdict,
} from './training-figures.ts';

const scoresOf = (values: readonly number[]): ScoresById =>
  new Map(values.map((score, i) => [`e${i}`, { score, cluster: null }]));

const meaning: MetricMeaning = {
  metric: 'arithmetic/numeric-match',
  label: 'numeric-match on arithmetic',
  unit: 'share',
  better: 'higher',
  binary: true,
  minimumEffect: 0.05,
  alpha: 0.05,
  deciding: true,
};

const run = (seed: number, values: readonly number[]): MeasuredRun => ({
  variant: `beta=0.1, seed=${seed}`,
  group: 'beta=0.1',
  varied: { beta: 0.1 },
  main: true,
  scores: scoresOf(values),
});

const before = scoresOf([0, 1, 0, 0, 1, 0, 1, 0, 0, 1]);
const one = run(1, [1, 1, 0, 1, 1, 0, 1, 1, 0, 0]);
const two = run(2, [1, 1, 1, 1, 0, 0, 1, 1, 0, 1]);

// Golden values: SciPy 1.17.1; Bonett and Price 2012 by its formula.
describe('figures', () => {
  it('of one run: Wilson intervals, difference of paired proportions', () => {
    const figure = figureOf(one, before, meaning);
    expect(figure).toMatchObject({ variant: 'beta=0.1, seed=1', n: 10 });
    expect(figure.before?.low).toBeCloseTo(0.16818032970623614, 9);
    expect(figure.after.value).toBeCloseTo(0.6, 12);
    expect(figure.after.high).toBeCloseTo(0.8318196702937639, 9);
    expect(figure.difference?.value).toBeCloseTo(0.2, 12);
    expect(figure.difference?.low).toBeCloseTo(-0.22213729216984615, 9);
    expect(figure.difference?.high).toBeCloseTo(0.5554706255031795, 9);
  });

  it('of a group: examples are averaged over seeds first, t intervals, spread of the seeds beside it', () => {
    const { figure } = groupOf([one, two], before, meaning);
    expect(figure).toMatchObject({ seeds: 2, n: 10, main: true, deciding: true, varied: { beta: 0.1 } });
    expect(figure.after.value).toBeCloseTo(0.65, 12);
    expect(figure.after.low).toBeCloseTo(0.3555331292067568, 9);
    expect(figure.after.high).toBeCloseTo(0.9444668707932433, 9);
    expect(figure.difference?.value).toBeCloseTo(0.25, 12);
    expect(figure.difference?.low).toBeCloseTo(-0.17152809931707036, 9);
    expect(figure.difference?.high).toBeCloseTo(0.6715280993170704, 9);
    expect(figure.spread?.low).toBeCloseTo(0.6, 12);
    expect(figure.spread?.high).toBeCloseTo(0.7, 12);
    expect(figure.spread?.sd).toBeCloseTo(0.07071067811865474, 12);
  });

  it('claims no certainty where every seed agrees, and stays within what a share can be', () => {
    const [none, all] = [binary(0, 20), binary(20, 20)];
    const { figure } = groupOf([run(1, all), run(2, all)], scoresOf(none), meaning);
    expect(figure.difference?.value).toBe(1);
    expect(figure.difference?.low).toBeLessThan(0.99);
    const nearly = [...binary(19, 20)];
    const wide = groupOf([run(1, all), run(2, nearly)], scoresOf(none), meaning).figure;
    expect(wide.difference?.low).toBeLessThan(0.975);
    expect(wide.difference?.high).toBe(1);
    expect(wide.after.high).toBe(1);
  });

  it('where nothing was before, only what is after', () => {
    const figure = figureOf(one, null, meaning);
    expect(figure).toMatchObject({ before: null, difference: null, n: 10 });
    expect(figure.after.low).toBeCloseTo(0.3126737697336583, 9);
    expect(groupOf([one], null, meaning)).toMatchObject({ comparison: null, figure: { spread: null, test: null } });
  });

  it('an example that one repeat lacks is in no mean', () => {
    const mean = meanOverRepeats([scoresOf([1, 0, 1]), scoresOf([0, 0])]);
    expect([...mean]).toEqual([
      ['e0', { score: 0.5, cluster: null }],
      ['e1', { score: 0, cluster: null }],
    ]);
  });
});

const binary = (right: number, n: number, offset = 0) =>
  Array.from({ length: n }, (_, i) => ((i + offset) % n < right ? 1 : 0));

describe('verdicts', () => {
  const judge = (from: readonly number[], to: readonly number[], changed: Partial<MetricMeaning> = {}) => {
    const read = { ...meaning, ...changed };
    const { comparison } = groupOf([run(1, to)], scoresOf(from), read);
    if (comparison === null) throw new Error('nothing compared');
    return { meaning: read, comparison };
  };
  const longer = { metric: 'length', label: 'answer length', unit: 'tokens', better: 'lower', binary: false } as const;
  const tokens = (most: number) => Array.from({ length: 60 }, (_, i) => most - (i % 5));

  it('say what got better and, as plainly, what got worse', () => {
    const verdicts = verdictsOf([
      judge(binary(20, 100), binary(60, 100)),
      judge(tokens(10), tokens(40), longer),
      judge(binary(80, 100), binary(40, 100), { label: 'facts', deciding: false }),
    ]);
    expect(verdicts.map(({ kind }) => kind)).toEqual(['better', 'worse', 'worse']);
    expect(verdicts[0]?.sentence).toMatch(
      /^after is better than before by 40\.0 points of numeric-match on arithmetic/,
    );
    expect(verdicts[1]?.sentence).toMatch(/^after is worse than before by 30\.00 tokens of answer length/);
    expect(verdicts[2]?.sentence).toMatch(/^after is worse than before by 40\.0 points of facts/);
  });

  it('are corrected over all that are judged', () => {
    // 9 gained, 1 lost: McNemar's mid-p 0.0117; of five such Holm leaves none under 0.05.
    const weak = () => judge([...binary(1, 10), ...binary(0, 90)], [0, ...binary(9, 9), ...binary(0, 90)]);
    expect(verdictsOf([weak()])[0]?.kind).toBe('better');
    expect(verdictsOf([weak(), weak(), weak(), weak(), weak()]).map(({ kind }) => kind)).not.toContain('better');
  });

  it('tell a tie from not knowing', () => {
    const same = binary(500, 1000);
    expect(verdictsOf([judge(same, same)])[0]?.kind).toBe('tied');
    const few = verdictsOf([judge(binary(5, 10), binary(5, 10, 1))])[0];
    expect(few?.kind).toBe('underpowered');
    expect(few?.sentence).toContain('this run cannot tell');
    expect(verdictsOf([judge(tokens(10), tokens(10), { ...longer, minimumEffect: 2 })])[0]?.kind).toBe('tied');
  });

  it('say which way a length went, without calling it good or bad', () => {
    const [verdict] = verdictsOf([judge(tokens(10), tokens(40), { ...longer, better: 'neutral' })]);
    expect(verdict?.kind).toBe('higher');
    expect(verdict?.sentence).toMatch(/^after has a higher answer length than before by 30\.00 tokens/);
  });
});

describe('win rate of repeats', () => {
  it('is of the examples, each averaged over seeds', () => {
    const rate = winRateOf([scoresOf([1, 1, 0, 0.5]), scoresOf([1, 0, 0, 1])]);
    expect(rate).toMatchObject({ wins: 2, ties: 1, losses: 1 });
    expect(rate.share.value).toBeCloseTo(0.5625, 12);
  });
  it('says that no preference is shown where none is', () => {
    const about = { ...meaning, label: 'win rate on arithmetic' };
    const rate = winRateOf([scoresOf([1, 0, 1])]);
    expect(winRateVerdict(about, rate)).toMatchObject({ kind: 'underpowered' });
    const clear = winRateOf([scoresOf(Array.from({ length: 30 }, () => 0))]);
    const { sentence, kind } = winRateVerdict(about, clear);
    expect(kind).toBe('worse');
    expect(sentence).toMatch(/^win rate on arithmetic: the answers after training are preferred in 0\.0 %.*30 lost/);
  });
});
