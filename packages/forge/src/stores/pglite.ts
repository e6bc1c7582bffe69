import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ConfigError } from '../errors.ts';
import { type Connection, databaseFailure, type OpenOptions, type Query } from './connection.ts';
import { lockFolder } from './folder-lock.ts';
import { migrate } from './migrate.ts';

export type WorkerRequest =
  | { readonly id: number; readonly statement: string; readonly params: readonly unknown[] }
  | { readonly id: number; readonly copyTo: string }
  | { readonly close: true };
export type WorkerAnswer =
  | { readonly ready: true }
  | { readonly ready: false; readonly failure: WorkerFailure }
  | { readonly id: number; readonly rows: unknown[][] }
  | { readonly id: number; readonly failure: WorkerFailure };
interface WorkerFailure {
  readonly message: string;
  readonly code: string;
}

/** Version of Postgres inside the pinned PGlite: a folder of another one cannot be read. */
const postgresVersion = '18';

/** A new folder takes seconds, a recovery after a crash as well; more than this is a database that will not open. */
const openTimeoutMs = 180_000;

/**
 * Makes an empty database beside `folder` and moves it there whole: a crash leaves no half-made database. In a process of
 * its own, because it takes some 500 MB of memory for a moment, which a thread would not give back. A copy where there is a
 * template: Postgres takes seconds to make itself.
 */
async function createFolder(folder: string, template: string | undefined): Promise<void> {
  const unfinished = `${folder}.creating`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    if (template !== undefined) {
      if (await needsCreation(template)) throw new ConfigError(`database template ${template}: holds no database`);
      await cp(template, unfinished, { recursive: true });
    } else {
      const script = fileURLToPath(new URL('./pglite-create.ts', import.meta.url));
      await promisify(execFile)(process.execPath, [script, unfinished], { timeout: openTimeoutMs });
    }
    // Onto an empty folder that was there already, too.
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (error instanceof ConfigError) throw error;
    const { stderr, killed } = error as { stderr?: string; killed?: boolean };
    if (killed) throw new Error(`was not made within ${openTimeoutMs / 1000} s`);
    // The last line of a failed process that says an error; its stack is of no use to anybody.
    const reason = stderr?.split('\n').findLast((line) => /error/i.test(line));
    throw reason === undefined ? error : new Error(reason.trim());
  }
}

/** What is in a folder, by its name alone. Throws ConfigError where it is neither empty nor a database of this version. */
async function needsCreation(folder: string): Promise<boolean> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    throw new ConfigError(
      `database ${folder}: ${code === 'ENOTDIR' ? 'a file, not a folder' : `cannot be read (${code})`}`,
    );
  }
  if (entries.length === 0) return true;
  const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === '') {
    throw new ConfigError(`database ${folder}: holds other files and no database; give an empty or a new folder`);
  }
  if (version !== postgresVersion) {
    throw new ConfigError(
      `database ${folder}: written by Postgres ${version}, this is ${postgresVersion}; move it away, or use the LLM Forge that wrote it`,
    );
  }
  return false;
}

export interface PgliteOptions extends OpenOptions {
  /** The folder of a closed database that a new one is copied from. */
  readonly template?: string | undefined;
}

/** An embedded database. */
export interface PgliteConnection extends Connection {
  /** Writes everything to the files and copies them into a new folder, all other statements waiting: a database of its own. */
  copyTo(folder: string): Promise<void>;
}

const asError = ({ message, code }: WorkerFailure) => Object.assign(new Error(message), { code });

function openFailure(folder: string, failure: WorkerFailure): ConfigError {
  const error = databaseFailure(folder, asError(failure));
  if (/disk is full/.test(error.message)) return error;
  return new ConfigError(
    `${error.message}; the folder is damaged: move it away to start afresh, or put a copy in its place`,
  );
}

