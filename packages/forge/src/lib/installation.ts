import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The folder with models/, datasets/ and packages/: a clone, or the npm package, which is laid out as a clone is. Whatever comes with
 * LLM Forge is found from here.
 */
export const root = join(import.meta.dirname, '..', '..', '..', '..');

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; gitHead?: string };

/** Of package.json, the one place that states it. */
export const forgeVersion = manifest.version;

/** Commit that the npm package was built from; undefined in a clone. */
export const packedRevision = manifest.gitHead;
