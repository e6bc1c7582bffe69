import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Notice } from './definition.ts';
import { type SplitCounts, splitRows } from './split-rows.ts';
import type { PreferenceRow, TrainingRow, TrainingSet } from './training-set.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-split-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const pair = (id: number, cluster: string): PreferenceRow => ({
  kind: 'preference',
  id: String(id),
  prompt: `Question ${cluster}?`,
  chosen: ' yes',
  rejected: ' no',
  cluster,
});

const setOf = (rows: () => Iterable<TrainingRow>): TrainingSet => ({
  name: 'made',
  kind: 'preference',
  fingerprint: async () => 'none',
  leftOut: () => ({ 'empty answer': 2 }),
  async *rows() {
    yield* rows();
  },
});

/** Rows of clusters of 1 to 4. */
const clustered = (rows: number): PreferenceRow[] => {
  const made: PreferenceRow[] = [];
  for (let cluster = 0; made.length < rows; cluster++)
    for (let i = 0; i <= cluster % 4 && made.length < rows; i++) made.push(pair(made.length, `c${cluster}`));
  return made;
};

let folders = 0;
async function split(
  rows: readonly TrainingRow[],
  counts: Partial<SplitCounts> = {},
  more: { limit?: number; seed?: number } = {},
) {
  const notices: Notice[] = [];
  const folder = join(dir, String(folders++));
  const splits = await splitRows(
    setOf(() => rows),
    {
      folder,
      counts: { train: 800, validation: 100, test: 100, ...counts },
      seed: 1,
      notify: (notice) => notices.push(notice),
      ...more,
    },
  );
  const read = async (path: string | undefined) =>
    path === undefined
      ? []
      : (await readFile(path, 'utf8'))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as PreferenceRow);
  return {
    splits,
    notices,
    folder,
    train: await read(splits.train.path),
    validation: await read(splits.validation?.path),
    test: await read(splits.test?.path),
  };
}

const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);
const clustersOf = (rows: readonly PreferenceRow[]) => new Set(rows.map(({ cluster }) => cluster));

