/** What a worker must have to execute a shard. */
export interface Requirement {
  readonly engine: string;
  readonly gpu: boolean;
  /** A model file that must be there, as the experiment names it; null where any worker can get what it needs. */
  readonly model: string | null;
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

/** A shard as pg-boss is told of it. */
export interface WaitingShard {
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
  /** Its shards that it may go on with: the others were cancelled, paused, or are of somebody else. */
  readonly shardIds: readonly string[];
  readonly limits: readonly { readonly key: string; readonly max: number }[];
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
  /** Row indices that are stored already. */
  storedIndices(runId: string): Promise<ReadonlySet<number>>;
  /** Ids of the examples among these rows that are stored already. */
  storedAmong(runId: string, indices: readonly number[]): Promise<ReadonlySet<string>>;
  /** What waits, by requirement, in the order in which it is to be done; without runs that this worker cannot do. */
  waitingRequirements(exceptRuns: readonly string[]): Promise<readonly Requirement[]>;
  /** null where it is not there any more, somebody else has it, or its experiment is paused. */
  claimShard(shardId: string, workerId: string, exceptRuns: readonly string[]): Promise<ClaimedShard | null>;
  /** It waits again, and the attempt does not count. Nothing where the shard is not this worker's any more. */
  giveBackShard(shardId: string, workerId: string): Promise<void>;
  completeShard(shardId: string, workerId: string): Promise<void>;
  /** Shards of workers that are lost wait again; how many. */
  recoverShards(lostAfterSeconds: number): Promise<number>;
  /** Shards that wait and of which pg-boss does not know, or has known for half a minute without effect; 10,000 at most. */
  unissuedShards(): Promise<readonly WaitingShard[]>;
  /** pg-boss knows of them. */
  markIssued(shardIds: readonly string[]): Promise<void>;
  /** pg-boss knows of it no more: it is issued again where it still waits. */
  unissueShard(shardId: string): Promise<void>;
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
  /** Holds on to slots: those that are still this worker's, and how many it should hold: fewer than it may where others wait. */
  renewSlots(
    key: string,
    workerId: string,
    slots: readonly number[],
    seconds: number,
  ): Promise<{ readonly slots: readonly number[]; readonly share: number; readonly max: number }>;
  freeSlots(key: string, workerId: string, slots: readonly number[]): Promise<void>;
  /** One worker at a time does what is called so: true for the one who may, for so long. */
  takeTurn(name: string, workerId: string, seconds: number): Promise<boolean>;
  endTurn(name: string, workerId: string): Promise<void>;
}
