import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { ConfigError, messageOf } from '../errors.ts';
import { replaceFile } from './replace-file.ts';
import { textLines } from './text-lines.ts';

/**
 * Tables in a file: gzipped JSON lines, written and read as a stream. A header; for each table its name and columns, its
 * rows as lists of texts and nulls, and how many there were with their sha256; at the end the manifest, with the sha256 of
 * everything before it. The sums show damage and careless edits; who can write the file can also write new sums.
 */
export type Cell = string | null;
export type Row = readonly Cell[];

const format = 'llm-forge-tables';
const formatVersion = 1;

/** A value of 256 MB is the most that the database takes; the line around it escapes some of it. */
const maxLineBytes = 512 * 2 ** 20 - 64;
const batchChars = 4 * 2 ** 20;
const batchRows = 1000;

const headerSchema = z.object({
  format: z.literal(format),
  version: z.number().int().positive(),
  kind: z.enum(['database', 'experiment']),
  /** The version of the tables: how many migrations, when the newest was written. */
  schema: z.object({ migrations: z.number().int().nonnegative(), newest: z.number().int().nonnegative() }),
  forgeVersion: z.string(),
  /** ms since the epoch. */
  createdAt: z.number(),
});
export type BackupHeader = Omit<z.infer<typeof headerSchema>, 'format' | 'version'>;

const tableStartSchema = z.object({ table: z.string().regex(/^\w{1,63}$/), columns: z.array(z.string()).min(1) });
const sumSchema = z.object({ rows: z.number().int().nonnegative(), sha256: z.string() });
const manifestSchema = z.object({
  manifest: z.array(sumSchema.extend({ table: z.string() })),
  sha256: z.string(),
});
const rowSchema = z.array(z.string().nullable());

export interface TableSum {
  readonly table: string;
  readonly rows: number;
  readonly sha256: string;
}

/** sha256 over the columns and rows of a table as lines: the same for the same rows in the same order, in any database. */
export function tableHash(columns: readonly string[]): {
  add(row: Row): string;
  end(): { rows: number; sha256: string };
} {
  const hash = createHash('sha256').update(`${JSON.stringify(columns)}\n`);
  let rows = 0;
  return {
    add(row) {
      const line = `${JSON.stringify(row)}\n`;
      hash.update(line);
      rows++;
      return line;
    },
    end: () => ({ rows, sha256: hash.digest('hex') }),
  };
}

export interface BackupWriter {
  table(name: string, columns: readonly string[], rows: AsyncIterable<readonly Row[]>): Promise<void>;
}

async function writeLines(
  write: (text: string) => Promise<void>,
  header: BackupHeader,
  fill: (to: BackupWriter) => Promise<void>,
): Promise<TableSum[]> {
  const whole = createHash('sha256');
  const manifest: TableSum[] = [];
  const put = (text: string) => {
    whole.update(text);
    return write(text);
  };
  await put(`${JSON.stringify({ format, version: formatVersion, ...header })}\n`);
  await fill({
    async table(name, columns, rows) {
      await put(`${JSON.stringify({ table: name, columns })}\n`);
      const hash = tableHash(columns);
      for await (const batch of rows) await put(batch.map(hash.add).join(''));
      const sum = hash.end();
      await put(`${JSON.stringify(sum)}\n`);
      manifest.push({ table: name, ...sum });
    },
  });
  await write(`${JSON.stringify({ manifest, sha256: whole.digest('hex') })}\n`);
  return manifest;
}

/**
 * Writes a new file, which only its user can read; it is there whole or not at all. Throws ConfigError where a file of that
 * name is there already or it cannot be written.
 */
export async function writeBackup(
  path: string,
  header: BackupHeader,
  fill: (to: BackupWriter) => Promise<void>,
): Promise<readonly TableSum[]> {
  if (existsSync(path)) throw new ConfigError(`${path}: is there already; choose another name, or remove it first`);
  let manifest: readonly TableSum[] = [];
  const write = async (append: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
    const gzip = createGzip();
    const pumping = (async () => {
      for await (const chunk of gzip) await append(chunk as Uint8Array);
    })();
    // Heard of at once where it matters: below.
    pumping.catch(() => {});
    const put = async (text: string) => {
      if (!gzip.write(text)) await Promise.race([once(gzip, 'drain'), pumping]);
    };
    try {
      manifest = await writeLines(put, header, fill);
      gzip.end();
      await pumping;
    } finally {
      gzip.destroy();
    }
  };
  try {
    await replaceFile(path, write, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ConfigError || code === undefined) throw error;
    throw new ConfigError(`${path}: cannot be written (${code}${code === 'ENOSPC' ? ', the disk is full' : ''})`);
  }
  return manifest;
}

