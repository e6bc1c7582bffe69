import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { normalizeSquad, normalizeTriviaqa } from '../lib/normalize-answer.ts';
import { lastNumber } from '../lib/read-number.ts';
import type { Metric } from '../metric.ts';
import { hasSharedData, sharedData } from '../testing/shared-data.ts';
import { metrics } from './index.ts';

function make(name: string, options: object = {}): Metric {
  const definition = metrics.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  return definition.create(definition.options.parse(options), {
    nli: () => Promise.reject(new Error('no model here')),
  }) as Metric;
}

const score = (metric: Metric, answer: string, targets: readonly string[]) =>
  metric.score({ id: '1', text: 'q', targets }, { answer, steps: [] }) as number;

/**
 * [answer, target, exact match and F1 by the official SQuAD v1.1 evaluate script, the same by the official TriviaQA
 * evaluation utils], computed with their own functions under Python 3.11.
 */
const golden: [string, string, number, number, number, number][] = [
  ['The cat', 'cat', 1, 1.0, 1, 1.0],
  ['a an the', '', 1, 0, 1, 0],
  ['', 'the', 1, 0, 1, 0],
  ['Denver Broncos!', 'denver broncos', 1, 1.0, 1, 1.0],
  ["it's", 'its', 1, 1.0, 0, 0],
  ['U.S.A.', 'usa', 1, 1.0, 0, 0],
  ['naïve café', 'Naive cafe', 0, 0, 0, 0],
  ['one two two', 'two one', 0, 0.8, 0, 0.8],
  ['two two two', 'two', 0, 0.5, 0, 0.5],
  ['10,000', '10000', 1, 1.0, 0, 0],
  ['$5.00', '5.00', 1, 1.0, 1, 1.0],
  ['an apple a day', 'apple day', 1, 1.0, 1, 1.0],
  ['theatre', 'atre', 0, 0, 0, 0],
  ['  spaced\t out ', 'spaced out', 1, 1.0, 1, 1.0],
  ['“quoted”', 'quoted', 0, 0, 0, 0],
  ['rock_and_roll', 'rock and roll', 0, 0, 1, 1.0],
  ['Ænima', 'ænima', 1, 1.0, 1, 1.0],
  ['STRASSE', 'straße', 0, 0, 0, 0],
  ['İstanbul', 'istanbul', 0, 0, 0, 0],
  ['a\u00a0b', 'b', 1, 1.0, 1, 1.0],
  ['x\u200by', 'xy', 0, 0, 0, 0],
  ['a-b', 'ab', 1, 1.0, 0, 0],
  ['a - b', 'b', 1, 1.0, 1, 1.0],
  ['...', '!!!', 1, 0, 1, 0],
  ['the the', 'a', 1, 0, 1, 0],
  ['an_apple', 'apple', 0, 0, 1, 1.0],
  ['l’été', 'l été', 0, 0, 1, 1.0],
  ['日本', '日本 ', 1, 1.0, 1, 1.0],
  ['5 000', '5000', 0, 0, 0, 0],
  ['no', 'not', 0, 0, 0, 0],
  ['The Beatles (band)', 'Beatles band', 1, 1.0, 1, 1.0],
  ['Σίσυφος', 'ΣΊΣΥΦΟΣ', 1, 1.0, 1, 1.0],
  ['½ a cup', '½ cup', 1, 1.0, 1, 1.0],
  ['rock’n’roll', 'rock n roll', 0, 0, 1, 1.0],
  ['New\nYork\tCity', 'new york city', 1, 1.0, 1, 1.0],
  ['A. A. Milne', 'Milne', 1, 1.0, 1, 1.0],
  ['the_the', 'the', 0, 0, 1, 0],
  ['x² + y²', 'x2 y2', 0, 0, 0, 0],
  ['the cat the cat', 'cat', 0, 2 / 3, 0, 2 / 3],
  ['one one two', 'one two two', 0, 2 / 3, 0, 2 / 3],
  ['\ufeffcat', 'cat', 0, 0, 0, 0],
  ['\x1ccat', 'cat', 1, 1.0, 1, 1.0],
  ['the²', '²', 0, 0, 0, 0],
  ['Mount Everest', 'mount everest, Nepal', 0, 0.8, 0, 0.8],
];

describe('text metrics equal the reference scripts', () => {
  it.each(golden)('%j against %j', (answer, target, squadMatch, squadF1, triviaMatch, triviaF1) => {
    expect(score(make('exact-match'), answer, [target])).toBe(squadMatch);
    expect(score(make('f1'), answer, [target])).toBeCloseTo(squadF1, 9);
    expect(score(make('exact-match', { normalization: 'triviaqa' }), answer, [target])).toBe(triviaMatch);
    expect(score(make('f1', { normalization: 'triviaqa' }), answer, [target])).toBeCloseTo(triviaF1, 9);
  });
  it('takes the best target', () => {
    expect(score(make('f1'), 'one two', ['nine', 'two three', 'two one'])).toBe(1);
    expect(score(make('exact-match'), 'B', ['a b c', 'b'])).toBe(1);
  });
  it('contains: the normalised target is part of the normalised answer; an empty one only of an empty one', () => {
    expect(score(make('contains'), 'It was the Denver Broncos, I think', ['Broncos!'])).toBe(1);
    expect(score(make('contains'), 'Denver', ['Denver Broncos'])).toBe(0);
    expect(score(make('contains'), 'Denver', ['the'])).toBe(0);
    expect(score(make('contains'), 'a', ['the'])).toBe(1);
  });
  it('none: compares texts as they are', () => {
    expect(score(make('exact-match', { normalization: 'none' }), 'The cat', ['cat'])).toBe(0);
    expect(score(make('f1', { normalization: 'none' }), 'one\n two', ['one two'])).toBe(1);
  });
});

