import type { TrainingParts } from '../execute-training.ts';
import type { Capabilities } from '../worker-record.ts';
import type { WorkQueue } from './work-queue.ts';

export interface WorkerParts extends Omit<TrainingParts, 'signal' | 'pricing' | 'lock'> {
  readonly queue: WorkQueue;
  /** For people: `host:pid`. */
  readonly name: string;
  readonly version: string;
  readonly capabilities: Capabilities;
  /** Shards at once: while the last examples of one end, the next one begins. */
  readonly lanes: number;
  /** A worker that has not been heard of for so long is lost, and others take over its shards. */
  readonly lostAfterSeconds: number;
  /** How long shards and jobs may go on once the worker is to stop. */
  readonly drainMs: number;
  readonly shardSize?: number;
  /** Ends when nothing is left to do. */
  readonly untilEmpty: boolean;
  /** Aborted: stop in order. */
  readonly stop: AbortSignal;
  log(message: string): void;
}
