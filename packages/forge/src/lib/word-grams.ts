/** The words of a text for comparing: lower case, without punctuation. */
export const comparedWords = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');

/** 32-bit FNV-1a over UTF-16 units, finished by MurmurHash3's mixer: two words alike by chance are rare in every bit. */
function wordHash(word: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** Words as numbers, twice: what `gramsOf` rolls over. */
export interface HashedWords {
  readonly first: Int32Array;
  readonly second: Int32Array;
}

/** Each compared word of a text as two 32-bit hashes. */
export function hashWords(text: string): HashedWords {
  const words = comparedWords(text);
  return {
    first: Int32Array.from(words, (word) => wordHash(word, 0x811c9dc5 | 0)),
    second: Int32Array.from(words, (word) => wordHash(word, 0x2f0b4c47)),
  };
}

const bases = [0x2c1b3c6d, 0x297a2d39] as const;

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}

/**
 * A 53-bit number for each run of `n` words, in order: equal runs have equal numbers. A polynomial hash that rolls (Karp & Rabin
 * 1987), so that its cost does not grow with n. Calls `visit` with the number and the place of the first word.
 */
export function gramsOf({ first, second }: HashedWords, n: number, visit: (gram: number, at: number) => void): void {
  if (n < 1 || first.length < n) return;
  const [baseA, baseB] = bases;
  const [topA, topB] = [power(baseA, n), power(baseB, n)];
  let [a, b] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    a = (Math.imul(a, baseA) + (first[i] as number)) | 0;
    b = (Math.imul(b, baseB) + (second[i] as number)) | 0;
    if (i >= n) {
      a = (a - Math.imul(topA, first[i - n] as number)) | 0;
      b = (b - Math.imul(topB, second[i - n] as number)) | 0;
    }
    if (i >= n - 1) visit((a >>> 0) * 2097152 + (b >>> 11), i - n + 1);
  }
}
