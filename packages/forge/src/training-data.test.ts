import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLeakage } from './check-leakage.ts';
import { reportData } from './data-report.ts';
import type { Example } from './dataset.ts';
import { readRowFile } from './lib/row-file.ts';
import { comparedWords, gramsOf, hashWords } from './lib/word-grams.ts';
import { splitRows } from './split-rows.ts';
import { hasSharedData, sharedData } from './testing/shared-data.ts';
import type { PreferenceRow, TextRow, TrainingRow } from './training-set.ts';
import { definition as hhRlhf } from './training-sets/hh-rlhf.ts';

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

const pair = (id: string, prompt: string, chosen = ' yes', rejected = ' no'): PreferenceRow => ({
  kind: 'preference',
  id,
  prompt,
  chosen,
  rejected,
});
const text = (id: string, given: string, written: string): TextRow => ({
  kind: 'text',
  id,
  segments: [
    { text: given, weight: 0 },
    { text: written, weight: 1, stop: true },
  ],
});
const question = (id: string, words: string): Example => ({ id, text: words, targets: ['x'] });
const words = (from: number, count: number) => Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ');

async function leakage(
  splits: Record<string, readonly TrainingRow[]>,
  evaluations: Record<string, readonly Example[]> = {},
) {
  return checkLeakage({
    splits: Object.entries(splits).map(([name, rows]) => ({ name, rows: () => stream(rows) })),
    evaluations: Object.entries(evaluations).map(([name, rows]) => ({ name, examples: () => stream(rows) })),
  });
}

describe('runs of words', () => {
  it('have equal numbers where the words are equal, wherever they stand', () => {
    const grams = (of: string, n: number) => {
      const found: number[] = [];
      gramsOf(hashWords(of), n, (gram) => found.push(gram));
      return found;
    };
    const long = comparedWords(words(0, 400));
    const counted = new Set(grams(long.join(' '), 13));
    expect(counted.size).toBe(388);
    for (const at of [0, 17, 387]) expect(counted.has(grams(long.slice(at, at + 13).join(' '), 13)[0] ?? 0)).toBe(true);
    // Order counts.
    expect(grams('a b c', 3)[0]).not.toBe(grams('c b a', 3)[0]);
    expect(grams('a b', 3)).toEqual([]);
    expect(comparedWords('What’s 2 + 2, "Vera"?')).toEqual(['what', 's', '2', '2', 'vera']);
  });
});

describe('checkLeakage', () => {
  it('finds a question in a prompt around it, whatever its case and punctuation', async () => {
    const [overlap] = await leakage(
      { train: [pair('t1', 'Question: Who painted Guernica?\nAnswer:'), pair('t2', 'Question: Who sang?\nAnswer:')] },
      { trivia: [question('q1', 'who painted guernica'), question('q2', 'Who painted the ceiling?')] },
    );
    expect(overlap).toEqual({
      of: 'trivia',
      in: 'train',
      items: 2,
      unchecked: 0,
      same: 1,
      overlapping: 1,
      examples: [{ kind: 'same', item: 'q1', row: 't1', text: 'who painted guernica' }],
    });
  });

  it('tells the same question from a shared run of 13 words, in answers too', async () => {
    const train = [pair('t1', 'Tell me.', ` ${words(5, 13)} and more`), text('t2', words(100, 13), ' x')];
    const evaluation = [
      question('run', words(0, 30)),
      question('twelve', `${words(100, 12)} other things`),
      question('same', words(100, 13)),
    ];
    const [overlap] = await leakage({ train }, { evaluation });
    expect(overlap).toMatchObject({ same: 1, overlapping: 2 });
    expect(overlap?.examples.map(({ item, kind }) => [item, kind])).toEqual([
      ['run', 'overlap'],
      ['same', 'same'],
    ]);
  });

  it('searches each split for the later ones', async () => {
    const shared = pair('s', `Question: ${words(0, 6)}?`);
    const overlaps = await leakage({
      train: [shared, pair('a', 'One more thing?')],
      validation: [pair('b', 'Something else again?')],
      test: [{ ...shared, id: 'copy' }, pair('c', 'something ELSE again')],
    });
    expect(overlaps.map(({ of, in: inside, same }) => [of, inside, same])).toEqual([
      ['validation', 'train', 0],
      ['test', 'train', 1],
      ['test', 'validation', 1],
    ]);
  });

  it('takes no phrase of a form for leakage, and no word or two', async () => {
    const form = words(0, 13);
    const evaluation = Array.from({ length: 20 }, (_, i) => question(`q${i}`, `${form} item${i} here`));
    const [overlap] = await leakage(
      { train: [pair('t', `${form} item0 there`)] },
      { evaluation: [...evaluation, question('short', 'Item0 there')] },
    );
    // The run after the form is the question's own.
    expect(overlap?.examples.map(({ item }) => item)).toEqual(['q0']);
    expect(
      (await leakage({ train: [pair('t', 'Item0, there!')] }, { e: [question('short', 'item0 there')] }))[0]?.same,
    ).toBe(1);
  });
});

