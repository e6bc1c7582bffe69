import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.object({ url: z.string(), token: z.string(), pid: z.number().int().positive() });

/** How commands find the server that holds the embedded database: a file beside it that only its user can read. */
export type ServerFile = z.infer<typeof schema>;

const pathIn = (home: string) => join(home, 'server.json');

/** Says to other commands where the server of this folder is; readable by its owner alone. */
export function writeServerFile(home: string, file: ServerFile): void {
  const path = pathIn(home);
  // Anew, because the mode is given to new files only.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(file)}\n`, { mode: 0o600, flag: 'wx' });
}

/** Once the server has ended. */
export function removeServerFile(home: string): void {
  if (readServerFile(home)?.pid === process.pid) rmSync(pathIn(home), { force: true });
}

function readServerFile(home: string): ServerFile | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(pathIn(home), 'utf8')));
  } catch {
    return undefined;
  }
}

/** The server that answers at the moment; undefined where there is none, or only the file of one that died. */
export async function findServer(home: string): Promise<ServerFile | undefined> {
  const file = readServerFile(home);
  if (file === undefined) return undefined;
  try {
    process.kill(file.pid, 0);
    const response = await fetch(`${file.url}/api/health`, { signal: AbortSignal.timeout(5000) });
    return response.ok ? file : undefined;
  } catch {
    return undefined;
  }
}
