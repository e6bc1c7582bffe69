import { constants, cpSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { WorkerAnswer, WorkerRequest } from './pglite.ts';

/** The thread that PGlite blocks, so that nothing else has to wait. It answers queries until it is told to close. */
const { folder } = workerData as { folder: string };

/** Small buffers: WebAssembly memory only ever grows, and the files are in the system's page cache anyway. */
const settings = [
  'shared_buffers=8MB',
  'wal_buffers=1MB',
  'max_connections=5',
  'maintenance_work_mem=16MB',
  'max_wal_size=128MB',
  'min_wal_size=32MB',
];

/** PGlite makes no checkpoint of its own until it closes: the write-ahead log would grow, and a reopen after a crash with it. */
const checkpointEverySize = 64 * 2 ** 20;

const asText = (value: string) => value;
/** OIDs of json, jsonb and bigint; see Connection. */
const parsers = { 114: asText, 3802: asText, 20: asText };

const answer = (message: WorkerAnswer) => parentPort?.postMessage(message);

/** What Postgres wrote to its log before it gave up; the error that comes back then says only that it did. */
let lastWords: string | undefined;
const listen = (line: string) => {
  lastWords = /(?:FATAL|PANIC): +(.*)/.exec(line)?.[1] ?? lastWords;
  return true;
};

function failureOf(error: unknown): { message: string; code: string } {
  const { message, code } = error as { message?: unknown; code?: unknown };
  return { message: lastWords ?? String(message ?? error), code: String(code ?? '') };
}

// Compiling the 9 MB of WebAssembly a second time with the optimizing compiler costs 60 MB and wins nothing measurable here.
setFlagsFromString('--liftoff-only');
const database = await PGlite.create({
  dataDir: folder,
  startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])],
  onStderr: listen,
}).catch((error: unknown) => {
  answer({ ready: false, failure: failureOf(error) });
  return process.exit();
});
setFlagsFromString('--no-liftoff-only');

let written = 0;
async function checkpoint(): Promise<void> {
  if (written < checkpointEverySize) return;
  written = 0;
  // Where it fails (disk full, say) nothing is lost, and the next write says the same to somebody who listens.
  await database.query('checkpoint').catch(() => {});
}

type Query = Extract<WorkerRequest, { statement: string }>;
type Copy = Extract<WorkerRequest, { copyTo: string }>;

async function reply({ id, statement, params }: Query): Promise<void> {
  try {
    const { rows } = await database.query<unknown[]>(statement, [...params], { rowMode: 'array', parsers });
    answer({ id, rows });
  } catch (error) {
    answer({ id, failure: failureOf(error) });
  }
  for (const param of params) if (typeof param === 'string') written += param.length;
  await checkpoint();
}

/** The files as after a clean end: nothing is in buffers, and nobody else writes while this thread copies. */
async function copy({ id, copyTo }: Copy): Promise<void> {
  try {
    await database.query('checkpoint');
    cpSync(folder, copyTo, { recursive: true, errorOnExist: true, mode: constants.COPYFILE_FICLONE });
    answer({ id, rows: [] });
  } catch (error) {
    answer({ id, failure: failureOf(error) });
  }
}

// Reads go before writes: a model call waits for its look into the response cache, while nothing waits for a write.
const reads: Query[] = [];
const writes: (Query | Copy)[] = [];
let busy = false;
let closing = false;

async function work(): Promise<void> {
  busy = true;
  for (let next = reads.shift() ?? writes.shift(); next !== undefined; next = reads.shift() ?? writes.shift()) {
    await ('copyTo' in next ? copy(next) : reply(next));
    // Lets in what arrived meanwhile: PGlite itself never goes back to the event loop.
    await turn();
  }
  busy = false;
  if (!closing) return;
  // One that gave up can no longer be closed; what it acknowledged is in its write-ahead log.
  if (lastWords === undefined) await database.close().catch(() => {});
  process.exit();
}

parentPort?.on('message', (request: WorkerRequest) => {
  if ('close' in request) closing = true;
  else if ('statement' in request && /^\s*select\b/i.test(request.statement)) reads.push(request);
  else writes.push(request);
  if (!busy) void work();
});
answer({ ready: true });
