import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConfigError } from '../errors.ts';

/** Text of a few letters packs to a hundredth; what packs better was made to. Smaller files may, whatever they hold. */
const defaults = { maxRatio: 200, freeBytes: 64e6, maxBytes: 200e9 };

/**
 * The bytes of a gzip file, unpacked and counted: a megabyte of gzip can hold a gigabyte of zeros, and gzip of gzip more. Fails
 * with ConfigError naming the file.
 */
export function unpackedFile(
  file: string,
  options: Partial<typeof defaults> & { readonly signal?: AbortSignal | undefined } = {},
): Readable {
  const { maxRatio, freeBytes, maxBytes, signal } = { ...defaults, ...options };
  async function* chunks(): AsyncGenerator<Buffer> {
    const packed = createReadStream(file, { highWaterMark: 1 << 18, ...(signal === undefined ? {} : { signal }) });
    const unpacking = createGunzip();
    // An error of the file reaches the reader through what unpacks it.
    packed.on('error', (error) => unpacking.destroy(error));
    let bytes = 0;
    try {
      for await (const chunk of packed.pipe(unpacking) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new ConfigError(`${file}: unpacks to more than ${maxBytes / 1e9} GB; split it`);
        if (bytes > freeBytes && bytes > maxRatio * packed.bytesRead)
          throw new ConfigError(
            `${file}: unpacks to over ${maxRatio} times its size, as no text does; unpack it yourself if it is right`,
          );
        yield chunk;
      }
    } finally {
      packed.destroy();
      unpacking.destroy();
    }
  }
  return Readable.from(chunks(), { objectMode: false });
}
