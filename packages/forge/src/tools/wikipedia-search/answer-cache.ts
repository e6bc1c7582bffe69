import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { contentHash } from '../../lib/canonical-json.ts';

const entrySchema = z.strictObject({ url: z.string(), fetchedMs: z.number(), body: z.string() });

interface CachedAnswer {
  readonly body: string;
  /** Younger than the limit. */
  readonly fresh: boolean;
}

export interface AnswerCache {
  read(url: string): Promise<CachedAnswer | undefined>;
  /** Written beside and renamed into place: a reader sees all of it or nothing. */
  write(url: string, body: string): Promise<void>;
}

/** Answers by the URL that was asked, one file each. A file that cannot be read counts as absent. */
export function createAnswerCache(folder: string, maxAgeMs: number, now: () => number): AnswerCache {
  const fileOf = (url: string) => {
    const hash = contentHash(url);
    return join(folder, hash.slice(0, 2), `${hash}.json`);
  };
  return {
    async read(url) {
      const entry = await readFile(fileOf(url), 'utf8')
        .then((text) => entrySchema.parse(JSON.parse(text)))
        .catch(() => undefined);
      if (entry?.url !== url) return undefined;
      return { body: entry.body, fresh: now() - entry.fetchedMs <= maxAgeMs };
    },
    async write(url, body) {
      const file = fileOf(url);
      await mkdir(dirname(file), { recursive: true });
      const beside = `${file}.${randomUUID()}`;
      await writeFile(beside, JSON.stringify({ url, fetchedMs: now(), body }));
      await rename(beside, file);
    },
  };
}
