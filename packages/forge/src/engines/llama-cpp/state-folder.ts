import { access, constants, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

/** f_type of a tmpfs: statfs(2). */
const tmpfsMagic = 0x01021994;
const mostBytes = 2 ** 30;

/** Where a model process may put saved states of sequences, and how much of it. */
export interface StateFolder {
  readonly path: string;
  readonly maxBytes: number;
}

async function isWritableTmpfs(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return (await statfs(path)).type === tmpfsMagic;
  } catch {
    return false;
  }
}

/**
 * A new folder that only this user can read, in memory where the machine has a file system there. The bound is small beside the machine's
 * memory and what is free: a state that is not kept is prefilled again, nothing else.
 */
export async function createStateFolder(): Promise<StateFolder> {
  const root = (await isWritableTmpfs('/dev/shm')) ? '/dev/shm' : tmpdir();
  const path = await mkdtemp(join(root, `forge-states-${process.pid}-`));
  const { bavail, bsize } = await statfs(path);
  return { path, maxBytes: Math.floor(Math.min(mostBytes, totalmem() / 8, (bavail * bsize) / 2)) };
}
