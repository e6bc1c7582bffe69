import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Notice, Surroundings } from '../definition.ts';
import { forgeVersion, packedRevision, root } from '../lib/installation.ts';
import type { Provenance } from '../run.ts';
import type { Store } from '../store.ts';
import type { Connection, OpenOptions } from '../stores/connection.ts';
import { openConnection, openStore } from '../stores/index.ts';
import { redactingStore } from '../stores/redacting-store.ts';
import { openRemote } from '../stores/remote.ts';
import { rememberSecrets, withoutSecrets } from './known-secrets.ts';
import { openSecrets } from './secrets.ts';
import { findServer } from './server-file.ts';

/** What every command starts from: the folder, the database, the clock. The only place that reads process.env: with its secrets, see secrets.ts. */
export interface Workspace {
  readonly surroundings: Surroundings;
  readonly clock: { now(): number; monotonic(): number };
  random(): number;
  /** Holds the embedded database and downloads. */
  readonly home: string;
  readonly database: 'embedded' | 'postgres';
  /** The database, or the store of the running server that holds it. */
  openStore(): Promise<Store>;
  /** The database itself, for a process of which there may be several: a server, a worker. */
  openOwnStore(): Promise<Store>;
  /** The store, but secrets that this process knows are not written to it. */
  redacting(store: Store): Store;
  /** The database itself below its store, for a server and for what reads tables as they are. */
  openOwnDatabase(options?: OpenOptions): Promise<Connection>;
  origin(): Promise<Pick<Provenance, 'codeRevision' | 'forgeVersion' | 'machine'>>;
}

/** Commit that the code is of, `+changes` where files differ from it, `unknown` without git. */
async function codeRevision(): Promise<string> {
  // A package lies in the project of somebody else, whose commit says nothing about it.
  if (packedRevision !== undefined) return packedRevision;
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', ['-C', root, ...args], { timeout: 5000 })).stdout.trim();
  try {
    const [commit, changes] = await Promise.all([
      git('rev-parse', 'HEAD'),
      git('status', '--porcelain', '--untracked-files=no'),
    ]);
    return changes === '' ? commit : `${commit}+changes`;
  } catch {
    return 'unknown';
  }
}

function machine(): Record<string, string | number> {
  return {
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

/** Reads the environment once; opens nothing yet. */
export function openWorkspace(notify: (notice: Notice) => void = defaultNotify): Workspace {
  const secrets = openSecrets(process.env);
  rememberSecrets(secrets.values);
  const { env } = secrets;
  const baseDir = process.cwd();
  const home = resolve(baseDir, env.FORGE_HOME ?? '.forge');
  const url = env.DATABASE_URL;
  const dir = join(home, 'database');
  const target = url === undefined ? { dir, template: env.FORGE_DATABASE_TEMPLATE } : { url };
  const redacting = (store: Store) => redactingStore(store, secrets.values);
  const openOwnStore = async () => redacting(await openStore(target));
  return {
    home,
    database: url === undefined ? 'embedded' : 'postgres',
    openOwnStore,
    redacting,
    openOwnDatabase: (options) => openConnection(target, options),
    async openStore() {
      const server = url === undefined ? await findServer(home) : undefined;
      return server === undefined ? openOwnStore() : redacting(openRemote(server));
    },
    surroundings: {
      baseDir,
      cacheDir: join(home, 'cache'),
      env,
      allowPrograms: true,
      now: Date.now,
      notify: (notice) => notify({ ...notice, message: withoutSecrets(notice.message) }),
    },
    clock: { now: Date.now, monotonic: () => performance.now() },
    random: () => randomInt(2 ** 32) / 2 ** 32,
    origin: async () => ({ codeRevision: await codeRevision(), forgeVersion, machine: machine() }),
  };
}

function defaultNotify(notice: Notice): void {
  if (notice.level !== 'progress') console.error(`${notice.level}: ${notice.message}`);
}

/** A path as a person would type it from here. */
export const shortPath = (path: string) => relative(process.cwd(), path) || path;
