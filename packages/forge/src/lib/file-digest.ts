import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { contentHash } from './canonical-json.ts';
import { fileSha256 } from './row-source.ts';

const entrySchema = z.strictObject({ path: z.string(), size: z.number(), modifiedMs: z.number(), sha256: z.string() });

/** sha256 (hex) of a file, remembered by path, size and time of change: a model of many gigabytes is read once. */
export async function fileDigest(
  path: string,
  { cacheDir }: { cacheDir: string },
  signal?: AbortSignal,
): Promise<string> {
  const { size, mtimeMs: modifiedMs } = await stat(path);
  const folder = join(cacheDir, 'digests');
  const memory = join(folder, `${contentHash(path)}.json`);
  const known = await readFile(memory, 'utf8')
    .then((text) => entrySchema.parse(JSON.parse(text)))
    .catch(() => undefined);
  if (known?.path === path && known.size === size && known.modifiedMs === modifiedMs) return known.sha256;
  const sha256 = await fileSha256(path, signal);
  await mkdir(folder, { recursive: true });
  // Several engines of one process may look at the same file at once.
  const partial = `${memory}.${randomUUID()}`;
  await writeFile(partial, JSON.stringify({ path, size, modifiedMs, sha256 }));
  await rename(partial, memory);
  return sha256;
}