/** Deterministic answers, right and wrong ones, from the targets of row i. */
function perturbed(targets: readonly string[], i: number): string {
  const first = targets[0] ?? '';
  return (
    [
      first,
      `The ${first}.`,
      first.toUpperCase(),
      `${first.split(' ')[0]} extra words`,
      `${targets.at(-1)} and ${first}`,
      'no answer',
    ][i % 6] ?? ''
  );
}

/** Sums over rows, and the hash of every row's scores. */
function totals(rows: readonly (readonly string[])[], normalization: string) {
  const [em, f1, contains] = ['exact-match', 'f1', 'contains'].map((name) => make(name, { normalization })) as [
    Metric,
    Metric,
    Metric,
  ];
  const sums = { em: 0, f1: 0, contains: 0 };
  const lines = rows.map((targets, i) => {
    const answer = perturbed(targets, i);
    const scores = [score(em, answer, targets), score(f1, answer, targets), score(contains, answer, targets)] as const;
    sums.em += scores[0];
    sums.f1 += scores[1];
    sums.contains += scores[2];
    return `${scores[0]} ${Math.round(scores[1] * 1e6)} ${scores[2]}`;
  });
  return {
    ...sums,
    f1: Number(sums.f1.toFixed(6)),
    sha256: createHash('sha256').update(lines.join('\n')).digest('hex'),
  };
}

describe.skipIf(!hasSharedData)('on 1,000 real rows, row by row (skipped where the shared data is absent)', () => {
  it('SQuAD v1.1 dev equals the official evaluate script', () => {
    interface File {
      data: { paragraphs: { qas: { answers: { text: string }[] }[] }[] }[];
    }
    const file = JSON.parse(readFileSync(join(sharedData, 'squad/dev-v1.1.json'), 'utf8')) as File;
    const rows = file.data
      .flatMap((a) => a.paragraphs.flatMap((p) => p.qas.map((q) => q.answers.map((one) => one.text))))
      .slice(0, 1000);
    expect(totals(rows, 'squad')).toEqual({
      em: 501,
      f1: 666.705705,
      contains: 738,
      sha256: '3ef5b4dcf2dd30465f58f2dc26dcf90fb6d13ca163535911db9c1bdbe8699609',
    });
  });
  it('TriviaQA dev equals the official evaluation utils', async () => {
    const rows: string[][] = [];
    for await (const line of createInterface(createReadStream(join(sharedData, 'triviaqa/trivia.dev.jsonl')))) {
      rows.push((JSON.parse(line) as { answers: string[] }).answers);
      if (rows.length === 1000) break;
    }
    expect(totals(rows, 'triviaqa')).toEqual({
      em: 501,
      f1: 673.771361,
      contains: 727,
      sha256: 'd28f524a183ca484ec4367d1dc99da47ec707705a929c41ac588ff6039b24f48',
    });
  });
});

describe('numeric-match', () => {
  it.each([
    ['72', 72],
    ['The answer is $1,234.50.', 1234.5],
    ['-3', -3],
    ['− 4', -4],
    ['5 - 3 = 2', 2],
    ['3/4', 0.75],
    ['1e3', 1000],
    ['50 %', 50],
    ['.5', 0.5],
    ['12 apples and 7 pears', 7],
    ['10-12', 12],
    ['12 - 5', 5],
    ['10 -4', -4],
    ['-$5', -5],
    ['$ 1,000/4', 250],
    ['1,2', 2],
    ['v2', undefined],
    ['none', undefined],
    ['', undefined],
    ['1/0', undefined],
    ['€20', 20],
  ])('reads the last number of %j', (text, expected) => expect(lastNumber(text)).toBe(expected));
  it('scores', () => {
    expect(score(make('numeric-match'), 'Janet has 18 dollars', ['18'])).toBe(1);
    expect(score(make('numeric-match'), '18.0', ['$18'])).toBe(1);
    expect(score(make('numeric-match'), '1,000', ['1000'])).toBe(1);
    expect(score(make('numeric-match'), 'eighteen', ['18'])).toBe(0);
    expect(score(make('numeric-match'), '3.14', ['3.14159'])).toBe(0);
    expect(score(make('numeric-match', { tolerance: 0.01 }), '3.14', ['3.14159'])).toBe(1);
  });
  it('is quick on a hostile text', () => {
    const started = performance.now();
    lastNumber('1,111'.repeat(50_000));
    lastNumber('1'.repeat(200_000));
    lastNumber('1 / '.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('normalisation', () => {
  it('is idempotent', () => {
    for (const [answer] of golden) {
      expect(normalizeSquad(normalizeSquad(answer))).toBe(normalizeSquad(answer));
      expect(normalizeTriviaqa(normalizeTriviaqa(answer))).toBe(normalizeTriviaqa(answer));
    }
  });
});
