import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What package-lock.json says about one package. Licence: an SPDX expression, as the package states it. */
export interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** By folder, e.g. node_modules/zod, packages/forge. */
export type Lock = Readonly<Record<string, LockEntry>>;

export const readLock = (root: string): Lock =>
  JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;

/** The name in its folder: @scope/name of node_modules/a/node_modules/@scope/name. */
export const nameOf = (folder: string) => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** As Node looks: below the folder itself, then below those above it. */
function locate(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = folder === '.' || folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[found] !== undefined) return found;
    if (folder === '.' || folder === '') return undefined;
  }
}

/** Folders of all packages that `start` needs to run, however indirectly; other workspaces left out. Throws where one is not locked. */
export function productionTree(lock: Lock, start: string): string[] {
  const seen = new Set<string>();
  const waiting = [start];
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = lock[from] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = locate(lock, from, name);
      // An optional package of another platform may be missing, a peer may be nobody's.
      if (found === undefined && dependencies[name] !== undefined && optionalDependencies[name] === undefined) {
        throw new Error(`package-lock.json has no ${name}, which ${from} needs`);
      }
      if (found === undefined || lock[found]?.link || seen.has(found)) continue;
      seen.add(found);
      waiting.push(found);
    }
  }
  return [...seen].sort();
}
