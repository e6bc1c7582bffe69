import { readFileSync, rmSync } from 'node:fs';
import { open, readFile, realpath, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

/**
 * Two processes that open one PGlite folder lose each other's rows without a word, so one process at a time holds
 * `<folder>.lock`. The lock of a process that lives is never taken; that of a dead one is.
 */
export interface FolderLock {
  readonly path: string;
  /** Throws ConfigError where somebody removed the lock file while it was held. */
  verify(): Promise<void>;
  release(): Promise<void>;
}

const holderSchema = z.object({
  pid: z.number().int().positive(),
  startedAt: z.string().nullable(),
  host: z.string(),
  nonce: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** When a process was started, in the kernel's own ticks since boot; null where the kernel does not say, 'dead' for a zombie. */
function startOf(pid: number): string | 'dead' | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The command name, in parentheses, may itself hold spaces and parentheses. Then: state is field 3, starttime field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? 'dead' : (fields[19] ?? null);
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: the process is there and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const startedAt = startOf(holder.pid);
  if (startedAt === 'dead') return false;
  // Another start time: the number was given to a new process since.
  return startedAt === null || holder.startedAt === null || startedAt === holder.startedAt;
}

/** The holder written in a lock file; 'free' where there is no file, 'unreadable' where its writer died while writing. */
async function readHolder(path: string): Promise<Holder | 'free' | 'unreadable'> {
  for (let attempt = 0; ; attempt++) {
    try {
      return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'free';
      // A file that was just created is empty for a moment.
      if (attempt === 10) return 'unreadable';
      await sleep(50);
    }
  }
}

/** Creates a file that must not exist yet; false where it does. */
async function createAlone(path: string, holder: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(`${JSON.stringify(holder)}\n`);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new ConfigError(
      `${path}: cannot be written (${code}); the database folder needs a place that can be written`,
    );
  }
}

function refusal(path: string, holder: Holder, here: string): ConfigError | undefined {
  if (holder.host !== here) {
    return new ConfigError(
      `${path}: the database is held by process ${holder.pid} on "${holder.host}"; if that machine no longer uses it, delete this file`,
    );
  }
  if (holder.pid === process.pid && isAlive(holder))
    return new ConfigError(`${path}: the database is already open in this process`);
  if (!isAlive(holder)) return undefined;
  return new ConfigError(
    `${path}: the database is in use by process ${holder.pid}; wait until it ends or stop it (kill ${holder.pid})`,
  );
}

/** Removes the lock of a dead process. Only one process at a time may, and it looks again before it does. */
async function removeStale(path: string, self: Holder): Promise<void> {
  const turn = `${path}.takeover`;
  if (!(await createAlone(turn, self))) {
    const other = await readHolder(turn);
    if (other === 'unreadable' || (other !== 'free' && other.host === self.host && !isAlive(other)))
      await rm(turn, { force: true });
    await sleep(20);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder === 'unreadable' || (holder !== 'free' && refusal(path, holder, self.host) === undefined))
      await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

/** The lock file of a folder, beside it; the same one for every spelling of the path. */
async function lockPathOf(folder: string): Promise<string> {
  const path = resolve(folder);
  const real = await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
  return `${real}.lock`;
}

/** Takes the lock of a folder whose parent exists. `nonce` tells this holder from every other. Throws ConfigError naming who holds it. */
export async function lockFolder(folder: string, nonce: string): Promise<FolderLock> {
  const path = await lockPathOf(folder);
  const self: Holder = { pid: process.pid, startedAt: startOf(process.pid), host: hostname(), nonce };
  let taken = await createAlone(path, self);
  for (let attempt = 0; !taken && attempt < 100; attempt++) {
    const holder = await readHolder(path);
    if (holder !== 'free') {
      const refused = holder === 'unreadable' ? undefined : refusal(path, holder, self.host);
      if (refused !== undefined) throw refused;
      await removeStale(path, self);
    }
    taken = await createAlone(path, self);
  }
  if (!taken)
    throw new ConfigError(`${path}: the database could not be locked; if no process uses it, delete this file`);

  const isOurs = (holder: Holder | 'free' | 'unreadable') => typeof holder === 'object' && holder.nonce === nonce;
  function releaseAtExit(): void {
    try {
      if (isOurs(holderSchema.parse(JSON.parse(readFileSync(path, 'utf8'))))) rmSync(path);
    } catch {
      // Already gone: the next process finds no living holder either way.
    }
  }
  process.on('exit', releaseAtExit);
  return {
    path,
    async verify() {
      if (!isOurs(await readHolder(path)))
        throw new ConfigError(`${path}: the lock was removed while it was held; start again`);
    },
    async release() {
      process.off('exit', releaseAtExit);
      if (isOurs(await readHolder(path))) await rm(path, { force: true });
    },
  };
}