describe('splitRows', () => {
  it('gives each split its rows, each cluster to one split, in source order, with the sha256 of each file', async () => {
    const { splits, train, validation, test, folder } = await split(clustered(3000));
    expect([train.length, validation.length, test.length]).toEqual([800, 100, 100]);
    expect(splits).toMatchObject({ total: 3000, unused: 2000, leftOut: { 'empty answer': 2 } });
    const groups = [train, validation, test].map(clustersOf);
    const all = groups.flatMap((group) => [...group]);
    expect(new Set(all).size).toBe(all.length);
    expect(ids(train)).toEqual(ids(train).toSorted((a, b) => Number(a) - Number(b)));
    expect(train[0]).toEqual(clustered(3000)[Number(train[0]?.id)]);
    const sha256 = createHash('sha256')
      .update(await readFile(splits.train.path))
      .digest('hex');
    expect(splits.train.sha256).toBe(sha256);
    expect((await readdir(folder)).sort()).toEqual(['test.jsonl', 'train.jsonl', 'validation.jsonl']);
  });

  it('is the same for the same seed, and another for another one', async () => {
    const rows = clustered(1500);
    const [a, b, c] = [await split(rows), await split(rows), await split(rows, {}, { seed: 2 })];
    expect(b.splits.train.sha256).toBe(a.splits.train.sha256);
    expect(ids(c.test)).not.toEqual(ids(a.test));
  });

  it('limits training rows to nested subsets; the held-out rows stay', async () => {
    const rows = clustered(1500);
    const whole = await split(rows);
    const small = await split(rows, {}, { limit: 200 });
    const middle = await split(rows, {}, { limit: 500 });
    expect([small.train.length, middle.train.length]).toEqual([200, 500]);
    expect(new Set(ids(middle.train)).isSupersetOf(new Set(ids(small.train)))).toBe(true);
    expect(new Set(ids(whole.train)).isSupersetOf(new Set(ids(middle.train)))).toBe(true);
    expect(small.splits.test?.sha256).toBe(whole.splits.test?.sha256);
    expect(small.splits.validation?.sha256).toBe(whole.splits.validation?.sha256);
  });

  it('moves few rows where rows are added', async () => {
    const before = await split(clustered(2000));
    const after = await split(clustered(2050));
    const kept = ids(after.test).filter((id) => new Set(ids(before.test)).has(id));
    expect(kept.length).toBeGreaterThan(85);
    // A row that was trained on is not suddenly held out, but where a boundary moved.
    const moved = ids(after.test).filter((id) => new Set(ids(before.train)).has(id));
    expect(moved.length).toBeLessThan(5);
  });

  it('takes the prompt, whatever its case and blanks, as the cluster where none is named', async () => {
    const rows = Array.from({ length: 300 }, (_, i): PreferenceRow => {
      const { cluster: _cluster, ...row } = pair(i, 'x');
      return { ...row, prompt: i % 2 === 0 ? `What is ${i >> 1}?` : `what  IS ${i >> 1}? ` };
    });
    const { train, test } = await split(rows, { train: 200, validation: 0, test: 50 });
    const pairsOf = (some: readonly PreferenceRow[]) => new Set(some.map(({ id }) => Number(id) >> 1));
    expect(pairsOf(train).isDisjointFrom(pairsOf(test))).toBe(true);
  });

  it('splits in proportion with a warning where there are fewer rows; all the rest with null', async () => {
    const fewer = await split(clustered(200));
    expect([fewer.train.length, fewer.validation.length, fewer.test.length]).toEqual([160, 20, 20]);
    expect(fewer.notices[0]?.message).toContain('has 200 rows, not 1,000: split 160 / 20 / 20');
    const rest = await split(clustered(200), { train: null, validation: 20, test: 0 });
    expect([rest.train.length, rest.splits.unused, rest.splits.test]).toEqual([180, 0, null]);
    expect(rest.notices).toEqual([]);
  });

  it('refuses what cannot be split', async () => {
    await expect(split(clustered(2))).rejects.toThrow('has 2 rows, too few for 800 / 100 / 100');
    await expect(split(clustered(50), { train: null })).rejects.toThrow('ask for fewer validation and test rows');
    const oneCluster = Array.from({ length: 1000 }, (_, i) => pair(i, 'same'));
    await expect(split(oneCluster)).rejects.toThrow('no row is left for test');
  });

  it('leaves a cluster larger than the held-out splits to train, and says where one ends short', async () => {
    const rows = [
      ...Array.from({ length: 900 }, (_, i) => pair(i, 'giant')),
      ...clustered(240).map((row) => ({ ...row, id: `s${row.id}` })),
    ];
    const { train, validation, test } = await split(rows);
    expect([train.length, validation.length, test.length]).toEqual([800, 100, 100]);
    expect(train.some(({ cluster }) => cluster === 'giant')).toBe(true);
    const threes = Array.from({ length: 999 }, (_, i) => pair(i, `t${Math.floor(i / 3)}`));
    const short = await split(threes, { train: 500 });
    expect([short.train.length, short.validation.length]).toEqual([500, 99]);
    expect(short.notices.map(({ message }) => message)).toContain(
      'made: validation has 99 rows, not 100: rows of one prompt or cluster stay together',
    );
  });

  it('splits a million rows in bounded memory', async () => {
    const many = function* () {
      for (let i = 0; i < 1_000_000; i++) yield pair(i, `c${i >> 1}`);
    };
    const before = process.memoryUsage().rss;
    const splits = await splitRows(setOf(many), {
      folder: join(dir, 'many'),
      counts: { train: null, validation: 1000, test: 1000 },
      seed: 1,
      notify: () => {},
    });
    expect([splits.train.rows, splits.validation?.rows, splits.test?.rows]).toEqual([998_000, 1000, 1000]);
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
    await rm(join(dir, 'many'), { recursive: true });
  }, 120_000);
});
