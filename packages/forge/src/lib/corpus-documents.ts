import { readdir, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { contentHash } from './canonical-json.ts';
import { createDocumentReader, isDocumentFile } from './document-file.ts';
import { openHubTable } from './hub-table.ts';
import { cleanText } from './plain-text.ts';
import { projectPath } from './project-path.ts';
import { checkFile, fileSha256, type NumberedRow, type RowSource } from './row-source.ts';
import { formatOf, openTableFile, type TableFormat } from './table-file.ts';

export interface CorpusDocument {
  readonly id: string;
  readonly title: string;
  readonly url: string;
  readonly text: string;
}

/** Documents that stream: never all in memory. */
export interface DocumentSource {
  /** Where `most` is given, counting may stop there. */
  count(signal?: AbortSignal, most?: number): Promise<number>;
  documents(signal?: AbortSignal): AsyncIterable<CorpusDocument>;
  /** Changes when a document may have changed. */
  fingerprint(signal?: AbortSignal): Promise<string>;
}

/** Which column of a table is what. */
export interface DocumentColumns {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly url: string;
}

/** Either `path` or `hub`. */
export interface DocumentPlace {
  readonly path?: string | undefined;
  readonly format?: TableFormat | 'document' | undefined;
  /** `owner/repo[@revision]` of the hub. */
  readonly hub?: string | undefined;
  readonly config?: string | undefined;
  readonly split?: string | undefined;
  readonly columns: DocumentColumns;
  /** Documents at most: the first ones. */
  readonly limit?: number | undefined;
}

/** The longest document that is read: a book has a few megabytes. */
const maxDocumentBytes = 64 * 2 ** 20;

function columnText({ row, where }: NumberedRow, columns: DocumentColumns, role: keyof DocumentColumns): string {
  const value = row[columns[role]];
  if (value !== null && typeof value === 'object')
    throw new ConfigError(
      `${where}: column "${columns[role]}" (columns.${role}) holds an object or a list, not a text`,
    );
  return cleanText(String(value ?? ''));
}

/** Rows of a table as documents: a file's, or a hub data set's. Throws ConfigError naming row and column. */
function tableDocuments(rows: RowSource, columns: DocumentColumns): DocumentSource {
  // Only a column of ids that somebody named must be there: rows without one are told apart by their number.
  const needed = columns.id === 'id' ? (['text'] as const) : (['text', 'id'] as const);
  return {
    count: rows.count,
    fingerprint: rows.fingerprint,
    async *documents(signal) {
      for await (const numbered of rows.rows(signal === undefined ? {} : { signal })) {
        const { index, row, where } = numbered;
        for (const role of needed) {
          if (row[columns[role]] !== undefined) continue;
          throw new ConfigError(
            `${where}: no column "${columns[role]}" (columns.${role}). Columns there: ${Object.keys(row).slice(0, 30).join(', ')}`,
          );
        }
        const text = (role: keyof DocumentColumns) => columnText(numbered, columns, role);
        yield { id: text('id') || `${index}`, title: text('title'), url: text('url'), text: text('text') };
      }
    },
  };
}

/** Each file one document. */
function fileDocuments(paths: readonly string[], baseDir: string): DocumentSource {
  // The same on every system: it is the id.
  const shown = (path: string) => (relative(baseDir, path) || path).split(sep).join('/');
  return {
    count: async () => paths.length,
    async *documents(signal) {
      const reader = createDocumentReader();
      try {
        for (const path of paths) {
          signal?.throwIfAborted();
          yield await reader.read(path, { shown: shown(path), maxBytes: maxDocumentBytes, signal });
        }
      } finally {
        await reader.close();
      }
    },
    async fingerprint(signal) {
      const digests = [];
      for (const path of paths) digests.push([shown(path), await fileSha256(path, signal)]);
      return contentHash(digests);
    },
  };
}

/** The first documents of a source. */
function limited(source: DocumentSource, limit: number): DocumentSource {
  return {
    ...source,
    count: async (signal) => Math.min(limit, await source.count(signal, limit)),
    async *documents(signal) {
      let left = limit;
      for await (const document of source.documents(signal)) {
        yield document;
        if (--left === 0) return;
      }
    },
  };
}

async function folderDocuments(path: string, shown: string, baseDir: string): Promise<DocumentSource> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const documents = paths.filter(isDocumentFile).sort();
  if (documents.length > 0) return fileDocuments(documents, baseDir);
  const endings = [...new Set(paths.map((one) => extname(one)))].slice(0, 20).join(' ');
  throw new ConfigError(
    `${shown}: the folder holds no document (.txt, .md, .html, .pdf). Endings there: ${endings || 'none'}`,
  );
}

/** A table, a document, or the documents below a folder in a fixed order. */
async function openPath(shown: string, place: DocumentPlace, s: Surroundings): Promise<DocumentSource> {
  const { baseDir } = s;
  const path = await projectPath(shown, 'path', s);
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) return folderDocuments(path, shown, baseDir);
  await checkFile(path, baseDir);
  const byEnding = formatOf(path);
  const format = place.format ?? byEnding ?? 'document';
  if (format === 'document') return fileDocuments([path], baseDir);
  if (byEnding !== undefined && byEnding !== format)
    throw new ConfigError(`${shown}: looks like ${byEnding}, not ${format}; leave "format" out`);
  return tableDocuments(await openTableFile(path, { format, baseDir, maxRowBytes: maxDocumentBytes }), place.columns);
}

/** A split of a data set of the hub. Without a limit its files are fetched whole, and kept. */
async function openHub(hub: string, place: DocumentPlace, s: Surroundings): Promise<DocumentSource> {
  const [repo = '', revision = 'main'] = hub.split(/@(.*)/);
  const { config = null, split = 'train', limit, columns } = place;
  const whole = limit === undefined;
  const table = await openHubTable({ repo, revision, config, split, maxRowBytes: maxDocumentBytes, whole }, s);
  return tableDocuments(table, columns);
}

/** Documents of a folder, a file, or a data set of the hub. Throws ConfigError. */
export async function openDocuments(place: DocumentPlace, s: Surroundings): Promise<DocumentSource> {
  const { path, hub, limit } = place;
  if ((path === undefined) === (hub === undefined)) throw new ConfigError('a source has either a path or a hub');
  const source = hub === undefined ? await openPath(path ?? '', place, s) : await openHub(hub, place, s);
  return limit === undefined ? source : limited(source, limit);
}
