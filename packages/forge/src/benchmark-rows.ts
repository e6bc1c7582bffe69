import { createHash } from 'node:crypto';
import type { CellUse } from './benchmark-record.ts';
import type { PairedInput } from './paired-difference.ts';
import type { RunRecord, ScoredRow, Store } from './store.ts';

/** One cell and repetition of the matrix, finished. */
export interface CellRun {
  readonly method: string;
  readonly optimisation: string;
  /** From 1. */
  readonly repetition: number;
  readonly run: RunRecord;
  readonly use: CellUse | null;
}

export type RowStore = Pick<Store, 'scoredRows' | 'listTableRows' | 'getResult'>;

/** The examples of a benchmark: each has one place in the arrays of every repetition. */
export interface ExampleIndex {
  /** Of an example of a data set; the next free place where it is new. */
  place(fingerprint: string, row: Pick<ScoredRow, 'exampleId' | 'cluster'>): number;
  /** By place. */
  readonly clusters: readonly (string | null)[];
}

/** Ids of examples are distinct within their data set only. */
export function createExampleIndex(): ExampleIndex {
  const places = new Map<string, number>();
  const clusters: (string | null)[] = [];
  return {
    clusters,
    place(fingerprint, { exampleId, cluster }) {
      const key = `${fingerprint} ${exampleId}`;
      const known = places.get(key);
      if (known !== undefined) return known;
      places.set(key, clusters.length);
      return clusters.push(cluster) - 1;
    },
  };
}

/** What a repetition's calls added up to. Answers from the response cache cost nothing again: `live` counts leave them out. */
interface RowTotals {
  n: number;
  failed: number;
  calls: number;
  cachedCalls: number;
  promptTokens: number;
  completionTokens: number;
  livePromptTokens: number;
  liveCachedPromptTokens: number;
  liveCompletionTokens: number;
  /** The engine's busy time, ms; 0 where it cannot tell. */
  computeMs: number;
  score: number;
}

/** One repetition of a cell. Arrays are by the example's place; NaN where it has none. */
export interface RepetitionRows extends RowTotals {
  readonly repetition: number;
  readonly run: RunRecord;
  readonly use: CellUse | null;
  readonly wallMs: number;
  /** Its rows were written over a longer time than its wall time tells: an attempt that was killed is not in it. */
  readonly interrupted: boolean;
  readonly scores: Float64Array;
  /** ms; of examples that were answered, every call live. */
  readonly latencies: Float64Array;
  /** The first 48 bits of the answer's SHA-256. */
  readonly answers: Float64Array;
}

export interface CellRows {
  readonly method: string;
  readonly optimisation: string;
  /** Ascending. */
  readonly repetitions: readonly RepetitionRows[];
}

const noTotals = (): RowTotals => ({
  n: 0,
  failed: 0,
  calls: 0,
  cachedCalls: 0,
  promptTokens: 0,
  completionTokens: 0,
  livePromptTokens: 0,
  liveCachedPromptTokens: 0,
  liveCompletionTokens: 0,
  computeMs: 0,
  score: 0,
});

function addRow(totals: RowTotals, row: ScoredRow, score: number): void {
  // An example's calls are stored as sums: where only some came from the cache, its tokens are shared out by calls.
  const live = row.calls === 0 ? 1 : 1 - row.cachedCalls / row.calls;
  totals.n++;
  totals.score += score;
  if (row.failureKind !== null) totals.failed++;
  totals.calls += row.calls;
  totals.cachedCalls += row.cachedCalls;
  totals.promptTokens += row.promptTokens;
  totals.completionTokens += row.completionTokens;
  totals.livePromptTokens += live * row.promptTokens;
  totals.liveCachedPromptTokens += live * row.cachedPromptTokens;
  totals.liveCompletionTokens += live * row.completionTokens;
  totals.computeMs += live * row.computeMs;
}

const answerPage = 1000;
/** A table row holds 300 characters of an answer, or one less where the cut would halve a character: from here on it may be cut. */
const mayBeCut = 299;

