import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { ConfigError } from '../errors.ts';
import { closestName } from './closest-name.ts';

export type RawRow = Readonly<Record<string, unknown>>;

export interface NumberedRow {
  /** 0-based index in the whole source. */
  readonly index: number;
  readonly row: RawRow;
  /** `file:line` for messages. */
  readonly where: string;
}

/** Rows as a file or a hub repository has them, before columns have a meaning. */
export interface RowSource {
  /** For messages. */
  readonly label: string;
  readonly revision?: string;
  /** Where `most` is given, counting may stop there. */
  count(signal?: AbortSignal, most?: number): Promise<number>;
  /** In order; only these indices where given. */
  rows(options: { only?: ReadonlySet<number>; signal?: AbortSignal }): AsyncIterable<NumberedRow>;
  fingerprint(signal?: AbortSignal): Promise<string>;
}

/** Throws ConfigError naming the nearest file that exists; an empty file is one too. Returns its size in bytes. */
export async function checkFile(path: string, baseDir: string): Promise<number> {
  const shown = relative(baseDir, path) || path;
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw new ConfigError(`${shown}: is a folder, not a file`);
    if (info.size === 0) throw new ConfigError(`${shown}: the file is empty`);
    return info.size;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT') throw new ConfigError(`${shown}: cannot be read (${code})`);
    const beside = await readdir(dirname(path)).catch(() => null);
    if (beside === null)
      throw new ConfigError(
        `${shown}: no such file (the folder ${relative(baseDir, dirname(path))} does not exist either)`,
      );
    const near = closestName(basename(path), beside);
    throw new ConfigError(`${shown}: no such file${near === undefined ? '' : `. Did you mean "${near}"?`}`);
  }
}

/** sha256 (hex) of a file's bytes, streamed. */
export async function fileSha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    ...(signal === undefined ? {} : { signal }),
  }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
