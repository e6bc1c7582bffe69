import { extname, relative } from 'node:path';
import { parse as parseCsv } from 'csv-parse';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';
import { ConfigError, messageOf } from '../errors.ts';
import { checkParquet, withCheckedFooter, withCheckedPages } from './parquet-bounds.ts';
import { checkFile, fileSha256, type NumberedRow, type RawRow, type RowSource } from './row-source.ts';
import { readTextLines, readUnpacked } from './text-lines.ts';

export type TableFormat = 'json-lines' | 'csv' | 'parquet';

export interface TableOptions {
  readonly format: TableFormat;
  readonly baseDir: string;
  /** Longest line or record. */
  readonly maxRowBytes: number;
  /** CSV only. */
  readonly delimiter?: string;
}

const formatByEnding: Readonly<Record<string, TableFormat>> = {
  '.jsonl': 'json-lines',
  '.ndjson': 'json-lines',
  '.json': 'json-lines',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.parquet': 'parquet',
};

/** What a file's ending says it is; text may be gzipped: `.jsonl.gz`. */
export function formatOf(path: string): TableFormat | undefined {
  const lower = path.toLowerCase();
  const format = formatByEnding[extname(lower.replace(/\.gz$/, ''))];
  return format === 'parquet' && lower.endsWith('.gz') ? undefined : format;
}

type Read = (options: { only?: ReadonlySet<number>; signal?: AbortSignal }) => AsyncIterable<NumberedRow>;

function asRow(value: unknown, where: string): RawRow {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as RawRow;
  throw new ConfigError(`${where}: not a JSON object but ${Array.isArray(value) ? 'a list' : typeof value}`);
}

