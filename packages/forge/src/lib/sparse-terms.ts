/** A sparse vector: `values[i]` at dimension `indices[i]`; each dimension once. */
export interface SparseVector {
  readonly indices: number[];
  readonly values: number[];
}

const k1 = 1.2;
const b = 0.75;
/**
 * How many terms a document is taken to have on average. A constant, the one of Qdrant's own BM25 (FastEmbed's Qdrant/bm25): the
 * true mean changes with every document, and all stored weights would change with it.
 */
const averageLength = 256;

/**
 * Runs of letters and digits in lower case. `Alphabetic` and not `L`: the vowel signs of Indic scripts are no breaks in a word.
 * Composed first, for an é is one letter however a file spells it.
 */
export const termsOf = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{Alphabetic}\p{N}]+/gu) ?? [];

/** FNV-1a, 32 bits, of the UTF-8 bytes: the dimension of a term. http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** How often each dimension occurs; terms of one dimension are counted together. */
function countsOf(terms: readonly string[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const term of terms) {
    const dimension = fnv1a(term);
    counts.set(dimension, (counts.get(dimension) ?? 0) + 1);
  }
  return counts;
}

/**
 * The BM25 weights of a document's terms, without the inverse document frequency, which the server knows and multiplies with
 * (Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019).
 */
export function documentVector(text: string): SparseVector {
  const terms = termsOf(text);
  const counts = countsOf(terms);
  const norm = k1 * (1 - b + (b * terms.length) / averageLength);
  return { indices: [...counts.keys()], values: [...counts.values()].map((tf) => (tf * (k1 + 1)) / (tf + norm)) };
}

/** The terms of a query, each once with weight 1: the server makes it the inverse document frequency. */
export function queryVector(text: string): SparseVector {
  const indices = [...countsOf(termsOf(text)).keys()];
  return { indices, values: indices.map(() => 1) };
}
