import type { Example } from './dataset.ts';
import { promptOf } from './lib/row-text.ts';
import { gramsOf, type HashedWords, hashWords } from './lib/word-grams.ts';
import type { TrainingRow } from './training-set.ts';

/** Questions of one side that the other side holds. JSON. */
export interface Overlap {
  /** A held-out split or an evaluation set: what should be new to the model. */
  readonly of: string;
  /** The split that was searched for it. */
  readonly in: string;
  /** Questions that were looked for. */
  readonly items: number;
  /** Further ones that were not: there was no room. */
  readonly unchecked: number;
  /** Whose every word is in one prompt of the split, in order; the same question. */
  readonly same: number;
  /** That share a run of 13 words (all their words, where they have fewer) with a row, answers included; `same` among them. */
  readonly overlapping: number;
  /** The first ones. */
  readonly examples: readonly {
    readonly kind: 'same' | 'overlap';
    readonly item: string;
    readonly row: string;
    /** Its first 200 characters. */
    readonly text: string;
  }[];
}

export interface LeakageInput {
  /** In order: each is searched for the questions of those after it, the first one for those of the evaluation sets as well. */
  readonly splits: readonly { readonly name: string; rows(): AsyncIterable<TrainingRow> }[];
  readonly evaluations: readonly { readonly name: string; examples(): AsyncIterable<Example> }[];
  readonly signal?: AbortSignal;
}

/** Words of a run: as GPT-3's check of its benchmarks (Brown et al. 2020, appendix C, https://arxiv.org/abs/2005.14165). */
const runLength = 13;
/** A run that more questions share is a phrase of the form, as there. */
const maxShared = 10;
/** Shorter questions count where they are the whole prompt only. */
const shortest = 3;
const maxExamples = 10;
const maxIndexedRuns = 5_000_000;
const shownChars = 200;

interface Item {
  readonly id: string;
  readonly text: string;
  readonly words: HashedWords;
  same: boolean;
  overlapping: boolean;
}

/** Questions by their runs of words. */
interface Index {
  readonly of: string;
  readonly items: Item[];
  unchecked: number;
  /**
   * By length: the last run of each question, which is all of it where it has fewer words than a run. The last, because many
   * prompts begin alike.
   */
  readonly tails: Map<number, Map<number, Item[]>>;
  /** Every run of the longer questions. */
  readonly runs: Map<number, Item[]>;
  examples: Overlap['examples'][number][];
}

const lengthOf = ({ words }: Pick<Item, 'words'>) => words.first.length;

function addToList(lists: Map<number, Item[]>, gram: number, item: Item): void {
  const list = lists.get(gram);
  if (list === undefined) lists.set(gram, [item]);
  else list.push(item);
}

function addTo(index: Index, id: string, text: string): void {
  const item = { id, text: text.slice(0, shownChars), words: hashWords(text), same: false, overlapping: false };
  const length = lengthOf(item);
  if (length === 0) return;
  if (index.runs.size + length > maxIndexedRuns) {
    index.unchecked++;
    return;
  }
  index.items.push(item);
  const n = Math.min(length, runLength);
  const tails = index.tails.get(n) ?? new Map<number, Item[]>();
  index.tails.set(n, tails);
  gramsOf(item.words, n, (gram, at) => {
    if (at === length - n) addToList(tails, gram, item);
    if (length < runLength) return;
    const known = index.runs.get(gram);
    if (known === undefined || (known.length <= maxShared && known.at(-1) !== item)) addToList(index.runs, gram, item);
  });
}

async function indexOf(of: string, items: AsyncIterable<{ id: string; text: string }>, signal?: AbortSignal) {
  const index: Index = { of, items: [], unchecked: 0, tails: new Map(), runs: new Map(), examples: [] };
  for await (const { id, text } of items) {
    signal?.throwIfAborted();
    addTo(index, id, text);
  }
  return index;
}

async function* promptsOf(rows: AsyncIterable<TrainingRow>) {
  for await (const row of rows) yield { id: row.id, text: promptOf(row) };
}

