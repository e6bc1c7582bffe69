import { ConfigError, messageOf, StoreError } from '../errors.ts';
import { createSharedExclusive } from '../lib/shared-exclusive.ts';
import type { BeatAnswer } from '../worker-record.ts';
import { createChores } from './chores.ts';
import { createHeld, type Held } from './held.ts';
import { createLane } from './lane.ts';
import { createLeaseSlots } from './lease-slots.ts';
import { createOpenRuns } from './open-runs.ts';
import type { WorkerParts } from './worker-parts.ts';

const beatEveryMs = 1000;
const idleMs = 1000;
const outageMs = 1000;
/** Those that have not ended are the first. */
const mostJobs = 1000;
/** A server beats every five seconds. */
const leastPatienceSeconds = 15;

/** Resolves after a time, or as soon as the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Rejects with StoreError where there is no answer in time: a network that fell silent does not say so. */
async function inTime<T>(asked: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StoreError(`the database does not answer within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([asked, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Throws ConfigError where a server or worker of another version has this database: their rows would not be of one kind. */
async function checkVersion({ store, version, lostAfterSeconds }: WorkerParts): Promise<void> {
  const other = (await store.listWorkers(Math.max(leastPatienceSeconds, lostAfterSeconds))).find(
    (one) => one.alive && one.version !== version,
  );
  if (other !== undefined)
    throw new ConfigError(
      `this worker is of LLM Forge ${version}, and the ${other.kind} ${other.name} of ${other.version}; install the same version on all machines`,
    );
}

/** Beats: says that the worker lives, and hears what it may go on with. */
function createBeat(
  parts: WorkerParts,
  at: {
    workerId: string;
    held: Held;
    leases: ReturnType<typeof createLeaseSlots>;
    schemaVersion: number;
    state(): 'working' | 'draining';
    end(error: Error): void;
    setWork(there: boolean): void;
  },
) {
  const { store, clock, lostAfterSeconds, log } = parts;
  const { workerId, held, leases } = at;
  let heardAt = clock.monotonic();

  function heed(answer: BeatAnswer, asked: number): void {
    leases.setLimits(answer.limits);
    at.setWork(answer.hasWork);
    held.keepOnly(answer.workIds, asked);
    // Taken, and the answer was lost; or it could not be given back.
    for (const id of answer.workIds)
      if (!held.has(id))
        for (const give of [store.giveBackShard, store.giveBackJob]) void give(id, workerId).catch(() => {});
    if (!answer.known) at.end(new ConfigError('the database does not know this worker any more; start it again'));
    if (answer.schemaVersion > at.schemaVersion)
      at.end(new ConfigError('the tables of the database are of a newer version of LLM Forge; update this worker'));
  }

  return async (): Promise<void> => {
    const asked = clock.monotonic();
    try {
      const beat = store.beat(workerId, { state: at.state(), waitsFor: leases.waitsFor() });
      const answer = await inTime(beat, lostAfterSeconds * 1000);
      heardAt = clock.monotonic();
      heed(answer, asked);
    } catch (error) {
      log(`no beat: ${messageOf(error)}`);
    }
    // Others have its shards by now.
    if (clock.monotonic() - heardAt >= lostAfterSeconds * 1000) held.stopAll();
  };
}

/**
 * A worker: takes shards and jobs until it is told to stop, then lets those under way go on for `drainMs` and gives back what is left.
 * An outage of the database is waited for. Rejects with ConfigError where it must not go on: another version.
 */
export async function runWorker(parts: WorkerParts): Promise<void> {
  const { store, clock, log, stop, drainMs, untilEmpty } = parts;
  await checkVersion(parts);
  const { name, version, capabilities } = parts;
  const workerId = await store.registerWorker({ name, kind: 'worker', version, capabilities });
  const leases = createLeaseSlots({ store, workerId, monotonic: clock.monotonic });
  const runs = createOpenRuns({ ...parts, leases });
  const chores = createChores({ ...parts, workerId });
  const ending = new AbortController();
  const halt = AbortSignal.any([stop, ending.signal]);
  const held = createHeld(clock.monotonic);
  const impossible = new Set<string>();
  const jobs = new Set<string>();
  const room = createSharedExclusive();
  let failure: Error | undefined;
  const first = await store.beat(workerId, { state: 'working', waitsFor: null });
  leases.setLimits(first.limits);
  // As of the last beat: a worker that has nothing to do costs one statement a second.
  let hasWork = first.hasWork;
  const beat = createBeat(parts, {
    workerId,
    held,
    leases,
    schemaVersion: first.schemaVersion,
    state: () => (halt.aborted ? 'draining' : 'working'),
    setWork(there) {
      hasWork = there;
    },
    end(error) {
      failure ??= error;
      ending.abort();
    },
  });

  const over = new AbortController();
  async function beats(): Promise<void> {
    for (; !over.signal.aborted; await pause(beatEveryMs, over.signal)) await beat();
  }
  const isEmpty = async () =>
    (await store.queueEntries()).every(({ paused }) => paused) &&
    (await store.listJobs(mostJobs)).every(({ paused, endedAt }) => paused || endedAt !== null);
  async function tidies(): Promise<void> {
    for (; !halt.aborted; await pause(idleMs, halt)) {
      if (hasWork) {
        await chores.tidy().catch((error: unknown) => log(messageOf(error)));
        await chores.finish().catch((error: unknown) => log(messageOf(error)));
      }
      if (untilEmpty && (await isEmpty().catch(() => false))) ending.abort();
    }
  }
  async function lane(): Promise<void> {
    const step = createLane(parts, { workerId, held, runs, chores, impossible, jobs, room, halt });
    while (!halt.aborted) {
      try {
        // Nothing there: a look each second, not as fast as it goes.
        if (!hasWork || !(await step())) await pause(idleMs, halt);
      } catch (error) {
        if (halt.aborted) break;
        log(messageOf(error));
        await pause(outageMs, halt);
      }
    }
  }

  log(`worker ${workerId} (${name}) takes shards`);
  const beating = beats();
  const tidying = tidies();
  const working = Promise.all(Array.from({ length: parts.lanes }, lane));
  const drain = () => setTimeout(held.stopAll, drainMs).unref();
  halt.addEventListener('abort', drain, { once: true });
  await working;
  await tidying;
  over.abort();
  await beating;
  await leases.close();
  await runs.close();
  await store.removeWorker(workerId).catch(() => {});
  log(`worker ${workerId} has stopped`);
  if (failure !== undefined) throw failure;
}
