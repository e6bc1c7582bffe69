import { createHash } from 'node:crypto';
import type { AsyncBuffer } from 'hyparquet';
import { asyncBufferFromFile } from 'hyparquet';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { downloadHubFile, type HubFile, hubRevision, listHubFiles, openHubRange } from './hub.ts';
import type { HubRef } from './hub-http.ts';
import type { NumberedRow, RowSource } from './row-source.ts';
import { countParquetRows, formatOf, openTableFile, readParquetRows } from './table-file.ts';

export interface HubTableOptions {
  readonly repo: string;
  readonly revision: string;
  /** Configuration (subset) of the repository; null = the default one. */
  readonly config: string | null;
  readonly split: string;
  readonly maxRowBytes: number;
  /** Every row will be read: large files are fetched as well, once, rather than read in ranges. */
  readonly whole?: boolean;
}

/** The hub's own Parquet copy of any data set that it can read. */
const convertedRevision = 'refs/convert/parquet';

/** Files larger than this are read in ranges rather than fetched whole. */
const rangeFromBytes = 64e6;

/**
 * The data files of one split: named `<split>-00000-of-00003.parquet`, `<split>.jsonl`, or in a folder named after the split,
 * inside a folder named after the configuration where there is one (the hub's automatic layout).
 */
export function filesOfSplit(files: readonly HubFile[], config: string | null, split: string): HubFile[] {
  const table = files.filter(({ path }) => formatOf(path) !== undefined && !path.startsWith('.'));
  const inConfig = config === null ? [] : table.filter(({ path }) => path.split('/').includes(config));
  const candidates = inConfig.length > 0 ? inConfig : table;
  const ofSplit = candidates.filter(({ path }) => {
    const parts = path.split('/');
    const stem = (parts.pop() ?? '').replace(/\.[^.]+(\.gz)?$/, '');
    const isShard = stem.startsWith(`${split}-`) && /^\d+-of-\d+/.test(stem.slice(split.length + 1));
    return stem === split || isShard || parts.includes(split);
  });
  const parquet = ofSplit.filter(({ path }) => formatOf(path) === 'parquet');
  return (parquet.length > 0 ? parquet : ofSplit).sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface OpenFile {
  readonly path: string;
  readonly rows: number;
  readonly read: (options: {
    only?: ReadonlySet<number>;
    offset: number;
    signal?: AbortSignal;
  }) => AsyncIterable<NumberedRow>;
}

async function openParquet(ref: HubRef, file: HubFile, s: Surroundings, whole: boolean): Promise<OpenFile> {
  const shown = `${ref.repo}/${file.path}`;
  const remote = !whole && file.size > rangeFromBytes ? await openHubRange(ref, file, s) : null;
  const buffer: AsyncBuffer = remote ?? (await asyncBufferFromFile(await downloadHubFile(ref, file.path, s)));
  return {
    path: file.path,
    rows: await countParquetRows(buffer, shown),
    read: (options) => readParquetRows(buffer, shown, options),
  };
}

async function openText(ref: HubRef, file: HubFile, s: Surroundings, maxRowBytes: number): Promise<OpenFile> {
  const path = await downloadHubFile(ref, file.path, s);
  const table = await openTableFile(path, { format: formatOf(path) ?? 'json-lines', baseDir: s.cacheDir, maxRowBytes });
  return {
    path: file.path,
    rows: await table.count(),
    async *read({ only, offset, signal }) {
      const shifted = only === undefined ? undefined : new Set([...only].map((index) => index - offset));
      for await (const row of table.rows({
        ...(shifted === undefined ? {} : { only: shifted }),
        ...(signal === undefined ? {} : { signal }),
      })) {
        yield { ...row, index: row.index + offset };
      }
    },
  };
}

async function findFiles(options: HubTableOptions, s: Surroundings): Promise<{ ref: HubRef; files: HubFile[] }> {
  const tried: string[] = [];
  for (const revision of [options.revision, convertedRevision]) {
    const asked = { kind: 'dataset', repo: options.repo, revision } as const;
    const commit = await hubRevision(asked, s).catch((error) => {
      if (revision === convertedRevision) return null;
      throw error;
    });
    if (commit === null) continue;
    const ref = { ...asked, revision: commit };
    const all = await listHubFiles(ref, s);
    const files = filesOfSplit(all, options.config, options.split);
    if (files.length > 0) return { ref, files };
    tried.push(...all.map(({ path }) => path).filter((path) => formatOf(path) !== undefined));
  }
  throw new ConfigError(
    `dataset ${options.repo}: no Parquet, JSON Lines or CSV file for split "${options.split}"${options.config === null ? '' : ` of configuration "${options.config}"`}. Data files there: ${tried.slice(0, 20).join(', ') || 'none'}`,
  );
}

/** A repository of many configurations without one named is read whole: hardly what was meant. */
function warnOfFolders(files: readonly HubFile[], { repo, config, split }: HubTableOptions, s: Surroundings): void {
  const folders = new Set(files.map(({ path }) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '.')));
  if (config !== null || folders.size < 2) return;
  const some = [...folders].slice(0, 5).join(', ');
  s.notify({
    level: 'warning',
    message: `dataset ${repo}: split "${split}" is read from ${folders.size} folders (${some}${folders.size > 5 ? ', ...' : ''}); name one with config`,
  });
}

/**
 * One split of a data set of the hub as a table. Files are fetched once and kept; of a large Parquet file only the row groups
 * that hold chosen rows are read where the server allows ranges. The fingerprint is that of the files' checksums.
 */
export async function openHubTable(options: HubTableOptions, s: Surroundings): Promise<RowSource> {
  const { ref, files } = await findFiles(options, s);
  warnOfFolders(files, options, s);
  const opened = new Map<string, Promise<OpenFile>>();
  const open = (file: HubFile) => {
    const known = opened.get(file.path);
    if (known !== undefined) return known;
    const opening =
      formatOf(file.path) === 'parquet'
        ? openParquet(ref, file, s, options.whole ?? false)
        : openText(ref, file, s, options.maxRowBytes);
    opened.set(file.path, opening);
    return opening;
  };
  return {
    label: `${options.repo} (${options.split})`,
    revision: ref.revision,
    async count(_signal, most = Number.POSITIVE_INFINITY) {
      let total = 0;
      for (const file of files) {
        total += (await open(file)).rows;
        if (total >= most) break;
      }
      return total;
    },
    async *rows({ only, signal }) {
      let offset = 0;
      for (const file of files) {
        const { rows, read } = await open(file);
        const end = offset + rows;
        const within = only === undefined || [...only].some((index) => index >= offset && index < end);
        if (within)
          yield* read({ offset, ...(only === undefined ? {} : { only }), ...(signal === undefined ? {} : { signal }) });
        offset = end;
      }
    },
    async fingerprint() {
      const parts = files.map((file) => `${file.path} ${file.size} ${file.sha256 ?? file.gitSha1 ?? ref.revision}`);
      return createHash('sha256').update(parts.join('\n')).digest('hex');
    },
  };
}
