import { setImmediate as turn } from 'node:timers/promises';

export interface ChunkSize {
  /** At most. */
  readonly tokens: number;
  /** What a chunk repeats of the one before, at most. */
  readonly overlap: number;
}

type Count = (texts: readonly string[]) => Promise<readonly number[]>;

interface Piece {
  readonly text: string;
  readonly tokens: number;
}

/** A tokenizer may see a megabyte without a space as one unknown word: a piece counts at least a token for so many characters. */
const charsPerToken = 32;
/** Sentences are looked for in this much text at a time: a long document does not keep the event loop. */
const minWindowChars = 4096;
/** Sentences whose tokens are counted at once, and characters of them. */
const batchSentences = 256;
const batchChars = 1 << 16;

/** Where to cut a text at or before a place: after a space where there is one, and never inside a character. */
function cutBefore(text: string, at: number): number {
  const space = Math.max(text.lastIndexOf(' ', at - 1), text.lastIndexOf('\n', at - 1));
  if (space >= 0) return space + 1;
  const next = text.charCodeAt(at);
  return next >= 0xdc00 && next <= 0xdfff ? at - 1 : at;
}

/**
 * Sentences by the rules of Unicode, their spaces with them: joined again they are the text. What is longer than a window is
 * cut at its end. The last sentence of a window may go on after it, so the next window begins there.
 */
function* sentencesOf(text: string, windowChars: number): Generator<string> {
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  for (let from = 0; from < text.length; ) {
    const window = text.slice(from, from + windowChars);
    const sentences = Array.from(segmenter.segment(window), ({ segment }) => segment);
    if (from + window.length < text.length) {
      const last = sentences.pop() ?? '';
      if (sentences.length === 0) sentences.push(last.slice(0, cutBefore(last, last.length - 1)));
    }
    for (const sentence of sentences) {
      from += sentence.length;
      yield sentence;
    }
  }
}

function* batchesOf(sentences: Iterable<string>): Generator<string[]> {
  let batch: string[] = [];
  let chars = 0;
  for (const sentence of sentences) {
    if (sentence.trim() !== '') batch.push(sentence);
    chars += sentence.length;
    if (batch.length < batchSentences && chars < batchChars) continue;
    yield batch;
    batch = [];
    chars = 0;
  }
  if (batch.length > 0) yield batch;
}

/** A text in two halves, between words where there are any. */
function halves(text: string): string[] {
  const at = cutBefore(text, Math.ceil(text.length / 2));
  return [text.slice(0, at), text.slice(at)];
}

/** No piece is longer than allowed: a sentence that is gets halved until its parts fit. */
async function piecesOf(texts: readonly string[], most: number, count: Count): Promise<Piece[]> {
  const counts = await count(texts);
  const pieces = texts.map((text, i) => ({
    text,
    tokens: Math.max(counts[i] ?? 0, Math.ceil(text.length / charsPerToken)),
  }));
  const fits = ({ text, tokens }: Piece) => tokens <= most || text.length <= 2;
  const long = pieces.filter((piece) => !fits(piece)).map((piece) => halves(piece.text));
  if (long.length === 0) return pieces;
  // All halves in one call: a tokenizer in another thread is asked once for each level.
  const parts = await piecesOf(long.flat(), most, count);
  let next = 0;
  return pieces.flatMap((piece) => {
    if (fits(piece)) return [piece];
    const from = next;
    for (let chars = 0; chars < piece.text.length; next++) chars += (parts[next] as Piece).text.length;
    return parts.slice(from, next);
  });
}

/** The last pieces that together have at most so many tokens. */
function tailOf(pieces: readonly Piece[], most: number): Piece[] {
  let sum = 0;
  let from = pieces.length;
  while (from > 0 && sum + (pieces[from - 1] as Piece).tokens <= most) sum += (pieces[--from] as Piece).tokens;
  return pieces.slice(from);
}

/** A text as chunks that end at the ends of sentences, each beginning with the end of the one before. */
export async function splitChunks(text: string, size: ChunkSize, count: Count): Promise<string[]> {
  const chunks: string[] = [];
  let current: Piece[] = [];
  let tokens = 0;
  /** Pieces of `current` that no chunk has held yet. */
  let fresh = 0;
  const end = () => chunks.push(current.map((one) => one.text).join(''));
  const sentences = sentencesOf(text, Math.max(minWindowChars, size.tokens * charsPerToken));
  for (const batch of batchesOf(sentences)) {
    const pieces = batch.length === 0 ? [] : await piecesOf(batch, size.tokens, count);
    for (const piece of pieces) {
      if (fresh > 0 && tokens + piece.tokens > size.tokens) {
        end();
        current = tailOf(current, Math.min(size.overlap, size.tokens - piece.tokens));
        tokens = current.reduce((sum, one) => sum + one.tokens, 0);
        fresh = 0;
      }
      current.push(piece);
      tokens += piece.tokens;
      fresh++;
    }
    await turn();
  }
  if (fresh > 0) end();
  return chunks.map((chunk) => chunk.trim()).filter((chunk) => chunk !== '');
}