function jsonLines(path: string, shown: string, maxRowBytes: number): Read {
  return async function* ({ only, signal }) {
    let index = -1;
    for await (const { number, text } of readTextLines(path, maxRowBytes, signal)) {
      if (text.trim() === '') continue;
      index++;
      if (only !== undefined && !only.has(index)) continue;
      const where = `${shown}:${number}`;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (error) {
        const hint =
          number === 1 && /^\s*[[{]\s*$/.test(text)
            ? ' (one JSON document over many lines? json-lines wants one object on each line)'
            : '';
        throw new ConfigError(`${where}: broken JSON: ${messageOf(error).slice(0, 200)}${hint}`);
      }
      yield { index, row: asRow(value, where), where };
    }
  };
}

function csv(path: string, shown: string, maxRowBytes: number, delimiter: string): Read {
  return async function* ({ only, signal }) {
    const parser = parseCsv({
      columns: true,
      bom: true,
      delimiter,
      info: true,
      max_record_size: maxRowBytes,
      skip_empty_lines: true,
    });
    const decoder = new TextDecoderStream('utf-8', { fatal: true });
    const text = readUnpacked(path, signal);
    const feed = (async () => {
      try {
        const decoded = ReadableStream.from(text).pipeThrough(
          decoder as unknown as ReadableWritablePair<string, Buffer>,
        );
        for await (const part of decoded) {
          if (!parser.write(part)) await new Promise((resolve) => parser.once('drain', resolve));
        }
        parser.end();
      } catch (error) {
        parser.destroy(error as Error);
      }
    })();
    let index = -1;
    try {
      for await (const { record, info } of parser as AsyncIterable<{ record: RawRow; info: { lines: number } }>) {
        index++;
        if (only === undefined || only.has(index)) yield { index, row: record, where: `${shown}:${info.lines}` };
      }
      await feed;
    } catch (error) {
      if (signal?.aborted) throw error;
      const { code } = error as { code?: string };
      if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
        throw new ConfigError(
          `${shown}: not UTF-8 text after row ${index + 1}; convert the file, e.g. with iconv -t UTF-8`,
        );
      throw new ConfigError(`${shown}: broken CSV: ${messageOf(error).slice(0, 300)}`);
    } finally {
      text.destroy();
      parser.destroy();
    }
  };
}

const parquetBatchRows = 1000;

/** Wanted row ranges, at most a batch long, never across a row group: each reads only the pages it needs. */
function* rangesOf(metadata: FileMetaData, wanted: ReadonlySet<number> | undefined, offset: number) {
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    for (let from = start; from < end; from += parquetBatchRows) {
      const to = Math.min(end, from + parquetBatchRows);
      const needed =
        wanted === undefined ||
        Array.from({ length: to - from }, (_, i) => offset + from + i).some((i) => wanted.has(i));
      if (needed) yield { from, to };
    }
    start = end;
  }
}

/** Throws where the file's end is not one. */
async function metadataOf(file: AsyncBuffer): Promise<FileMetaData> {
  return parquetMetadataAsync(withCheckedFooter(file));
}

/** Rows of one Parquet file; `offset` is the index of its first row in the whole source. */
export async function* readParquetRows(
  file: AsyncBuffer,
  shown: string,
  { only, offset = 0, signal }: { only?: ReadonlySet<number>; offset?: number; signal?: AbortSignal },
): AsyncGenerator<NumberedRow> {
  const { compressors } = await import('hyparquet-compressors');
  try {
    const metadata = await metadataOf(file);
    const checked = withCheckedPages(file, checkParquet(metadata, file.byteLength));
    for (const { from, to } of rangesOf(metadata, only, offset)) {
      signal?.throwIfAborted();
      const rows = await parquetReadObjects({ file: checked, metadata, compressors, rowStart: from, rowEnd: to });
      for (const [i, row] of rows.entries()) {
        const index = offset + from + i;
        if (only === undefined || only.has(index)) yield { index, row, where: `${shown}, row ${from + i + 1}` };
      }
    }
  } catch (error) {
    if (error instanceof ConfigError || signal?.aborted) throw error;
    throw new ConfigError(`${shown}: broken Parquet: ${messageOf(error).slice(0, 300)}`);
  }
}

/** Number of rows, from the footer. */
export async function countParquetRows(file: AsyncBuffer, shown: string): Promise<number> {
  try {
    const metadata = await metadataOf(file);
    checkParquet(metadata, file.byteLength);
    return Number(metadata.num_rows);
  } catch (error) {
    throw new ConfigError(`${shown}: not a Parquet file, or a truncated one: ${messageOf(error).slice(0, 200)}`);
  }
}

/** A local table, streamed. Throws ConfigError at once where the file is missing or empty. */
export async function openTableFile(path: string, options: TableOptions): Promise<RowSource> {
  const { format, baseDir, maxRowBytes, delimiter = /\.tsv(\.gz)?$/.test(path) ? '\t' : ',' } = options;
  await checkFile(path, baseDir);
  const shown = relative(baseDir, path) || path;
  const hinted = formatOf(path);
  if (hinted !== undefined && hinted !== format)
    throw new ConfigError(`${shown}: looks like ${hinted}; read it with dataset: {name: ${hinted}}`);
  let counted: number | undefined;
  let hashed: string | undefined;

  if (format === 'parquet') {
    const file = await asyncBufferFromFile(path);
    return {
      label: shown,
      count: () => countParquetRows(file, shown),
      rows: (wanted) => readParquetRows(file, shown, wanted),
      fingerprint: async (signal) => (hashed ??= await fileSha256(path, signal)),
    };
  }
  const rows = format === 'csv' ? csv(path, shown, maxRowBytes, delimiter) : jsonLines(path, shown, maxRowBytes);
  return {
    label: shown,
    rows,
    async count(signal) {
      if (counted === undefined) {
        counted = 0;
        const none =
          format === 'json-lines'
            ? countJsonLines(path, maxRowBytes, signal)
            : rows(signal === undefined ? {} : { signal });
        for await (const _ of none) counted++;
      }
      return counted;
    },
    fingerprint: async (signal) => (hashed ??= await fileSha256(path, signal)),
  };
}

/** Lines that are rows, without parsing them. */
async function* countJsonLines(path: string, maxRowBytes: number, signal?: AbortSignal) {
  for await (const { text } of readTextLines(path, maxRowBytes, signal)) if (text.trim() !== '') yield;
}
