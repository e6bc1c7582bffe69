/** A part of a text, and whether another text uses its words. */
export interface Span {
  readonly text: string;
  readonly used: boolean;
}

interface Word {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

/** Fewer words in a row say nothing, unless they are a whole short answer. */
const leastWords = 3;

const wordsOf = (text: string): Word[] =>
  [...text.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({
    key: match[0].toLowerCase(),
    from: match.index,
    to: match.index + match[0].length,
  }));

/** The words that follow each other in both texts from these places on. */
function commonRun(a: readonly Word[], i: number, b: readonly Word[], k: number): number {
  let length = 0;
  while (a[i + length] !== undefined && a[i + length]?.key === b[k + length]?.key) length++;
  return length;
}

/**
 * A passage in parts: those whose words also stand, in the same order, in one of the texts (the answer, a claim). A text of up
 * to 4 words must occur whole; of longer ones, 3 words in a row are enough.
 */
export function usedSpans(passage: string, texts: readonly string[]): Span[] {
  const words = wordsOf(passage);
  const isUsed = new Array<boolean>(words.length).fill(false);
  for (const text of texts) {
    const wanted = wordsOf(text);
    const least = wanted.length <= 4 ? Math.max(1, wanted.length) : leastWords;
    const places = Map.groupBy(
      wanted.map((_, k) => k),
      (k) => wanted[k]?.key ?? '',
    );
    for (const [i, word] of words.entries()) {
      for (const k of places.get(word.key) ?? []) {
        const length = commonRun(words, i, wanted, k);
        if (length >= least) isUsed.fill(true, i, i + length);
      }
    }
  }
  const spans: Span[] = [];
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    if (!isUsed[i]) continue;
    const from = words[i]?.from ?? 0;
    while (isUsed[i + 1]) i++;
    const to = words[i]?.to ?? from;
    if (from > at) spans.push({ text: passage.slice(at, from), used: false });
    spans.push({ text: passage.slice(from, to), used: true });
    at = to;
  }
  if (at < passage.length) spans.push({ text: passage.slice(at), used: false });
  return spans;
}
