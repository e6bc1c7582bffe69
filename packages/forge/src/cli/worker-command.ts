import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { catalog } from '../catalog.ts';
import { ConfigError } from '../errors.ts';
import { forgeVersion } from '../lib/installation.ts';
import { runWorker } from '../workers/run-worker.ts';
import { openWorkQueue } from '../workers/work-queue.ts';
import { type LogChoice, openLog } from './logging.ts';
import { type ReachOptions, reachOf } from './reach.ts';
import { stopSignal } from './stop-signal.ts';
import { openWorkspace } from './workspace.ts';

interface WorkerOptions extends ReachOptions, LogChoice {
  readonly lanes: number;
  readonly engines?: readonly string[];
  readonly gpu?: boolean;
  readonly drainSeconds: number;
  readonly lostAfter: number;
  readonly shardSize?: number;
  readonly untilEmpty?: boolean;
}

const mostModels = 200;

/** GGUF files below `models/` of the project, as an experiment names them. */
async function modelFiles(baseDir: string): Promise<string[]> {
  const entries = await readdir(join(baseDir, 'models'), { recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.endsWith('.gguf'))
    .map((entry) => `models/${entry.replaceAll('\\', '/')}`)
    .sort()
    .slice(0, mostModels);
}

const hasGpu = () => existsSync('/dev/nvidia0') || existsSync('/dev/kfd') || process.platform === 'darwin';

function enginesOf(named: readonly string[] | undefined): string[] {
  const known = catalog.engine.map(({ name }) => name);
  const unknown = named?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ConfigError(`--engines ${unknown}: no engine; there are ${known.join(', ')}`);
  return named === undefined ? known : [...named];
}

/** `forge worker`: takes work until a signal, then drains. Throws ConfigError. */
export async function worker(options: WorkerOptions): Promise<void> {
  const isJson = options.logFormat === 'json';
  const workspace = openWorkspace(({ level, message }) => {
    if (level !== 'progress') log(message);
  });
  const events = openLog(options, workspace.surroundings.env);
  const log = (message: string) => (isJson ? events.info(message) : console.error(message));
  const { clock, random, origin, openOwnStore, home } = workspace;
  // What is in the database may have come over the API of a server.
  const surroundings = { ...workspace.surroundings, ...reachOf(options, home) };
  const url = surroundings.env.DATABASE_URL;
  if (url === undefined)
    throw new ConfigError(
      'DATABASE_URL is not set: workers share a Postgres; set it to postgres://user:password@host:5432/database (one machine alone needs no worker: forge run)',
    );
  const engines = enginesOf(options.engines);
  const store = await openOwnStore();
  try {
    const queue = await openWorkQueue(url, log);
    try {
      await runWorker({
        store,
        queue,
        surroundings,
        clock,
        random,
        home,
        origin: await origin(),
        name: `${hostname()}:${process.pid}`,
        version: forgeVersion,
        capabilities: { gpu: options.gpu ?? hasGpu(), engines, models: await modelFiles(surroundings.baseDir) },
        lanes: options.lanes,
        lostAfterSeconds: options.lostAfter,
        drainMs: options.drainSeconds * 1000,
        ...(options.shardSize === undefined ? {} : { shardSize: options.shardSize }),
        untilEmpty: options.untilEmpty === true,
        stop: stopSignal(),
        log,
      });
    } finally {
      await queue.close();
    }
  } finally {
    await store.close();
  }
}