const digest = (text: string) => createHash('sha256').update(text).digest().readUIntBE(0, 6);

/** Hashes of the answers of a run by example id: pages of short texts; only an answer that may be cut is read whole. */
async function* answerHashes(store: RowStore, runId: string): AsyncGenerator<{ exampleId: string; hash: number }> {
  for (let offset = 0; ; offset += answerPage) {
    const { items } = await store.listTableRows(runId, {}, { offset, limit: answerPage });
    for (const { exampleId, answer } of items) {
      const whole = answer.length < mayBeCut ? answer : (await store.getResult(runId, exampleId))?.answer;
      yield { exampleId, hash: digest(whole ?? answer) };
    }
    if (items.length < answerPage) return;
  }
}

/** Reads a repetition; its texts are never held, only their hashes. */
async function readRepetition(
  store: RowStore,
  { run, repetition, use }: CellRun,
  metric: string,
  index: ExampleIndex,
): Promise<RepetitionRows> {
  const fingerprint = run.provenance?.datasetFingerprint ?? '';
  const totals = noTotals();
  const places = new Map<string, number>();
  const read: { place: number; score: number; latencyMs: number }[] = [];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const rows of store.scoredRows(run.id)) {
    for (const row of rows) {
      const score = row.scores[metric] ?? 0;
      const live = row.failureKind === null && row.cachedCalls === 0;
      addRow(totals, row, score);
      const place = index.place(fingerprint, row);
      places.set(row.exampleId, place);
      read.push({ place, score, latencyMs: live ? row.latencyMs : Number.NaN });
      first = Math.min(first, row.finishedAt);
      last = Math.max(last, row.finishedAt);
    }
  }
  const empty = () => new Float64Array(index.clusters.length).fill(Number.NaN);
  const [scores, latencies, answers] = [empty(), empty(), empty()];
  for (const { place, score, latencyMs } of read) {
    scores[place] = score;
    latencies[place] = latencyMs;
  }
  for await (const { exampleId, hash } of answerHashes(store, run.id)) {
    const place = places.get(exampleId);
    if (place !== undefined) answers[place] = hash;
  }
  const wallMs = use?.wallMs ?? run.wallMs;
  return {
    ...totals,
    repetition,
    run,
    use,
    wallMs,
    interrupted: last - first > 1.05 * wallMs + 1000,
    scores,
    latencies,
    answers,
  };
}

/** Reads the finished runs of a matrix, cell by cell in the order in which cells first occur. */
export async function readCells(
  store: RowStore,
  runs: readonly CellRun[],
  metric: string,
  index: ExampleIndex,
): Promise<CellRows[]> {
  const cells: CellRows[] = [];
  for (const members of Map.groupBy(runs, (one) => JSON.stringify([one.method, one.optimisation])).values()) {
    const { method, optimisation } = members[0] as CellRun;
    const repetitions: RepetitionRows[] = [];
    for (const one of members.toSorted((a, b) => a.repetition - b.repetition))
      repetitions.push(await readRepetition(store, one, metric, index));
    cells.push({ method, optimisation, repetitions });
  }
  return cells;
}

/** Each example's mean score over the repetitions that have it (averaged within the question), for paired comparisons. */
export function pairedScores(cell: CellRows, index: ExampleIndex, label: string): PairedInput {
  const scores = new Map<string, { score: number; cluster: string | null }>();
  for (const [place, cluster] of index.clusters.entries()) {
    const found = cell.repetitions.flatMap((one) => valueAt(one.scores, place) ?? []);
    if (found.length > 0)
      scores.set(String(place), { score: found.reduce((sum, value) => sum + value, 0) / found.length, cluster });
  }
  return { label, scores };
}

/** The value at an example's place; null where it has none. */
export function valueAt(values: Float64Array, place: number): number | null {
  const value = values[place];
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Every score is 0 or 1: proportions have intervals of their own. */
export const isBinary = ({ scores }: PairedInput) =>
  [...scores.values()].every(({ score }) => score === 0 || score === 1);