function found(index: Index, item: Item, kind: 'same' | 'overlap', row: TrainingRow): void {
  if (kind === 'same' ? item.same : item.overlapping) return;
  const isNew = !item.overlapping;
  item.overlapping = true;
  if (kind === 'same') item.same = true;
  if (isNew && index.examples.length < maxExamples)
    index.examples.push({ kind, item: item.id, row: row.id, text: item.text });
}

/** Whether all words of the item stand in the text from `at` on. */
function standsAt({ words }: Item, text: HashedWords, at: number): boolean {
  if (at < 0) return false;
  return (
    words.first.every((word, i) => word === text.first[at + i]) &&
    words.second.every((word, i) => word === text.second[at + i])
  );
}

/** Looks for whole questions in a prompt. */
function lookForSame(index: Index, prompt: HashedWords, row: TrainingRow): void {
  for (const [n, tails] of index.tails) {
    gramsOf(prompt, n, (gram, at) => {
      for (const item of tails.get(gram) ?? []) {
        if (item.same || (lengthOf(item) < shortest && lengthOf(item) !== prompt.first.length)) continue;
        if (standsAt(item, prompt, at + n - lengthOf(item))) found(index, item, 'same', row);
      }
    });
  }
}

function lookForRuns(index: Index, text: HashedWords, row: TrainingRow): void {
  if (index.runs.size > 0)
    gramsOf(text, runLength, (gram) => {
      const sharing = index.runs.get(gram);
      if (sharing === undefined || sharing.length > maxShared) return;
      for (const item of sharing) found(index, item, 'overlap', row);
    });
  for (const [n, tails] of index.tails) {
    if (n < shortest || n === runLength) continue;
    gramsOf(text, n, (gram) => {
      for (const item of tails.get(gram) ?? []) found(index, item, 'overlap', row);
    });
  }
}

/** Prompt, and what follows it. A text without a prompt of its own is searched as a whole. */
function textsOf(row: TrainingRow): { prompt: string; answers: readonly string[] } {
  if (row.kind === 'preference') return { prompt: row.prompt, answers: [row.chosen, row.rejected] };
  if (row.kind === 'retrieval') return { prompt: row.query, answers: [row.positive, ...row.negatives] };
  if (row.kind === 'classification') return { prompt: `${row.first}\n${row.second}`, answers: [] };
  return { prompt: row.segments.map(({ text }) => text).join(''), answers: [] };
}

async function search(split: LeakageInput['splits'][number], indexes: readonly Index[], signal?: AbortSignal) {
  for await (const row of split.rows()) {
    signal?.throwIfAborted();
    const { prompt, answers } = textsOf(row);
    const words = hashWords(prompt);
    const others = answers.map(hashWords);
    for (const index of indexes) {
      // Whole questions first: an example that is both is shown as the same.
      lookForSame(index, words, row);
      for (const text of [words, ...others]) lookForRuns(index, text, row);
    }
  }
  return indexes.map(({ of, items, unchecked, examples }): Overlap => {
    const count = (which: 'same' | 'overlapping') => items.filter((item) => item[which]).length;
    return {
      of,
      in: split.name,
      items: items.length,
      unchecked,
      same: count('same'),
      overlapping: count('overlapping'),
      examples,
    };
  });
}

/**
 * Looks for the questions of held-out splits and of evaluation sets in the rows before them. Words are compared in lower case
 * and without punctuation. Streams what is searched; what is looked for is held in memory, up to 5 million words of it.
 */
export async function checkLeakage({ splits, evaluations, signal }: LeakageInput): Promise<Overlap[]> {
  const overlaps: Overlap[] = [];
  for (const [i, split] of splits.entries()) {
    const indexes: Index[] = [];
    for (const later of splits.slice(i + 1)) indexes.push(await indexOf(later.name, promptsOf(later.rows()), signal));
    for (const { name, examples } of i === 0 ? evaluations : []) indexes.push(await indexOf(name, examples(), signal));
    if (indexes.length > 0) overlaps.push(...(await search(split, indexes, signal)));
  }
  return overlaps;
}
