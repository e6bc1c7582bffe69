import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Notice } from '../../definition.ts';
import { ConfigError } from '../../errors.ts';
import { canonicalJson, contentHash } from '../../lib/canonical-json.ts';
import { fileDigest } from '../../lib/file-digest.ts';
import type { NumberedRow } from '../../lib/row-source.ts';
import { formatOf, openTableFile } from '../../lib/table-file.ts';
import { firstParagraph, maxCandidates } from './lookup.ts';

/** An article, or a redirect to one. One JSON line of the compact copy. */
export interface CompactArticle {
  readonly title: string;
  /** The first paragraph. */
  readonly text: string;
  /** The lines of a page that only says what its title may mean. */
  readonly candidates?: readonly string[];
  /** The title that this one leads to. */
  readonly redirect?: string;
}

interface DumpParts {
  readonly baseDir: string;
  readonly cacheDir: string;
  notify(notice: Notice): void;
}

/** In the name of the compact copy: another one is made when its content changes. */
const compactVersion = 1;
const maxRowBytes = 64_000_000;
const maxParagraphChars = 8000;
const maxCandidateChars = 200;

/** "Mercury may refer to:", as the English and simple Wikipedias begin such a page. */
const ambiguous = /\b(?:refers?|referring) to\b[^.]*:$|\b(?:can|could|may|might) (?:mean|be)\b[^.]*:$/i;

const textAt = ({ row, where }: NumberedRow, column: string): string => {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new ConfigError(
    `${where}: column "${column}" is no text (option dump); columns there: ${Object.keys(row).slice(0, 20).join(', ')}; a dump has title and text`,
  );
};

function compactArticle(row: NumberedRow): CompactArticle {
  const title = textAt(row, 'title');
  const { redirect } = row.row;
  if (typeof redirect === 'string' && redirect !== '') return { title, text: '', redirect };
  const whole = textAt(row, 'text');
  const text = firstParagraph(whole).slice(0, maxParagraphChars);
  if (!ambiguous.test(text)) return { title, text };
  const lines = whole.split('\n').map((line) => line.replace(/^[\s*•-]+/, '').trim());
  const entries = lines.filter((line) => line !== '' && line !== text);
  return { title, text, candidates: entries.slice(0, maxCandidates).map((line) => line.slice(0, maxCandidateChars)) };
}

/** The file itself, or every table in a folder, by name. Throws ConfigError where there is none. */
async function dumpFiles(path: string, baseDir: string): Promise<string[]> {
  const shown = relative(baseDir, path) || path;
  const isFolder = await stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
  const names = isFolder ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
  const files = names.filter((name) => formatOf(name) !== undefined);
  if (files.length > 0) return files;
  throw new ConfigError(`${shown}: no dump (option dump); give a .jsonl, .parquet or .csv file, or a folder of them`);
}

async function* articleLines(files: readonly string[], { baseDir, notify }: DumpParts): AsyncGenerator<string> {
  let done = 0;
  for (const file of files) {
    const source = await openTableFile(file, { format: formatOf(file) ?? 'json-lines', baseDir, maxRowBytes });
    for await (const row of source.rows({})) {
      yield `${canonicalJson(compactArticle(row))}\n`;
      if (++done % 10_000 === 0) notify({ level: 'progress', message: `reading ${source.label}`, done, unit: 'rows' });
    }
  }
}

/**
 * Titles and first paragraphs of a dump as JSON lines below `cacheDir`, made once for a dump: a paragraph is then one read at a
 * known place, whatever the dump's format. Returns that file, and a digest of the dump. Throws ConfigError.
 */
export async function compactDump(path: string, parts: DumpParts): Promise<{ file: string; digest: string }> {
  const files = await dumpFiles(path, parts.baseDir);
  // Says what is wrong with a file that is missing or empty.
  for (const file of files)
    await openTableFile(file, { format: formatOf(file) ?? 'json-lines', baseDir: parts.baseDir, maxRowBytes });
  const digests: string[] = [];
  for (const file of files) digests.push(await fileDigest(file, parts));
  const digest = contentHash(digests);
  const folder = join(parts.cacheDir, 'wikipedia', 'dumps');
  const file = join(folder, `${digest.slice(0, 32)}-${compactVersion}.jsonl`);
  if (await stat(file).catch(() => null)) return { file, digest };
  await mkdir(folder, { recursive: true });
  const beside = `${file}.${randomUUID()}`;
  try {
    await pipeline(Readable.from(articleLines(files, parts)), createWriteStream(beside));
    await rename(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
  return { file, digest };
}
