import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Piscina } from 'piscina';
import { ConfigError, messageOf } from '../errors.ts';
import { cleanText, type DocumentText, plainText } from './plain-text.ts';

/** A new kind of document is one line here, and a function of that name in document-worker.ts. */
const kinds: Readonly<Record<string, 'plain' | 'html' | 'pdf'>> = {
  '.txt': 'plain',
  '.md': 'plain',
  '.markdown': 'plain',
  '.html': 'html',
  '.htm': 'html',
  '.pdf': 'pdf',
};

const kindOf = (path: string) => kinds[extname(path).toLowerCase()];
/** True for the endings that can be read. */
export const isDocumentFile = (path: string) => kindOf(path) !== undefined;

/** A title stands before each chunk of its document. */
const maxTitleChars = 300;
/** What takes longer, or more memory, was made to: a few kilobytes of PDF can unpack to any size. */
const defaultLimits = { maxMs: 120_000, maxHeapMb: 2048, maxGrowthMb: 4096 };
const watchEveryMs = 200;

export interface DocumentReader {
  /** One file as a document; its id is its path, and so is its title where it has none. Throws ConfigError naming the file. */
  read(
    path: string,
    options: { shown: string; maxBytes: number; signal?: AbortSignal | undefined },
  ): Promise<{ id: string; title: string; url: string; text: string }>;
  close(): Promise<void>;
}

/** Calls `stop` with the reason once this process has passed a limit. */
function watch({ maxMs, maxGrowthMb }: typeof defaultLimits, stop: (reason: string) => void): NodeJS.Timeout {
  const started = performance.now();
  const rss = process.memoryUsage.rss();
  return setInterval(() => {
    if (performance.now() - started > maxMs) stop(`not read in ${maxMs / 1000} s`);
    if (process.memoryUsage.rss() - rss > maxGrowthMb * 2 ** 20) stop(`takes more than ${maxGrowthMb} MB of memory`);
  }, watchEveryMs);
}

/** Reads documents; HTML and PDF in a thread of its own that starts with the first of them and is ended where one takes too much. */
export function createDocumentReader(given: Partial<typeof defaultLimits> = {}): DocumentReader {
  const limits = { ...defaultLimits, ...given };
  const pool = new Piscina({
    filename: new URL('./document-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
    resourceLimits: { maxOldGenerationSizeMb: limits.maxHeapMb },
  });

  async function inThread(name: 'html' | 'pdf', path: string, signal?: AbortSignal): Promise<DocumentText> {
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    signal?.addEventListener('abort', stop);
    let reason: string | undefined;
    const watching = watch(limits, (why) => {
      reason = why;
      stop();
    });
    try {
      return await pool.run(path, { name, signal: stopping.signal });
    } catch (error) {
      throw reason === undefined ? error : new ConfigError(`${reason}; leave it out of the corpus`);
    } finally {
      clearInterval(watching);
      signal?.removeEventListener('abort', stop);
    }
  }

  return {
    close: () => pool.destroy(),
    async read(path, { shown, maxBytes, signal }) {
      const { size } = await stat(path);
      if (size > maxBytes) {
        const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
        throw new ConfigError(
          `${shown}: ${mb(size)}; a document may have ${mb(maxBytes)}. Split it into several files`,
        );
      }
      const kind = kindOf(path) ?? 'plain';
      try {
        const { title, text } = kind === 'plain' ? plainText(await readFile(path)) : await inThread(kind, path, signal);
        const line = cleanText(title).replace(/\s+/g, ' ').trim().slice(0, maxTitleChars);
        return { id: shown, title: line === '' ? shown : line, url: '', text: cleanText(text) };
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new ConfigError(`${shown}: ${messageOf(error).slice(0, 300)}`);
      }
    },
  };
}
