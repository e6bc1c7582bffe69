import { messageOf, StoreError } from '../errors.ts';
import type { SharedExclusive } from '../lib/shared-exclusive.ts';
import type { ClaimedJob, ClaimedShard } from '../worker-record.ts';
import type { Chores } from './chores.ts';
import { executeJob } from './execute-job.ts';
import { executeShard, ShardLostError } from './execute-shard.ts';
import type { Held } from './held.ts';
import type { OpenRuns } from './open-runs.ts';
import { canServe } from './requirement.ts';
import type { WorkerParts } from './worker-parts.ts';

/** Looks for work in one queue before the next one is tried. */
const mostTries = 16;
const mostErrorCharacters = 2000;

type Work =
  | { readonly kind: 'shard'; readonly shard: ClaimedShard }
  | { readonly kind: 'job'; readonly job: ClaimedJob };

/**
 * Takes shards and jobs one after another: each call takes one and does it; false where there is nothing to do. Throws
 * StoreError where the database is away.
 */
export function createLane(
  parts: WorkerParts,
  at: {
    readonly workerId: string;
    readonly held: Held;
    readonly runs: OpenRuns;
    readonly chores: Chores;
    /** Runs that this worker cannot do. */
    readonly impossible: Set<string>;
    /** Jobs that this worker has: one at most, the next one is for another worker. */
    readonly jobs: Set<string>;
    /** Shards share it; a job has the worker for itself: it measures the machine, or needs all of it. */
    readonly room: SharedExclusive;
    /** Aborted: the worker is to stop. */
    readonly halt: AbortSignal;
  },
): () => Promise<boolean> {
  const { store, queue, capabilities, surroundings, clock, log, lostAfterSeconds } = parts;
  const { workerId, held, runs, chores, impossible, jobs, room, halt } = at;

  async function claim(id: string): Promise<Work | null> {
    const shard = await held.claim(id, () => store.claimShard(id, workerId, [...impossible]));
    if (shard !== null) return { kind: 'shard', shard };
    if (jobs.size > 0) return null;
    jobs.add(id);
    const job = await held
      .claim(id, () => store.claimJob(id, workerId))
      .catch((error: unknown) => {
        jobs.delete(id);
        throw error;
      });
    if (job !== null) return { kind: 'job', job };
    jobs.delete(id);
    return null;
  }

  async function next(): Promise<Work | null> {
    for (const requirement of await store.waitingRequirements([...impossible])) {
      if (!(await canServe(requirement, capabilities, surroundings.baseDir))) continue;
      for (let tries = 0; tries < mostTries; tries++) {
        const id = await queue.next(requirement);
        if (id === null) break;
        const work = await claim(id);
        // What is claimed is held, so it has to be done: an entry that stays is handed out again, for nobody to claim.
        await queue.drop(requirement, id).catch((error: unknown) => log(messageOf(error)));
        if (work !== null) return work;
        await store.unissue(id);
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
      messageOf(error).slice(0, mostErrorCharacters),
      lostAfterSeconds,
    );
    if (hopeless) log(`run ${shard.runId} has failed`);
    else await store.giveBackShard(shard.id, workerId);
    await chores.finish();
  }

  async function doShard(shard: ClaimedShard): Promise<void> {
    const signal = held.signal(shard.id);
    try {
      // Taken just when the worker was told to stop.
      if (halt.aborted) return await store.giveBackShard(shard.id, workerId);
      const run = await runs.open(shard.runId);
      try {
        const done = await executeShard(shard, run.parts, { store, workerId, clock }, signal);
        if (done) await chores.finish();
        else await store.giveBackShard(shard.id, workerId);
      } finally {
        await run.release();
      }
    } catch (error) {
      if (error instanceof StoreError && !(error instanceof ShardLostError)) throw error;
      if (!(error instanceof ShardLostError) && !signal.aborted) await failed(shard, error);
      else await store.giveBackShard(shard.id, workerId);
    } finally {
      // A beat gives back what could not be given back here.
      held.drop(shard.id);
    }
  }

  async function doJob(job: ClaimedJob): Promise<void> {
    const signal = held.signal(job.id);
    try {
      const leave = await room.exclusive(AbortSignal.any([signal, halt]));
      try {
        log(`${job.kind} ${job.name} begins`);
        const done = await executeJob(job, parts, signal);
        if (!done) return await store.giveBackJob(job.id, workerId);
        await store.endJob(job.id, workerId, null);
        log(`${job.kind} ${job.name} is done`);
      } finally {
        leave();
      }
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (signal.aborted || halt.aborted) return await store.giveBackJob(job.id, workerId);
      log(`${job.kind} ${job.name} has failed: ${messageOf(error)}`);
      await store.endJob(job.id, workerId, messageOf(error).slice(0, mostErrorCharacters));
    } finally {
      held.drop(job.id);
      jobs.delete(job.id);
    }
  }

  return async () => {
    const leave = await room.shared(halt);
    let work: Work | null;
    try {
      work = await next();
      if (work?.kind === 'shard') await doShard(work.shard);
    } finally {
      leave();
    }
    if (work?.kind === 'job') await doJob(work.job);
    return work !== null;
  };
}
