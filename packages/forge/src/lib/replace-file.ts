import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Appends bytes to the file being written. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/** Node refuses single writes of 2 GiB and more. */
const maxWriteBytes = 64 * 2 ** 20;

async function append(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(maxWriteBytes, bytes.length - at));
    at += bytesWritten;
  }
}

/**
 * Writes a file beside its place, forces it to disk and moves it there: whoever looks sees the whole file or the one before,
 * also after kill -9. Where `fill` fails nothing is left behind. Folders are made. `mode`: of the new file, less the umask.
 */
export async function replaceFile(
  path: string,
  fill: (write: WriteBytes) => Promise<void>,
  mode = 0o666,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  try {
    const file = await open(partial, 'w', mode);
    try {
      await fill((bytes) => append(file, bytes));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