describe('reportData', () => {
  it('tells lengths, length bias, overlap and repeats of pairs', async () => {
    const rows = [
      pair('1', 'a b c', ' one two three', ' one'),
      pair('2', 'A  b c', ' one two', ' two'),
      pair('3', 'd', ' same', ' same'),
      pair('4', 'd', ' x', ' '),
      pair('5', 'e f', ' no', ' yes yes'),
      pair('6', 'e f', ' no', ' yes yes'),
    ];
    const report = await reportData(stream(rows));
    expect(report).toMatchObject({ rows: 6, unit: 'words', samePrompt: 6, repeated: 1 });
    expect(report.lengths.prompt).toMatchObject({ p50: 2, max: 3 });
    expect(report.lengths.chosen).toMatchObject({ mean: 9 / 6, max: 3 });
    expect(report.pairs).toMatchObject({ equalLength: 1, emptyAnswers: 1, equalAnswers: 1 });
    // Wilson: 3 of 5.
    expect(report.pairs?.chosenLonger).toMatchObject({ value: 0.6, n: 5, method: 'wilson' });
    expect(report.pairs?.wordOverlap.mean).toBeCloseTo((1 / 3 + 1 / 2 + 1 + 0 + 0 + 0) / 6, 12);
  });

  it('counts tokens with the counter that it is given, and parts of texts', async () => {
    const report = await reportData(
      stream([text('1', 'give', 'written'), { kind: 'text', id: '2', segments: [{ text: 'all of it', weight: 1 }] }]),
      {
        countTokens: async (of) => of.length,
      },
    );
    expect(report).toMatchObject({ unit: 'tokens', pairs: null });
    expect(report.lengths).toMatchObject({ prompt: { mean: 4 }, completion: { mean: 8, max: 9 } });
  });
});

describe.skipIf(!hasSharedData)('HH-RLHF, the real test split (skipped where the shared data is absent)', () => {
  const openHh = async (folder: string) => {
    const surroundings = { baseDir: folder, cacheDir: folder, env: {}, now: Date.now, notify: () => {} };
    const path = join(sharedData, 'hh-rlhf/harmless-base.test.jsonl.gz');
    return hhRlhf.create(hhRlhf.options.parse({ path }), surroundings);
  };
  // Golden values: the same counts by a script of sets of strings in Python.
  it('is reported as counted by hand', async () => {
    const report = await reportData((await openHh(tmpdir())).rows());
    expect(report.pairs).toMatchObject({ chosenLonger: { value: 995 / (995 + 1268), n: 2263 }, equalLength: 45 });
    expect(report.lengths.chosen?.mean).toBeCloseTo(30.881282495667243, 10);
    expect(report.lengths.prompt?.mean).toBeCloseTo(86.66507798960139, 10);
  });

  it('leaks where every tenth row is held out, and not where it is split by dialogue', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'forge-hh-'));
    try {
      const set = await openHh(folder);
      const rows = await Array.fromAsync(set.rows());
      const tenth = ({ id }: TrainingRow) => Number(id) % 10 === 0;
      const [overlap] = await leakage({ train: rows.filter((row) => !tenth(row)), test: rows.filter(tenth) });
      expect(overlap).toMatchObject({ items: 232, same: 12, overlapping: 25 });
      const counts = { train: 800, validation: 100, test: 100 };
      const splits = await splitRows(set, { folder, counts, seed: 1, notify: () => {} });
      expect(splits).toMatchObject({ train: { rows: 800 }, total: 2308, leftOut: { 'empty answer': 4 } });
      const split = (name: 'train' | 'validation' | 'test') => ({
        name,
        rows: () => readRowFile(splits[name]?.path ?? ''),
      });
      const overlaps = await checkLeakage({
        splits: [split('train'), split('validation'), split('test')],
        evaluations: [],
      });
      expect(overlaps.map(({ items, same }) => [items, same])).toEqual([
        [100, 0],
        [100, 0],
        [100, 0],
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('rows of encoders', () => {
  const search = (id: string, query: string, positive = 'yes', negatives = ['no']): TrainingRow => ({
    kind: 'retrieval',
    id,
    query,
    positive,
    negatives,
  });
  const claim = (id: string, first: string, second: string): TrainingRow => ({
    kind: 'classification',
    id,
    first,
    second,
    label: 'entailment',
  });

  it('are told by their parts', async () => {
    const retrieval = await reportData(
      stream([search('a', 'who is it', 'it is ann', ['no', 'not she']), search('b', 'Who  is it')]),
    );
    expect(retrieval).toMatchObject({ rows: 2, samePrompt: 2, repeated: 0, pairs: null });
    expect(Object.fromEntries(Object.entries(retrieval.lengths).map(([part, { max }]) => [part, max]))).toEqual({
      query: 3,
      positive: 3,
      negatives: 3,
    });
    const claims = await reportData(stream([claim('a', 'one two', 'three'), claim('b', 'one two', 'three')]));
    expect(claims).toMatchObject({ rows: 2, samePrompt: 2, repeated: 1 });
    expect(Object.keys(claims.lengths)).toEqual(['first', 'second']);
  });

  it('are searched for questions that are held out: queries, the texts of a row, both texts of a pair', async () => {
    const asked = question('q', words(0, 20));
    const rows = [search('a', words(0, 20)), search('b', 'x', words(0, 20)), claim('c', 'y', words(0, 20))];
    for (const [i, row] of rows.entries()) {
      const [found] = await leakage({ train: [row] }, { asked: [asked] });
      expect(found).toMatchObject({ items: 1, same: i === 1 ? 0 : 1, overlapping: 1 });
    }
  });
});
