import { decodeUtf8 } from './answer.ts';

const newline = 0x0a;
const nothing = Buffer.alloc(0);

/**
 * Reads server-sent events (WHATWG HTML, "Server-sent events") as far as the OpenAI protocol uses them: every `data:` line
 * is one JSON, `[DONE]` ends. Lines are cut as bytes, so that a character split over two parts stays whole.
 */
export function createEventReader(onData: (json: string) => void): { push(part: Buffer): void; done(): boolean } {
  let rest: Buffer = nothing;
  let done = false;

  function readLine(line: Buffer): void {
    const text = decodeUtf8(line).trimEnd();
    if (done || !text.startsWith('data:')) return;
    const data = text.slice(5).trimStart();
    if (data === '[DONE]') done = true;
    else if (data !== '') onData(data);
  }

  return {
    push(part) {
      let from = 0;
      for (let end = part.indexOf(newline); end >= 0; end = part.indexOf(newline, from)) {
        const line = part.subarray(from, end);
        readLine(rest.length === 0 ? line : Buffer.concat([rest, line]));
        rest = nothing;
        from = end + 1;
      }
      if (from < part.length) rest = Buffer.concat([rest, part.subarray(from)]);
    },
    done: () => done,
  };
}
