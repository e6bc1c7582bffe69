import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { ConfigError, messageOf } from '../errors.ts';
import { unpackedFile } from './bounded-unpack.ts';

export interface TextLine {
  /** 1-based. */
  readonly number: number;
  readonly text: string;
}

const newline = 0x0a;

/** The bytes of a file, unpacked where its name ends in `.gz`. */
export function readUnpacked(file: string, signal?: AbortSignal): Readable {
  if (file.toLowerCase().endsWith('.gz')) return unpackedFile(file, { signal });
  return createReadStream(file, { highWaterMark: 1 << 18, ...(signal === undefined ? {} : { signal }) });
}

/** The lines of a UTF-8 file, which may be gzipped: see `textLines`. */
export async function* readTextLines(
  file: string,
  maxLineBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<TextLine> {
  try {
    yield* textLines(readUnpacked(file, signal), file, maxLineBytes);
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new ConfigError(`${file}: not a gzip file, or a truncated one: ${messageOf(error)}`);
  }
}

/**
 * The lines of UTF-8 text, streamed; a final newline makes no extra line, a byte-order mark is dropped. Throws ConfigError
 * with file and line where the bytes are not UTF-8 or a line is longer than `maxLineBytes`.
 */
export async function* textLines(
  stream: AsyncIterable<Buffer>,
  file: string,
  maxLineBytes: number,
): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  let parts: Buffer[] = [];
  let size = 0;
  let number = 0;

  function take(end: Buffer): TextLine {
    const bytes = parts.length === 0 ? end : Buffer.concat([...parts, end]);
    parts = [];
    size = 0;
    if (bytes.length > maxLineBytes) throw tooLong(bytes.length);
    number++;
    try {
      return { number, text: decoder.decode(bytes).replace(/\r$/, '') };
    } catch {
      throw new ConfigError(`${file}:${number}: not UTF-8 text; convert the file, e.g. with iconv -t UTF-8`);
    }
  }
  const tooLong = (bytes: number) =>
    new ConfigError(
      `${file}:${number + 1}: a line of over ${Math.floor(bytes / 1e6)} MB; lines may have ${maxLineBytes / 1e6} MB (option maxRowBytes)`,
    );

  for await (const chunk of stream) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      yield take(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) {
      const rest = chunk.subarray(from);
      size += rest.length;
      // Before it is all in memory.
      if (size > maxLineBytes) throw tooLong(size);
      parts.push(rest);
    }
  }
  if (parts.length > 0) yield take(Buffer.alloc(0));
}