/** Lets one session at a time have the database to itself. */
function takeTurns(query: Query): Pick<Connection, 'query' | 'session'> {
  let taken: Promise<void> | undefined;
  return {
    async query(statement, params) {
      while (taken !== undefined) await taken;
      return query(statement, params);
    },
    async session(work) {
      while (taken !== undefined) await taken;
      const { promise, resolve } = Promise.withResolvers<void>();
      taken = promise;
      try {
        return await work(query);
      } catch (error) {
        // Where no transaction is open this is a warning and nothing else.
        await query('rollback').catch(() => {});
        throw error;
      } finally {
        taken = undefined;
        resolve();
      }
    },
  };
}

type Asked = { readonly statement: string; readonly params: readonly unknown[] } | { readonly copyTo: string };

/** A worker that serves a database, and the callers that wait for it. */
function serve(folder: string): { ready: Promise<void>; connection: PgliteConnection } {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: { folder },
    // Young generation: garbage is collected early, so that the process stays small. Old: a bound, far from reached.
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 1024 },
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown[][]>>();
  const ready = Promise.withResolvers<void>();
  let lastId = 0;
  let ended: ConfigError | undefined;
  let closing: Promise<void> | undefined;

  function end(error: ConfigError): void {
    ended ??= error;
    ready.reject(ended);
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  }
  worker.on('message', (answer: WorkerAnswer) => {
    if ('ready' in answer) return answer.ready ? ready.resolve() : end(openFailure(folder, answer.failure));
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    // An open store with nothing to do must not keep the process alive.
    if (waiting.size === 0) worker.unref();
    if ('rows' in answer) caller?.resolve(answer.rows);
    else caller?.reject(databaseFailure(folder, asError(answer.failure)));
  });
  worker.on('error', (error) => end(databaseFailure(folder, error)));
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      end(new ConfigError(`database ${folder}: closed`));
      resolve();
    });
  });

  function ask(asked: Asked): Promise<unknown[][]> {
    if (ended !== undefined || closing !== undefined) {
      return Promise.reject(ended ?? new ConfigError(`database ${folder}: closed`));
    }
    const id = ++lastId;
    const caller = Promise.withResolvers<unknown[][]>();
    waiting.set(id, caller);
    worker.ref();
    worker.postMessage({ id, ...asked } satisfies WorkerRequest);
    return caller.promise;
  }

  const connection: PgliteConnection = {
    ...takeTurns((statement, params = []) => ask({ statement, params })),
    async copyTo(target) {
      await ask({ copyTo: target });
    },
    close() {
      closing ??= (async () => {
        if (ended !== undefined) return;
        worker.ref();
        worker.postMessage({ close: true } satisfies WorkerRequest);
        await exited;
      })();
      return closing;
    },
  };
  const timer = setTimeout(() => {
    end(new ConfigError(`database ${folder}: did not open within ${openTimeoutMs / 1000} s`));
    void worker.terminate();
  }, openTimeoutMs);
  const settled = () => clearTimeout(timer);
  ready.promise.then(settled, settled);
  return { ready: ready.promise, connection };
}

async function openFolder(folder: string, { asItIs, template }: PgliteOptions): Promise<PgliteConnection> {
  try {
    if (await needsCreation(folder)) await createFolder(folder, template);
    const { ready, connection } = serve(folder);
    await ready;
    try {
      if (asItIs !== true) await migrate(connection.query, folder);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw databaseFailure(folder, error);
  }
}

/**
 * Opens the embedded database in a folder, made where it is missing, and holds the folder's lock until it is closed or the
 * process ends. What was acknowledged survives the end of the process by any signal; a loss of power it need not survive,
 * because PGlite cannot flush to the disk. Throws ConfigError: in use, not a database, damaged, disk full.
 */
export async function openPglite(folder: string, options: PgliteOptions = {}): Promise<PgliteConnection> {
  try {
    await mkdir(dirname(folder), { recursive: true });
  } catch (error) {
    throw new ConfigError(`database ${folder}: its folder cannot be made (${(error as NodeJS.ErrnoException).code})`);
  }
  const lock = await lockFolder(folder, randomUUID());
  try {
    const connection = await openFolder(folder, options);
    try {
      await lock.verify();
    } catch (error) {
      await connection.close();
      throw error;
    }
    let closing: Promise<void> | undefined;
    return {
      ...connection,
      close() {
        closing ??= connection.close().finally(() => lock.release());
        return closing;
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
