import { ConfigError, messageOf, StoreError } from '../errors.ts';
import type { ExecuteParts } from '../execute-runs.ts';
import type { BeatAnswer, Capabilities, ClaimedShard } from '../worker-record.ts';
import { type Chores, createChores } from './chores.ts';
import { executeShard, ShardLostError } from './execute-shard.ts';
import { createLeaseSlots } from './lease-slots.ts';
import { createOpenRuns, type OpenRuns } from './open-runs.ts';
import { canServe } from './requirement.ts';
import type { ShardQueue } from './shard-queue.ts';

export interface WorkerParts extends Omit<ExecuteParts, 'signal' | 'pricing' | 'lock'> {
  readonly queue: ShardQueue;
  /** For people: `host:pid`. */
  readonly name: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  /** Shards at once: while the last examples of one end, the next one begins. */
  readonly lanes: number;
  /** A worker that has not been heard of for so long is lost, and others take over its shards. */
  readonly lostAfterSeconds: number;
  /** How long shards may go on once the worker is to stop. */
  readonly drainMs: number;
  readonly shardSize?: number;
  /** Ends when nothing is left to do. */
  readonly untilEmpty: boolean;
  /** Aborted: stop in order. */
  readonly stop: AbortSignal;
  log(message: string): void;
}

const beatEveryMs = 1000;
const idleMs = 1000;
const outageMs = 1000;
/** A server beats every five seconds. */
const leastPatienceSeconds = 15;
/** Looks for a shard in one queue before the next one is tried. */
const mostTries = 16;

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

/** What this worker executes now, and whether it may go on with it. */
function createHeld() {
  const shards = new Map<string, { readonly controller: AbortController; readonly since: number }>();
  return {
    shards,
    /** Stops what others have by now, or nobody is to do any more. `asked`: when the answer was asked for. */
    keepOnly(ids: readonly string[], asked: number): void {
      const kept = new Set(ids);
      for (const [id, { controller, since }] of shards) if (since < asked && !kept.has(id)) controller.abort();
    },
    stopAll(): void {
      for (const { controller } of shards.values()) controller.abort();
    },
  };
}

/** Takes shards one after another. */
function createLane(
  parts: WorkerParts,
  at: {
    workerId: string;
    held: ReturnType<typeof createHeld>;
    claiming: Set<string>;
    runs: OpenRuns;
    chores: Chores;
    impossible: Set<string>;
  },
) {
  const { store, queue, capabilities, surroundings, clock, log, lostAfterSeconds } = parts;
  const { workerId, held, claiming, runs, chores, impossible } = at;

  async function claim(shardId: string): Promise<ClaimedShard | null> {
    claiming.add(shardId);
    try {
      const shard = await store.claimShard(shardId, workerId, [...impossible]);
      if (shard !== null) held.shards.set(shardId, { controller: new AbortController(), since: clock.monotonic() });
      return shard;
    } finally {
      claiming.delete(shardId);
    }
  }

  async function next(): Promise<ClaimedShard | null> {
    for (const requirement of await store.waitingRequirements([...impossible])) {
      if (!(await canServe(requirement, capabilities, surroundings.baseDir))) continue;
      for (let tries = 0; tries < mostTries; tries++) {
        const id = await queue.next(requirement);
        if (id === null) break;
        const shard = await claim(id);
        await queue.drop(requirement, id);
        if (shard !== null) return shard;
        await store.unissueShard(id);
      }
    }
    return null;
  }

  async function failed(shard: ClaimedShard, error: unknown): Promise<void> {
    log(`run ${shard.runId} cannot be done here: ${messageOf(error)}`);
    impossible.add(shard.runId);
    const hopeless = await store.reportFailure(
      shard.runId,
      workerId,
      messageOf(error).slice(0, 2000),
      lostAfterSeconds,
    );
    if (hopeless) log(`run ${shard.runId} has failed`);
    else await store.giveBackShard(shard.id, workerId);
    await chores.finish();
  }

  async function execute(shard: ClaimedShard, late: boolean): Promise<void> {
    const { controller } = held.shards.get(shard.id) as { controller: AbortController };
    // Taken just when the worker was told to stop.
    if (late) controller.abort();
    try {
      if (late) return await store.giveBackShard(shard.id, workerId);
      const run = await runs.open(shard.runId);
      try {
        const done = await executeShard(shard, run.parts, { store, workerId, clock }, controller.signal);
        if (done) await chores.finish();
        else await store.giveBackShard(shard.id, workerId);
      } finally {
        await run.release();
      }
    } catch (error) {
      if (error instanceof StoreError && !(error instanceof ShardLostError)) throw error;
      if (!(error instanceof ShardLostError) && !controller.signal.aborted) await failed(shard, error);
      else await store.giveBackShard(shard.id, workerId);
    } finally {
      // A beat gives back what could not be given back here.
      held.shards.delete(shard.id);
    }
  }

  return { next, execute };
}

/** Beats: says that the worker lives, and hears what it may go on with. */
function createBeat(
  parts: WorkerParts,
  at: {
    workerId: string;
    held: ReturnType<typeof createHeld>;
    claiming: Set<string>;
    leases: ReturnType<typeof createLeaseSlots>;
    schemaVersion: number;
    state(): 'working' | 'draining';
    end(error: Error): void;
  },
) {
  const { store, clock, lostAfterSeconds, log } = parts;
  const { workerId, held, claiming, leases } = at;
  let heardAt = clock.monotonic();

  function heed(answer: BeatAnswer, asked: number): void {
    leases.setLimits(answer.limits);
    held.keepOnly(answer.shardIds, asked);
    // Taken, and the answer was lost; or it could not be given back.
    for (const id of answer.shardIds)
      if (!held.shards.has(id) && !claiming.has(id)) void store.giveBackShard(id, workerId).catch(() => {});
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
 * A worker: takes shards until it is told to stop, then lets those under way go on for `drainMs` and gives back what is left.
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
  const held = createHeld();
  const claiming = new Set<string>();
  const impossible = new Set<string>();
  let failure: Error | undefined;
  const first = await store.beat(workerId, { state: 'working', waitsFor: null });
  leases.setLimits(first.limits);
  const beat = createBeat(parts, {
    workerId,
    held,
    claiming,
    leases,
    schemaVersion: first.schemaVersion,
    state: () => (halt.aborted ? 'draining' : 'working'),
    end(error) {
      failure ??= error;
      ending.abort();
    },
  });

  const over = new AbortController();
  async function beats(): Promise<void> {
    for (; !over.signal.aborted; await pause(beatEveryMs, over.signal)) await beat();
  }
  const isEmpty = async () => (await store.queueEntries()).every(({ paused }) => paused);
  async function tidies(): Promise<void> {
    for (; !halt.aborted; await pause(idleMs, halt)) {
      await chores.tidy().catch((error: unknown) => log(messageOf(error)));
      await chores.finish().catch((error: unknown) => log(messageOf(error)));
      if (untilEmpty && (await isEmpty().catch(() => false))) ending.abort();
    }
  }
  async function lane(): Promise<void> {
    const { next, execute } = createLane(parts, { workerId, held, claiming, runs, chores, impossible });
    while (!halt.aborted) {
      try {
        const shard = await next();
        // Nothing there: a look each second, not as fast as it goes.
        if (shard === null) await pause(idleMs, halt);
        else await execute(shard, halt.aborted);
      } catch (error) {
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
