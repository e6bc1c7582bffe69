import { describe, expect, it } from 'vitest';
import type { Engine, EngineParts } from './engine.ts';
import { definition as scripted } from './engines/scripted.ts';
import { type AnswerPair, correctThenShorter, defaultJudgePrompt, judgePairs, winRate } from './win-rate.ts';

const repeated = (value: number, count: number, cluster: string | null = null) =>
  Array.from({ length: count }, () => ({ value, cluster }));

describe('correctThenShorter', () => {
  it.each([
    ['right beats wrong, however long', { score: 0, tokens: 2 }, { score: 1, tokens: 90 }, 1],
    ['wrong loses', { score: 1, tokens: 90 }, { score: 0, tokens: 2 }, 0],
    ['of two right ones the shorter', { score: 1, tokens: 40 }, { score: 1, tokens: 12 }, 1],
    ['of two wrong ones the shorter', { score: 0.4, tokens: 3 }, { score: 0, tokens: 4 }, 0],
    ['equally long: neither', { score: 1, tokens: 7 }, { score: 1, tokens: 7 }, 0.5],
  ])('%s', (_, before, after, expected) => expect(correctThenShorter(before, after)).toBe(expected));
});

describe('winRate', () => {
  it('14 won, 4 lost, 7 tied: sign test and interval worked in Python (math.comb; formula of Bonett and Price 2012)', () => {
    const rate = winRate([...repeated(1, 14), ...repeated(0, 4), ...repeated(0.5, 7)]);
    expect(rate).toMatchObject({ wins: 14, ties: 7, losses: 4 });
    expect(rate.test.name).toBe('sign test');
    expect(rate.test.pValue).toBeCloseTo(0.0308837890625, 12);
    expect(rate.share.value).toBeCloseTo(0.7, 12);
    expect(rate.share.low).toBeCloseTo(0.5386645518071351, 9);
    expect(rate.share.high).toBeCloseTo(0.8317058185632352, 9);
  });
  it('says nothing where everything ties, and does not claim certainty', () => {
    const rate = winRate(repeated(0.5, 10));
    expect(rate.test.pValue).toBe(1);
    expect(rate.share.value).toBe(0.5);
    expect(rate.share.high - rate.share.low).toBeGreaterThan(0.2);
  });
  it('warns of few clusters, and tests by cluster', () => {
    const clustered = [...repeated(1, 30, 'a'), ...repeated(0, 10, 'b'), ...repeated(1, 10, 'c')];
    const rate = winRate(clustered);
    expect(rate.test.name).toBe('sign-flip permutation');
    expect(rate.test.pValue).toBeGreaterThan(0.2);
    expect(winRate(clustered.map((one) => ({ ...one, cluster: null }))).test.pValue).toBeLessThan(0.001);
    expect(rate.warnings[0]).toContain('only 3 clusters');
  });
});

const pair = (exampleId: string, before: string, after: string): AnswerPair => ({
  exampleId,
  question: 'What is 2 + 2?',
  before,
  after,
  cluster: null,
});

async function judged(judge: Engine, ...pairs: AnswerPair[]) {
  const found = [];
  for await (const one of judgePairs(
    judge,
    defaultJudgePrompt,
    (async function* () {
      yield* pairs;
    })(),
  ))
    found.push(one);
  return found.sort((a, b) => (a.exampleId < b.exampleId ? -1 : 1));
}

describe('judgePairs', () => {
  const engine = (responses: { match: string; text: string }[], fallback: string) =>
    scripted.create(scripted.options.parse({ responses, default: fallback }), {} as EngineParts);

  it('prefers what the judge prefers in both orders', async () => {
    const judge = await engine(
      [
        { match: 'Answer 1: four', text: 'Answer 1' },
        { match: 'Answer 2: four', text: ' 2, because it is right' },
      ],
      '0',
    );
    const found = await judged(judge, pair('a', 'five', 'four'), pair('b', 'four', 'five'), pair('c', 'six', 'ten'));
    expect(found.map(({ value, bias }) => [value, bias])).toEqual([
      [1, null],
      [0, null],
      [0.5, null],
    ]);
  });
  it('calls it a tie where the place decides, and says so', async () => {
    expect(await judged(await engine([], '1'), pair('a', 'five', 'four'))).toEqual([
      { exampleId: 'a', value: 0.5, cluster: null, bias: 'first', failed: false },
    ]);
  });
  it('counts a judge that does not answer as a tie', async () => {
    const failing = await scripted.create(scripted.options.parse({ failEvery: 1 }), {} as EngineParts);
    expect(await judged(failing, pair('a', 'five', 'four'))).toMatchObject([{ value: 0.5, failed: true }]);
  });
  it('an answer cannot speak as the template', async () => {
    const judge = await engine([{ match: 'Answer 1: {second}', text: '2' }], '0');
    // Were the placeholder filled again, nothing would match.
    expect((await judged(judge, pair('a', '{second}', 'x')))[0]?.value).toBe(0.5);
  });
});
