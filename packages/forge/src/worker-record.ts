/** What a worker must have to execute a shard or a job. */
export interface Requirement {
  readonly engines: readonly string[];
  readonly gpu: boolean;
  /** Model files or folders that must be there, as the configuration names them; without what any worker can fetch. */
  readonly models: readonly string[];
}

/** What a worker has. */
export interface Capabilities {
  readonly gpu: boolean;
  /** Engines that it offers. */
  readonly engines: readonly string[];
  /** Model files that are there, as an experiment would name them. */
  readonly models: readonly string[];
}

/** A process that takes shards, or the server that enqueues them. Times are the database's, ms since the epoch. */
export interface WorkerRecord {
  readonly id: string;
  /** `host:pid`. */
  readonly name: string;
  readonly kind: 'worker' | 'server';
  readonly state: 'working' | 'draining';
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly startedAt: number;
  /** Its last beat. */
  readonly seenAt: number;
  /** False where its last beat is too long ago: others take over its shards. */
  readonly alive: boolean;
  /** Shards that it executes. */
  readonly shards: number;
  /** Jobs that it executes. */
  readonly jobs: number;
}

/** Some examples of one run, executed together by one worker. */
export interface PlannedShard {
  readonly runId: string;
  /** Row indices of the data set, ascending. */
  readonly indices: readonly number[];
  readonly requirement: Requirement;
}

/** A shard that this worker executes now. */
export interface ClaimedShard {
  readonly id: string;
  readonly experimentId: string;
  readonly runId: string;
  readonly indices: readonly number[];
  /** 1, and one more each time that a worker was lost with it. */
  readonly attempt: number;
}

export const jobKinds = ['training', 'benchmark', 'ingestion'] as const;
export type JobKind = (typeof jobKinds)[number];
export type JobState = 'waiting' | 'claimed' | 'done' | 'failed' | 'cancelled';

/** What one worker does as a whole. Times are the database's, ms since the epoch. */
export interface QueuedJob {
  readonly id: string;
  readonly kind: JobKind;
  /** Id of the training or benchmark; path of the corpus file in the project. */
  readonly subject: string;
  readonly name: string;
  /** Higher goes first. */
  readonly priority: number;
  readonly paused: boolean;
  readonly state: JobState;
  /** Where it is or was last executed: `host:pid`; null before. */
  readonly worker: string | null;
  /** How often it was begun, without those that were given back. */
  readonly attempts: number;
  readonly error: string | null;
  readonly createdAt: number;
  readonly claimedAt: number | null;
  readonly endedAt: number | null;
}

/** A job that this worker executes now. */
export type ClaimedJob = Pick<QueuedJob, 'id' | 'kind' | 'subject' | 'name'>;

/** A shard or a job as pg-boss is told of it. */
export interface WaitingWork {
  readonly id: string;
  readonly requirement: Requirement;
  readonly priority: number;
}

/** An experiment that workers execute. */
export interface QueueEntry {
  readonly experimentId: string;
  readonly name: string;
  /** Higher goes first. */
  readonly priority: number;
  readonly paused: boolean;
  /** Whether its runs are cut into shards. */
  readonly planned: boolean;
  readonly shards: { readonly waiting: number; readonly claimed: number; readonly done: number };
}

/** How many calls may be under way at once, on all machines together. */
export interface Limit {
  /** Name of an engine, or `host` or `host:port` that its calls go to. */
  readonly key: string;
  readonly max: number;
  /** Slots that workers hold now. */
  readonly held: number;
}

/** What a beat brings back. */
export interface BeatAnswer {
  /** False where the worker is not registered any more: others have its shards. */
  readonly known: boolean;
  /** Its shards and jobs that it may go on with: the others were cancelled, paused, or are of somebody else. */
  readonly workIds: readonly string[];
  readonly limits: readonly { readonly key: string; readonly max: number }[];
  /** Whether there is anything in the queue, of anybody: where not, a worker need not look. */
  readonly hasWork: boolean;
  /** The newest migration of the database. */
  readonly schemaVersion: number;
}

/** Workers, what they execute, and their leases. Part of Store. Every wait and every expiry is measured by the database's clock. */
export interface WorkerStore {
  /** Gives an experiment to the workers, or changes its priority; goes on where it was paused. Its runs that are not finished are done. */
  enqueueExperiment(experimentId: string, given: { priority: number; version: string }): Promise<void>;
  /** Takes it back: waiting shards are dropped, those under way stop at the next beat, runs under way are `cancelled`. False where it was not there. */
  dequeueExperiment(experimentId: string): Promise<boolean>;
  /** The same once all of it is done. */
  completeExperiment(experimentId: string): Promise<void>;
  /** Shards under way stop at the next beat and wait. False where it is not in the queue. */
  pauseExperiment(experimentId: string, paused: boolean): Promise<boolean>;
  /** In the order in which they are worked on. */
  queueEntries(): Promise<readonly QueueEntry[]>;

  registerWorker(worker: Pick<WorkerRecord, 'name' | 'kind' | 'version' | 'capabilities'>): Promise<string>;
  /** Says that a worker lives. `waitsFor`: a limit on which it waits. */
  beat(workerId: string, say: { state: WorkerRecord['state']; waitsFor: string | null }): Promise<BeatAnswer>;
  /** Its shards wait again, its leases are free. */
  removeWorker(workerId: string): Promise<void>;
  listWorkers(lostAfterSeconds: number): Promise<readonly WorkerRecord[]>;

