import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isTooOld, neededNode } from '../needed-node.ts';
import { type Check, fail, ok, warn } from './check.ts';

const run = promisify(execFile);

/** Is this Node one that the program runs on? */
export function nodeCheck(version: string): Check {
  if (!isTooOld(version)) return ok('node', `Node ${version}`);
  return fail(
    'node',
    `Node ${version}, ${neededNode} or newer is needed`,
    'install it; in a clone, npm run forge -- ... brings its own',
  );
}

/** The folder itself, or the nearest one above it that is there. */
function existing(folder: string): string {
  let path = folder;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

/** Can FORGE_HOME be written? */
export async function homeCheck(home: string): Promise<Check> {
  const there = existing(home);
  try {
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    return fail('home', `${there} cannot be written`, `give its user the right to write, or set FORGE_HOME elsewhere`);
  }
  if (there !== home) return ok('home', `${home} will be made`);
  const { mode, uid } = await stat(home);
  if (process.getuid !== undefined && uid !== process.getuid() && process.getuid() !== 0)
    return warn('home', `${home} belongs to another user (${uid})`, 'set FORGE_HOME to a folder of your own');
  if ((mode & 0o022) !== 0)
    return warn('home', `${home} can be written by others (mode ${(mode & 0o777).toString(8)})`, `chmod go-w ${home}`);
  const token = join(home, 'server.json');
  if (existsSync(token) && ((await stat(token)).mode & 0o077) !== 0)
    return fail('home', `${token} holds a token and can be read by others`, `chmod 600 ${token}`);
  return ok('home', home);
}

const gigabyte = 1e9;

/** Is there room for databases and models? */
export async function diskCheck(home: string): Promise<Check> {
  const { bavail, bsize } = await statfs(existing(home));
  const free = bavail * bsize;
  const found = `${(free / gigabyte).toFixed(1)} GB free for ${home}`;
  const mend = 'make room, or set FORGE_HOME to a larger disk; forge prune shows what old rows could go';
  if (free < gigabyte) return fail('disk', found, mend);
  return free < 10 * gigabyte ? warn('disk', found, mend) : ok('disk', found);
}

/** Is the server's port free, or held by our own server? */
export async function portCheck(port: number, ownServer: string | undefined): Promise<Check> {
  if (ownServer !== undefined) return ok('port', `forge serve runs: ${ownServer}`);
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return ok('port', `${port} is free for forge serve`);
  return warn(
    'port',
    `${port} cannot be used (${code})`,
    'forge serve takes the next free one; name another: --port <n>',
  );
}

/** First line of what a program prints; undefined where there is none, or it fails. */
async function firstLine(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(program, [...args], { timeout: 20_000 });
    return (stdout.trim() || stderr.trim()).split('\n')[0] ?? '';
  } catch {
    return undefined;
  }
}

/** Which GPU is there, if any? */
export async function gpuCheck(): Promise<Check> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const line = await firstLine('nvidia-smi', query);
  return ok('gpu', line ?? 'none that nvidia-smi knows: models run on the CPU (or on Metal)');
}

/** Is there a Python for trainer trl? */
export async function pythonCheck(): Promise<Check> {
  const uv = await firstLine('uv', ['--version']);
  if (uv !== undefined) return ok('python', `${uv}, which brings Python for the trainer trl`);
  for (const program of ['python3', 'python']) {
    const line = await firstLine(program, ['--version']);
    const [, major, minor] = /^Python (\d+)\.(\d+)/.exec(line ?? '') ?? [];
    if (major === undefined) continue;
    if (Number(major) === 3 && Number(minor) >= 11) return ok('python', `${line} for the trainer trl`);
    return warn('python', `${line}, the trainer trl needs 3.11`, 'install Python 3.11 or uv; all else works without');
  }
  return warn('python', 'none on PATH', 'only the trainer trl needs it: install Python 3.11 or uv');
}

/** Is the dashboard built? */
export function dashboardCheck(folder: string): Check {
  return existsSync(join(folder, 'index.html'))
    ? ok('dashboard', 'built')
    : warn('dashboard', 'not built, forge serve needs it', 'npm run build:dashboard');
}