export type BackupPart =
  | { readonly type: 'header'; readonly header: BackupHeader }
  | { readonly type: 'table'; readonly table: string; readonly columns: readonly string[] }
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  | ({ readonly type: 'table-end' } & TableSum)
  | { readonly type: 'end'; readonly manifest: readonly TableSum[] };

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    const unpacked = pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), createGunzip(), () => {});
    for await (const { text } of textLines(unpacked, path, maxLineBytes)) yield text;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new ConfigError(`${path}: no such file`);
    if (code.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE')
      throw new ConfigError(`${path}: not a whole gzip file (${messageOf(error)}); take another copy`);
    throw new ConfigError(`${path}: cannot be read (${code || messageOf(error)})`);
  }
}

function parsed<T>(path: string, schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError(`${path}: ${what} cannot be read; the file is damaged or no backup of LLM Forge`);
  }
}

function headerOf(path: string, text: string): BackupHeader {
  const { format: _format, version, ...header } = parsed(path, headerSchema, text, 'its first line');
  if (version > formatVersion)
    throw new ConfigError(`${path}: version ${version} of the format, this is ${formatVersion}; update LLM Forge`);
  return header;
}

/** Reads what one table has, line by line, and checks its sums. */
function openTable(path: string, table: string, columns: readonly string[]) {
  const hash = tableHash(columns);
  let rows: Row[] = [];
  let chars = 0;
  return {
    /** A full batch, now and then. */
    row(text: string): BackupPart | undefined {
      const row = parsed(path, rowSchema, text, `row ${rows.length + 1} of a batch of table ${table}`);
      if (row.length !== columns.length)
        throw new ConfigError(`${path}: a row of table ${table} has ${row.length} values, not ${columns.length}`);
      hash.add(row);
      rows.push(row);
      chars += text.length;
      return chars < batchChars && rows.length < batchRows ? undefined : this.rest();
    },
    rest(): BackupPart {
      const part: BackupPart = { type: 'rows', rows };
      rows = [];
      chars = 0;
      return part;
    },
    end(text: string): BackupPart & { type: 'table-end' } {
      const said = parsed(path, sumSchema, text, `the end of table ${table}`);
      const found = hash.end();
      if (said.rows !== found.rows)
        throw new ConfigError(`${path}: table ${table} has ${found.rows} rows, not ${said.rows}; the file was changed`);
      if (said.sha256 !== found.sha256)
        throw new ConfigError(`${path}: table ${table} does not have the sha256 it should; the file was changed`);
      return { type: 'table-end', table, ...found };
    },
  };
}

function checkEnd(path: string, text: string, whole: Hash, tables: readonly TableSum[]): BackupPart {
  const { manifest, sha256 } = parsed(path, manifestSchema, text, 'its manifest');
  if (sha256 !== whole.digest('hex'))
    throw new ConfigError(`${path}: does not have the sha256 it should; it was changed`);
  const asText = (sums: readonly TableSum[]) => sums.map((sum) => `${sum.table} ${sum.rows} ${sum.sha256}`).join('\n');
  if (asText(manifest) !== asText(tables))
    throw new ConfigError(`${path}: the manifest speaks of other tables; it was changed`);
  return { type: 'end', manifest };
}

/**
 * The parts of a file in their order, rows in batches of some megabytes; every sum is checked as it goes by, and the last
 * part is there only where all are right: whoever must not act on a damaged file reads it to its end first. Throws ConfigError.
 */
export async function* readBackup(path: string): AsyncGenerator<BackupPart> {
  const whole = createHash('sha256');
  const tables: TableSum[] = [];
  let table: ReturnType<typeof openTable> | undefined;
  let state: 'header' | 'tables' | 'ended' = 'header';
  for await (const text of linesOf(path)) {
    if (state === 'ended') throw new ConfigError(`${path}: goes on after its end; it was changed`);
    if (text.startsWith('{"manifest"')) {
      if (table !== undefined || state === 'header') throw new ConfigError(`${path}: ends too early; it was changed`);
      yield checkEnd(path, text, whole, tables);
      state = 'ended';
      continue;
    }
    whole.update(`${text}\n`);
    if (state === 'header') {
      yield { type: 'header', header: headerOf(path, text) };
      state = 'tables';
    } else if (table === undefined) {
      const start = parsed(path, tableStartSchema, text, 'the beginning of a table');
      table = openTable(path, start.table, start.columns);
      yield { type: 'table', ...start };
    } else if (text.startsWith('[')) {
      const batch = table.row(text);
      if (batch !== undefined) yield batch;
    } else {
      yield table.rest();
      const end = table.end(text);
      tables.push({ table: end.table, rows: end.rows, sha256: end.sha256 });
      yield end;
      table = undefined;
    }
  }
  if (state !== 'ended') throw new ConfigError(`${path}: ends in the middle; take another copy`);
}

/** Reads a file to its end and checks every sum. Throws ConfigError saying what is wrong. */
export async function verifyBackup(path: string): Promise<{ header: BackupHeader; manifest: readonly TableSum[] }> {
  let header: BackupHeader | undefined;
  let manifest: readonly TableSum[] = [];
  for await (const part of readBackup(path)) {
    if (part.type === 'header') header = part.header;
    if (part.type === 'end') manifest = part.manifest;
  }
  return { header: header as BackupHeader, manifest };
}
