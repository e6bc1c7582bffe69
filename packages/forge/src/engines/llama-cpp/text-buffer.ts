import type { Token } from 'node-llama-cpp';

/** The replacement character that a cut UTF-8 sequence decodes to. */
const broken = '\uFFFD';
/** A character has at most 4 bytes, so at most 4 byte tokens; a model may also write the character itself. */
const maxPending = 4;

/**
 * Turns tokens into text as they come, and watches for stop strings, which may span tokens. A character whose bytes are spread
 * over tokens appears whole.
 */
export function createTextBuffer(
  detokenize: (tokens: readonly Token[], before: readonly Token[]) => string,
  promptEnd: readonly Token[],
  stop: readonly string[],
) {
  const longestStop = Math.max(0, ...stop.map((one) => one.length));
  let before = [...promptEnd];
  let pending: Token[] = [];
  let text = '';
  let stoppedAt: number | undefined;
  let handedOut = 0;

  /** `piece` is the text of what is pending. */
  function append(piece: string): void {
    const from = Math.max(0, text.length - longestStop);
    text += piece;
    before = [...before, ...pending].slice(-8);
    pending = [];
    const found = stop.map((one) => text.indexOf(one, from)).filter((at) => at >= 0);
    if (found.length > 0) stoppedAt = Math.min(...found);
  }

  return {
    /** True once a stop string is complete. */
    push(token: Token): boolean {
      pending.push(token);
      const piece = detokenize(pending, before);
      if (pending.length < maxPending && piece.endsWith(broken)) return false;
      append(piece);
      return stoppedAt !== undefined;
    },
    /** What is new and final: nothing of a stop string, nor what may yet become one. */
    ready(): string {
      let final = stoppedAt ?? text.length;
      if (stoppedAt === undefined) {
        const begun = (length: number) =>
          stop.some((one) => length < one.length && one.startsWith(text.slice(-length)));
        let held = Math.min(longestStop, text.length);
        while (held > 0 && !begun(held)) held--;
        final -= held;
      }
      const piece = text.slice(handedOut, final);
      handedOut = Math.max(handedOut, final);
      return piece;
    },
    /** The whole text, without the stop string. */
    end(): string {
      if (pending.length > 0) append(detokenize(pending, before));
      return stoppedAt === undefined ? text : text.slice(0, stoppedAt);
    },
  };
}