  /** Keeps the shards of an experiment, once; false where somebody else was first. `totals`: examples of each run. */
  planShards(
    experimentId: string,
    plan: { shards: readonly PlannedShard[]; totals: readonly { runId: string; total: number }[] },
  ): Promise<boolean>;
  /** Further shards of an experiment; nothing where it is not in the queue, or has shards that are not done. */
  addShards(experimentId: string, shards: readonly PlannedShard[]): Promise<void>;
  /** Row indices that are stored already. */
  storedIndices(runId: string): Promise<ReadonlySet<number>>;
  /** Ids of the examples among these rows that are stored already. */
  storedAmong(runId: string, indices: readonly number[]): Promise<ReadonlySet<string>>;
  /** What waits, jobs too, by requirement, in the order in which it is to be done; without runs that this worker cannot do. */
  waitingRequirements(exceptRuns: readonly string[]): Promise<readonly Requirement[]>;
  /** null where it is not there any more, somebody else has it, or its experiment is paused. */
  claimShard(shardId: string, workerId: string, exceptRuns: readonly string[]): Promise<ClaimedShard | null>;
  /** It waits again, and the attempt does not count. Nothing where the shard is not this worker's any more. */
  giveBackShard(shardId: string, workerId: string): Promise<void>;
  completeShard(shardId: string, workerId: string): Promise<void>;
  /** Shards of workers that are lost wait again; how many. */
  recoverShards(lostAfterSeconds: number): Promise<number>;
  /** Shards and jobs that wait and of which pg-boss does not know, or has known for half a minute without effect; 10,000 at most. */
  unissuedWork(): Promise<readonly WaitingWork[]>;
  /** pg-boss knows of them. */
  markIssued(ids: readonly string[]): Promise<void>;
  /** pg-boss knows of it no more: it is issued again where it still waits. */
  unissue(id: string): Promise<void>;
  /** Marks the run as running and keeps its provenance where it has none yet; the provenance that it has. null where the shard is not this worker's any more. */
  startShard(
    shard: { id: string; runId: string; workerId: string },
    at: { provenance: unknown; startedAt: number },
  ): Promise<unknown>;
  /** Runs whose shards are all done, with the time since the first of them was taken, ms. */
  finishableRuns(): Promise<readonly { runId: string; experimentId: string; wallMs: number }[]>;
  /** Planned experiments all of whose runs have ended. */
  finishableExperiments(): Promise<readonly string[]>;
  unplannedExperiments(): Promise<readonly string[]>;
  /** A worker cannot do a run; true where that is so for all workers, or three of them: the run has failed. Its shards are then dropped. */
  reportFailure(runId: string, workerId: string, error: string, lostAfterSeconds: number): Promise<boolean>;

  /** Gives a job to the workers; the one of the same kind and subject that has not ended, where there is one, with the new priority. Its id. */
  enqueueJob(
    job: Pick<QueuedJob, 'kind' | 'subject' | 'name' | 'priority'> & { requirement: Requirement; version: string },
  ): Promise<string>;
  /** What has not ended in the order in which it is worked on, then what ended last. */
  listJobs(most: number): Promise<readonly QueuedJob[]>;
  /** What is under way stops at the next beat and waits. False where there is no such job that has not ended. */
  pauseJob(id: string, paused: boolean): Promise<boolean>;
  /** What is under way stops at the next beat. False where there is no such job that has not ended. */
  cancelJob(id: string): Promise<boolean>;
  /** null where it is not there any more, somebody else has it, or it is paused. */
  claimJob(id: string, workerId: string): Promise<ClaimedJob | null>;
  /** It waits again, and the attempt does not count. Nothing where it is not this worker's any more. */
  giveBackJob(id: string, workerId: string): Promise<void>;
  /** `error`: why it has failed; null where it is done. */
  endJob(id: string, workerId: string, error: string | null): Promise<void>;
  /** Jobs of workers that are lost wait again, those with which three workers were lost have failed; how many. */
  recoverJobs(lostAfterSeconds: number): Promise<number>;

  /** Notes that an example begins in a shard that a worker was lost with; how often it has begun so by now. */
  beginSuspect(runId: string, index: number): Promise<number>;
  /** How often examples of a shard have begun so. */
  suspects(runId: string, indices: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Takes back the last note of examples that a worker stopped itself. */
  clearSuspects(runId: string, indices: readonly number[]): Promise<void>;

  /** null: no limit any more. */
  setLimit(key: string, max: number | null): Promise<void>;
  listLimits(): Promise<readonly Limit[]>;
  /**
   * Takes up to `wanted` free slots of a limit for `seconds`; their numbers. Never more than the limit are held at once,
   * whoever asks and however many ask at once.
   */
  takeSlots(key: string, workerId: string, wanted: number, seconds: number): Promise<readonly number[]>;
  /**
   * Holds on to slots: those that are still this worker's, and how many it should hold: fewer than it may where others wait,
   * none for a second where it is its turn to make room.
   */
  renewSlots(
    key: string,
    workerId: string,
    slots: readonly number[],
    seconds: number,
  ): Promise<{ readonly slots: readonly number[]; readonly share: number; readonly max: number }>;
  freeSlots(key: string, workerId: string, slots: readonly number[]): Promise<void>;
  /**
   * One worker at a time does what is called so: true for the one who may, for so long. Who has the turn may take it again: an outage may
   * have kept it from ending it.
   */
  takeTurn(name: string, workerId: string, seconds: number): Promise<boolean>;
  endTurn(name: string, workerId: string): Promise<void>;
}
