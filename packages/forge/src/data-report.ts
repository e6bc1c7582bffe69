import { createHash } from 'node:crypto';
import { numberList } from './lib/number-list.ts';
import { normalizedPrompt, promptOf } from './lib/row-text.ts';
import { comparedWords } from './lib/word-grams.ts';
import { type Estimate, wilsonEstimate } from './statistics/estimate.ts';
import { quantile } from './statistics/quantile.ts';
import type { PreferenceRow, TrainingRow } from './training-set.ts';

export interface Quantiles {
  readonly mean: number;
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** What rows are like, before a model is trained on them. JSON. */
export interface DataReport {
  readonly rows: number;
  readonly unit: 'tokens' | 'words';
  /** By part of a row: prompt, chosen, rejected; prompt, completion; query, positive, negatives; first, second. In `unit`. */
  readonly lengths: Readonly<Record<string, Quantiles>>;
  /** Rows whose prompt, whatever its case and blanks, another row has. */
  readonly samePrompt: number;
  /** Rows that repeat an earlier row, all its texts alike. */
  readonly repeated: number;
  /** Of preference pairs; null for other rows. */
  readonly pairs: {
    /**
     * Share of pairs whose chosen answer is the longer one, of those whose lengths differ: far from a half, length alone tells
     * them apart, and a model learns it (Singhal et al. 2023, https://arxiv.org/abs/2310.03716).
     */
    readonly chosenLonger: Estimate;
    readonly equalLength: number;
    /** Words that both answers have over those that one of them has (Jaccard). */
    readonly wordOverlap: Quantiles;
    readonly emptyAnswers: number;
    readonly equalAnswers: number;
  } | null;
}

export interface DataReportOptions {
  /** Tokens of a text; words are counted where there is none. */
  readonly countTokens?: (text: string) => Promise<number> | number;
  readonly signal?: AbortSignal;
}

const noQuantiles: Quantiles = { mean: 0, p5: 0, p50: 0, p95: 0, max: 0 };

function quantilesOf(values: Float64Array): Quantiles {
  if (values.length === 0) return noQuantiles;
  const sorted = values.slice().sort();
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const at = (p: number) => quantile(sorted, p);
  return { mean, p5: at(0.05), p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** 52 bits of a hash: enough to tell a few million texts apart. */
const shortHash = (text: string): number => createHash('sha256').update(text).digest().readUIntBE(0, 6);

/** How many values are there before, and how many have a twin. */
function repeatsOf(values: Float64Array): { later: number; sharing: number } {
  const sorted = values.slice().sort();
  let [later, sharing] = [0, 0];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    later += to - from - 1;
    if (to - from > 1) sharing += to - from;
  }
  return { later, sharing };
}

function wordOverlap(a: string, b: string): number {
  const [first, second] = [new Set(comparedWords(a)), new Set(comparedWords(b))];
  const all = first.union(second).size;
  return all === 0 ? 1 : first.intersection(second).size / all;
}

/** The parts of a row whose lengths are told. */
function partsOf(row: TrainingRow): Readonly<Record<string, string>> {
  if (row.kind === 'preference') return { prompt: row.prompt, chosen: row.chosen, rejected: row.rejected };
  if (row.kind === 'retrieval')
    return { query: row.query, positive: row.positive, negatives: row.negatives.join('\n') };
  if (row.kind === 'classification') return { first: row.first, second: row.second };
  const whole = row.segments.map(({ text }) => text).join('');
  const prompt = promptOf(row);
  return prompt === whole ? { completion: whole } : { prompt, completion: whole.slice(prompt.length) };
}

function pairCounter() {
  const overlaps = numberList();
  let [longer, shorter, equalLength, emptyAnswers, equalAnswers] = [0, 0, 0, 0, 0];
  return {
    add({ chosen, rejected }: PreferenceRow, chosenLength: number, rejectedLength: number) {
      overlaps.push(wordOverlap(chosen, rejected));
      if (chosenLength > rejectedLength) longer++;
      else if (chosenLength < rejectedLength) shorter++;
      else equalLength++;
      if (chosen.trim() === '' || rejected.trim() === '') emptyAnswers++;
      if (chosen === rejected) equalAnswers++;
    },
    figures: () => ({
      chosenLonger: wilsonEstimate(longer, longer + shorter),
      equalLength,
      wordOverlap: quantilesOf(overlaps.values()),
      emptyAnswers,
      equalAnswers,
    }),
  };
}

/** Lengths, length bias, overlap and repeats of training rows. Streams them; memory is a few numbers for each. */
export async function reportData(
  rows: AsyncIterable<TrainingRow>,
  { countTokens, signal }: DataReportOptions = {},
): Promise<DataReport> {
  const lengthOf = countTokens ?? ((text: string) => text.split(/\s+/).filter((word) => word !== '').length);
  const lengths = new Map<string, ReturnType<typeof numberList>>();
  const [prompts, wholes] = [numberList(), numberList()];
  const pairs = pairCounter();
  let count = 0;
  let anyPair = false;
  for await (const row of rows) {
    signal?.throwIfAborted();
    count++;
    const parts = partsOf(row);
    const measured: Record<string, number> = {};
    for (const [part, text] of Object.entries(parts)) {
      const list = lengths.get(part) ?? numberList();
      lengths.set(part, list);
      const length = await lengthOf(text);
      measured[part] = length;
      list.push(length);
    }
    prompts.push(shortHash(normalizedPrompt(promptOf(row))));
    wholes.push(shortHash(JSON.stringify(parts)));
    if (row.kind !== 'preference') continue;
    anyPair = true;
    pairs.add(row, measured.chosen ?? 0, measured.rejected ?? 0);
  }
  return {
    rows: count,
    unit: countTokens === undefined ? 'words' : 'tokens',
    lengths: Object.fromEntries([...lengths].map(([part, list]) => [part, quantilesOf(list.values())])),
    samePrompt: repeatsOf(prompts.values()).sharing,
    repeated: repeatsOf(wholes.values()).later,
    pairs: anyPair ? pairs.figures() : null,
  };
}
