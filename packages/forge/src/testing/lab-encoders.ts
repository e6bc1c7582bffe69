import { join } from 'node:path';
import type { Surroundings } from '../definition.ts';

export const root = join(import.meta.dirname, '..', '..', '..', '..');

/** Settings of the bundled encoders, with paths that hold in any folder. */
export const labModels = {
  embedder: { name: 'sentence-transformer', model: join(root, 'models/lab-encoders/embedder') },
  crossEncoder: { name: 'cross-encoder', model: join(root, 'models/lab-encoders/cross-encoder') },
  nli: { name: 'nli-classifier', model: join(root, 'models/lab-encoders/nli') },
} as const;

export const surroundingsIn = (dir: string, over: Partial<Surroundings> = {}): Surroundings => ({
  baseDir: dir,
  cacheDir: join(dir, 'cache'),
  env: {},
  now: Date.now,
  notify: () => {},
  ...over,
});
