import { type FileHandle, open } from 'node:fs/promises';
import { termsOf } from '../../lib/sparse-terms.ts';
import { readTextLines } from '../../lib/text-lines.ts';
import type { CompactArticle } from './compact-dump.ts';
import { type Found, type Lookup, maxHits } from './lookup.ts';

/** Longest line of the compact copy: a paragraph and its candidates, with room for what JSON escapes. */
const maxLineBytes = 1_000_000;
/** Of an article's first paragraph, as many as fit: some 8 bytes each in memory. */
const maxTermsPerArticle = 64;
const minTermsPerArticle = 4;
const maxTerms = 20e6;
const maxRedirects = 5;
/** A term in more articles than this (and than a tenth) tells little and costs much. */
const commonArticles = 1000;
/** What a term of the title counts beside one of the paragraph. */
const titleWeight = 2;

interface Index {
  readonly rows: number;
  /** Where each line begins, and where the last one ends. */
  readonly offsets: Float64Array;
  /** The last article with a title's hash; `before` leads to the one before it, -1 where there is none. */
  readonly titles: Map<number, number>;
  readonly before: Int32Array;
  /** Of a term: twice the article, and one more where the title has the term. Ascending. */
  readonly postings: Map<number, number[]>;
  readonly titleTerms: Uint8Array;
}

/** FNV-1a over UTF-16 units: fifteen million terms are hashed in a second, where encoding each would take ten. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const plainTitle = (title: string) =>
  title
    .normalize('NFC')
    .replace(/[_\s]+/g, ' ')
    .trim();
const titleHash = (title: string) => hashOf(plainTitle(title).toLowerCase());

async function countLines(file: string): Promise<number> {
  let rows = 0;
  for await (const { number } of readTextLines(file, maxLineBytes)) rows = number;
  return rows;
}

function addTerms(index: Index, row: number, { title, text }: CompactArticle, termsPerArticle: number): void {
  const inTitle = new Set(termsOf(title));
  const inText = termsOf(text).slice(0, termsPerArticle);
  index.titleTerms[row] = Math.min(255, inTitle.size);
  for (const term of new Set([...inTitle, ...inText])) {
    const posting = row * 2 + (inTitle.has(term) ? 1 : 0);
    const hash = hashOf(term);
    const known = index.postings.get(hash);
    if (known === undefined) index.postings.set(hash, [posting]);
    else known.push(posting);
  }
}

/**
 * An inverted index of titles and first paragraphs in memory: terms by hash, articles by number, no texts. The more articles there
 * are, the fewer terms of each. 240,000 articles of 60 terms, as many as the simple English Wikipedia has: 10 s, 0.4 GB.
 */
async function indexArticles(file: string): Promise<Index> {
  const rows = await countLines(file);
  const index: Index = {
    rows,
    offsets: new Float64Array(rows + 1),
    titles: new Map(),
    before: new Int32Array(rows).fill(-1),
    postings: new Map(),
    titleTerms: new Uint8Array(rows),
  };
  const termsPerArticle = Math.max(minTermsPerArticle, Math.min(maxTermsPerArticle, Math.floor(maxTerms / rows)));
  let end = 0;
  for await (const { number, text } of readTextLines(file, maxLineBytes)) {
    const row = number - 1;
    const article = JSON.parse(text) as CompactArticle;
    end += Buffer.byteLength(text) + 1;
    index.offsets[row + 1] = end;
    const hash = titleHash(article.title);
    index.before[row] = index.titles.get(hash) ?? -1;
    index.titles.set(hash, row);
    if (article.redirect === undefined) addTerms(index, row, article, termsPerArticle);
  }
  return index;
}

/** Articles by the inverse document frequency of the query's terms they have, best first. */
function rank({ postings, titleTerms, rows }: Index, query: string): number[] {
  const found = [...new Set(termsOf(query))]
    .map((term) => postings.get(hashOf(term)) ?? [])
    .filter((list) => list.length > 0);
  const telling = found.filter((list) => list.length <= Math.max(commonArticles, rows / 10));
  const scores = new Map<number, number>();
  for (const list of telling.length > 0 ? telling : found) {
    const weight = Math.log(1 + (rows - list.length + 0.5) / (list.length + 0.5));
    for (const posting of list) {
      const row = posting >>> 1;
      const title = posting % 2 === 1 ? titleWeight / Math.sqrt(titleTerms[row] ?? 1) : 0;
      scores.set(row, (scores.get(row) ?? 0) + weight * (1 + title));
    }
  }
  return [...scores]
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, maxHits)
    .map(([row]) => row);
}

async function readArticle(handle: FileHandle, { offsets }: Index, row: number): Promise<CompactArticle> {
  const start = offsets[row] ?? 0;
  const length = (offsets[row + 1] ?? 0) - start;
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, start);
  return JSON.parse(buffer.toString('utf8')) as CompactArticle;
}

const foundArticle = ({ title, text, candidates }: CompactArticle, others: readonly string[]): Found =>
  candidates === undefined ? { kind: 'page', title, text, others } : { kind: 'ambiguous', title, candidates };

/**
 * Articles of a compact copy: a title as it is written, else one that differs in case, redirects followed; else the articles whose
 * title and first paragraph share the query's terms.
 */
export async function openDump(file: string): Promise<Omit<Lookup, 'fingerprint'>> {
  const index = await indexArticles(file);
  const handle = await open(file);

  async function byTitle(title: string): Promise<CompactArticle | undefined> {
    const wanted = plainTitle(title);
    let near: CompactArticle | undefined;
    for (let row = index.titles.get(titleHash(title)) ?? -1; row >= 0; row = index.before[row] ?? -1) {
      const article = await readArticle(handle, index, row);
      const name = plainTitle(article.title);
      if (name === wanted) return article;
      // The first of the dump, and an article before a redirect.
      const same = name.toLowerCase() === wanted.toLowerCase();
      if (same && (near?.redirect !== undefined || article.redirect === undefined || near === undefined))
        near = article;
    }
    return near;
  }

  async function resolved(title: string): Promise<CompactArticle | undefined> {
    let article = await byTitle(title);
    for (let i = 0; i < maxRedirects && article?.redirect !== undefined; i++) article = await byTitle(article.redirect);
    return article?.redirect === undefined ? article : undefined;
  }

  return {
    async find(query) {
      const titled = await resolved(query);
      if (titled !== undefined) return foundArticle(titled, []);
      const hits: CompactArticle[] = [];
      for (const row of rank(index, query)) hits.push(await readArticle(handle, index, row));
      const [best, ...others] = hits;
      if (best === undefined) return { kind: 'nothing', suggestions: [] };
      return foundArticle(
        best,
        others.map(({ title }) => title),
      );
    },
    close: () => handle.close(),
  };
}
