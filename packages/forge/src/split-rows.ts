import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Notice } from './definition.ts';
import { ConfigError } from './errors.ts';
import { formatCount } from './lib/format.ts';
import { numberList } from './lib/number-list.ts';
import { normalizedPrompt, promptOf } from './lib/row-text.ts';
import type { TrainingRow, TrainingSet } from './training-set.ts';

/** Rows wanted; null = all that the other splits do not take. */
export interface SplitCounts {
  readonly train: number | null;
  readonly validation: number;
  readonly test: number;
}

export type SplitName = keyof SplitCounts;

/** One split as a JSON Lines file of TrainingRow, in source order. */
export interface SplitFile {
  readonly path: string;
  readonly rows: number;
  readonly sha256: string;
}

export interface RowSplits {
  readonly train: SplitFile;
  /** null where no row was wanted. */
  readonly validation: SplitFile | null;
  readonly test: SplitFile | null;
  /** Rows of the set. */
  readonly total: number;
  /** Rows of the set that are in no split. */
  readonly unused: number;
  /** Rows of the source that are no training rows, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
}

export interface SplitOptions {
  /** Absolute; `train.jsonl`, `validation.jsonl` and `test.jsonl` are written there. */
  readonly folder: string;
  readonly counts: SplitCounts;
  readonly seed: number | string;
  /** Train rows at most; a smaller limit of the same seed is a subset of a larger one, and the other splits stay as they are. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  notify(notice: Notice): void;
}

/** Which clusters, by rank, go where. */
interface Plan {
  readonly heldOut: ReadonlyMap<number, SplitName>;
  /** Clusters before this rank that are not held out are for training, and the first rows of the one that has it. */
  readonly trainEnd: number;
  trainEndRows: number;
}

const heldOut = ['test', 'validation'] as const;

/** 52 bits of a hash of the cluster: its place in the order in which clusters are drawn. */
function rankOf(row: TrainingRow, seed: number | string): number {
  const cluster = row.cluster ?? normalizedPrompt(promptOf(row));
  const digest = createHash('sha256').update(`split ${seed}\n${cluster}`).digest();
  return digest.readUIntBE(0, 6) * 16 + (digest.readUInt8(6) >>> 4);
}

/** The ranks of all rows: 8 bytes each, whatever the rows hold. */
async function ranksOf(set: TrainingSet, seed: number | string, signal?: AbortSignal): Promise<Float64Array> {
  const ranks = numberList();
  for await (const row of set.rows(signal)) ranks.push(rankOf(row, seed));
  return ranks.values();
}

/** The counts as they can be had: in proportion where there are fewer rows. Throws ConfigError where a split would be empty. */
function countsFor(total: number, { train, validation, test }: SplitCounts, options: SplitOptions, name: string) {
  const wanted = (train ?? 1) + validation + test;
  if (wanted <= total) return { train: train ?? total - validation - test, validation, test };
  const asked = `${train ?? 'the rest'} / ${validation} / ${test} rows (train / validation / test)`;
  if (train === null)
    throw new ConfigError(`${name}: has ${total} rows, too few for ${asked}; ask for fewer validation and test rows`);
  const share = (count: number) => (count === 0 ? 0 : Math.max(1, Math.floor((count * total) / wanted)));
  const scaled = { validation: share(validation), test: share(test) };
  const rest = total - scaled.validation - scaled.test;
  if (rest < 1) throw new ConfigError(`${name}: has ${total} rows, too few for ${asked}; ask for fewer splits`);
  options.notify({
    level: 'warning',
    message: `${name}: has ${formatCount(total)} rows, not ${formatCount(wanted)}: split ${rest} / ${scaled.validation} / ${scaled.test} in proportion to ${asked}`,
  });
  return { train: rest, ...scaled };
}

/**
 * Clusters in the order of their ranks: each goes whole to the first of test and validation that has room for it, else to
 * train, until all have their rows. So no cluster is in two splits, and rows that are added to the set move few others.
 */
function planSplits(ranks: Float64Array, counts: Readonly<Record<SplitName, number>>): Plan {
  const sorted = ranks.slice().sort();
  const room = { ...counts };
  const places = new Map<number, SplitName>();
  let end = { trainEnd: Number.POSITIVE_INFINITY, trainEndRows: 0 };
  for (let from = 0, to = 0; from < sorted.length && room.train + room.validation + room.test > 0; from = to) {
    const rank = sorted[from] as number;
    while (to < sorted.length && sorted[to] === rank) to++;
    const rows = to - from;
    const split = heldOut.find((one) => rows <= room[one]);
    if (split !== undefined) {
      room[split] -= rows;
      places.set(rank, split);
    } else if (room.train > 0) {
      if (rows >= room.train) end = { trainEnd: rank, trainEndRows: room.train };
      room.train = Math.max(0, room.train - rows);
    }
  }
  return { heldOut: places, ...end };
}

function splitOf(plan: Plan, rank: number): SplitName | undefined {
  const held = plan.heldOut.get(rank);
  if (held !== undefined || rank < plan.trainEnd) return held ?? 'train';
  if (rank > plan.trainEnd || plan.trainEndRows === 0) return undefined;
  plan.trainEndRows--;
  return 'train';
}

/** JSON lines under a passing name until they are whole. */
async function openSplit(folder: string, split: SplitName) {
  const path = join(folder, `${split}.jsonl`);
  const partial = `${path}.${process.pid}.partial`;
  const file: FileHandle = await open(partial, 'w');
  const hash = createHash('sha256');
  let lines: string[] = [];
  let rows = 0;
  let waiting = 0;
  async function flush() {
    const bytes = Buffer.from(lines.join(''));
    lines = [];
    waiting = 0;
    hash.update(bytes);
    await file.writeFile(bytes);
  }
  return {
    async write(row: TrainingRow) {
      const line = `${JSON.stringify(row)}\n`;
      lines.push(line);
      rows++;
      waiting += line.length;
      if (waiting > 1 << 20) await flush();
    },
    async finish(): Promise<SplitFile> {
      await flush();
      await file.sync();
      await file.close();
      await rename(partial, path);
      return { path, rows, sha256: hash.digest('hex') };
    },
    /** Leaves nothing of a file that is not finished. */
    async discard() {
      await file.close().catch(() => {});
      await rm(partial, { force: true });
    },
  };
}

/** Says where the held-out splits ended short: every cluster that was left is larger than the room. */
function warnOfShort(
  files: RowSplits,
  counts: Readonly<Record<SplitName, number>>,
  name: string,
  options: SplitOptions,
) {
  for (const split of ['train', ...heldOut] as const) {
    const rows = files[split]?.rows ?? 0;
    if (rows === counts[split]) continue;
    if (rows === 0)
      throw new ConfigError(
        `${name}: no row is left for ${split}: rows of one prompt or cluster stay together, and these are too few or too large clusters`,
      );
    options.notify({
      level: 'warning',
      message: `${name}: ${split} has ${rows} rows, not ${counts[split]}: rows of one prompt or cluster stay together`,
    });
  }
}

/**
 * Splits a training set by cluster (the prompt, where a row names none) and by seed into files. Reads the set twice; memory
 * does not grow with the length of rows (8 bytes for each). Throws ConfigError where a split would be empty.
 */
export async function splitRows(set: TrainingSet, options: SplitOptions): Promise<RowSplits> {
  const { folder, seed, limit, signal } = options;
  const ranks = await ranksOf(set, seed, signal);
  const whole = countsFor(ranks.length, options.counts, options, set.name);
  const counts = { ...whole, train: Math.min(whole.train, limit ?? whole.train) };
  const plan = planSplits(ranks, counts);
  await mkdir(folder, { recursive: true });
  const wanted = (['train', ...heldOut] as const).filter((split) => split === 'train' || counts[split] > 0);
  const open = new Map(
    await Promise.all(wanted.map(async (split) => [split, await openSplit(folder, split)] as const)),
  );
  try {
    for await (const row of set.rows(signal)) {
      const split = splitOf(plan, rankOf(row, seed));
      if (split !== undefined) await open.get(split)?.write(row);
    }
    const finished = new Map<SplitName, SplitFile>();
    for (const [split, file] of open) finished.set(split, await file.finish());
    const written = [...finished.values()].reduce((sum, { rows }) => sum + rows, 0);
    const splits = {
      train: finished.get('train') as SplitFile,
      validation: finished.get('validation') ?? null,
      test: finished.get('test') ?? null,
      total: ranks.length,
      unused: ranks.length - written,
      leftOut: set.leftOut(),
    };
    warnOfShort(splits, counts, set.name, options);
    return splits;
  } finally {
    for (const file of open.values()) await file.discard();
  }
}
