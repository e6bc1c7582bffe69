import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';

type Place = Pick<Surroundings, 'baseDir' | 'limits'>;

/** The way from a folder down to a path; undefined where the path is not in it. */
function wayDown(path: string, folder: string): string[] | undefined {
  const way = relative(folder, path);
  if (isAbsolute(way) || way === '..' || way.startsWith(`..${sep}`)) return undefined;
  return way === '' ? [] : way.split(sep);
}

/** The path with its links followed, as far as there is something: a file that is missing is looked for where it would be. */
async function realPlace(path: string): Promise<string> {
  let there = path;
  const missing: string[] = [];
  for (;;) {
    const found = await realpath(there).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found !== undefined) return join(found, ...missing.reverse());
    // A link to nowhere is not followed by realpath, but would be by what writes or waits: its folder alone says nothing.
    missing.push(there.slice(dirname(there).length).replace(/^[\\/]/, ''));
    if (dirname(there) === there) return path;
    there = dirname(there);
  }
}

/** Whether the path is in one of the folders, and no step below it is hidden (`.env`, `.git`, `.forge`). */
const isOpen = (path: string, folders: readonly string[]) =>
  folders.some((folder) => wayDown(path, folder)?.every((part) => !part.startsWith('.')) === true);

/**
 * The absolute path of a file or folder that a config names, relative to the project. Where the config comes from somebody else
 * (`limits`), it must lie in the project or a folder that the operator opened, also once links are followed, and not be
 * hidden: hidden files hold keys, histories and the database. This is the one place that decides it. Throws ConfigError
 * naming `key`.
 */
export async function projectPath(path: string, key: string, { baseDir, limits }: Place): Promise<string> {
  const full = resolve(baseDir, path);
  if (limits === undefined) return full;
  const shown = JSON.stringify(path.slice(0, 200));
  if (path.includes('\0')) throw new ConfigError(`${key}: ${shown} is not a path: it holds a NUL character`);
  const refused = new ConfigError(
    `${key}: ${shown} is not read, as this config came over the API: only files of the project that are not hidden are (forge serve --data-folder opens a further folder; forge run reads any)`,
  );
  const folders = [baseDir, ...limits.folders].map((folder) => resolve(baseDir, folder));
  if (!isOpen(full, folders)) throw refused;
  const [place, ...roots] = await Promise.all([full, ...folders].map(realPlace)).catch(() => {
    throw refused;
  });
  if (place === undefined || !isOpen(place, roots)) throw refused;
  return full;
}
