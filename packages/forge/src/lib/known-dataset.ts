import { resolve } from 'node:path';
import { z } from 'zod';
import type { Surroundings } from '../definition.ts';
import { openHubTable } from './hub-table.ts';
import { reaching } from './option-reach.ts';
import type { RowSource } from './row-source.ts';
import { maxRowBytesOption } from './table-dataset.ts';
import { formatOf, openTableFile } from './table-file.ts';

/** Options of the ready data sets: from the hub, or from a local copy in the set's own format. */
export const knownDatasetOptions = (split: string) => ({
  split: z.string().default(split).describe('Which split (of the hub).'),
  revision: z.string().default('main').describe('Branch, tag or commit of the hub; the lock file pins the commit.'),
  path: reaching('file', z.string()).optional().describe('A local copy, instead of the hub.'),
  maxRowBytes: maxRowBytesOption,
});

/** The rows of a ready data set: a local table where `path` is given, else the hub's. */
export function openKnownDataset(
  {
    path,
    split,
    revision,
    maxRowBytes,
  }: { path?: string | undefined; split: string; revision: string; maxRowBytes: number },
  hub: { repo: string; config: string | null; whole?: boolean },
  s: Surroundings,
): Promise<RowSource> {
  if (path === undefined) return openHubTable({ ...hub, split, revision, maxRowBytes }, s);
  const full = resolve(s.baseDir, path);
  return openTableFile(full, { format: formatOf(full) ?? 'json-lines', baseDir: s.baseDir, maxRowBytes });
}
