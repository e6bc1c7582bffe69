import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

const lockSchema = z.strictObject({
  version: z.literal(1),
  datasets: z.record(z.string(), z.strictObject({ fingerprint: z.string(), revision: z.string().optional() })),
  models: z.record(z.string(), z.strictObject({ digest: z.string() })),
  /** Fingerprints of retrievers and judging models, by variant and role. */
  components: z.record(z.string(), z.string()).optional(),
});

/** What an experiment's data sets and models were when it was last run: the same names must mean the same bytes. */
export type Lock = z.infer<typeof lockSchema>;

/** Pins nothing yet. */
export const emptyLock = (): Lock => ({ version: 1, datasets: {}, models: {} });

/** `experiments/cot.yaml` is pinned by `experiments/cot.lock.json`. */
export const lockPathOf = (experimentFile: string) => `${experimentFile.replace(/\.ya?ml$/i, '')}.lock.json`;

/** The lock beside an experiment file; an empty one where there is none. Throws ConfigError where it is broken. */
export async function readLock(path: string): Promise<Lock> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyLock();
    throw new ConfigError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError(`${path}: not a lock file of this version; delete it to pin afresh`);
  }
}

/** Written beside and renamed: a crash leaves the old lock whole. Unchanged content is not written. */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  const sorted = (record: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { version, datasets, models, components } = lock;
  const content = {
    version,
    datasets: sorted(datasets),
    models: sorted(models),
    ...(components === undefined ? {} : { components: sorted(components) }),
  };
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return;
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
