import { messageOf } from './errors.ts';
import type { Clock } from './run-experiment.ts';
import type { TrainEvent, Trainer, TrainJob } from './trainer.ts';
import type { Artifact } from './training-record.ts';

/** What a training was made of: enough to repeat it and to tell why a repeat differs. JSON. */
export interface TrainingProvenance {
  /** sha256 of the training's canonical configuration. */
  readonly configHash: string;
  /** sha256 of the rows' files. */
  readonly rows: Readonly<Record<string, string>>;
  readonly model: { readonly reference: string; readonly fingerprint: string; readonly revision?: string };
  readonly trainer: string;
  readonly codeRevision: string;
  readonly forgeVersion: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

/** One run of a training, its trainer built. */
export interface TrainingRunParts {
  readonly runId: string;
  readonly variant: string;
  readonly trainer: Trainer;
  readonly job: TrainJob;
  readonly provenance: TrainingProvenance;
  /** Makes what the run leaves behind out of what the trainer wrote into the job's folder. */
  export(signal?: AbortSignal): Promise<readonly Artifact[]>;
}

/** A run of a training from its start to its end. */
export type TrainingRunEvent =
  | {
      readonly type: 'training-run-started';
      readonly runId: string;
      readonly variant: string;
      readonly folder: string;
      readonly provenance: TrainingProvenance;
    }
  | { readonly type: 'train'; readonly runId: string; readonly event: TrainEvent }
  | {
      readonly type: 'training-run-finished';
      readonly runId: string;
      readonly status: 'finished' | 'cancelled' | 'failed';
      readonly error?: string;
      /** Wall time of this attempt, ms. */
      readonly wallMs: number;
      readonly artifacts: readonly Artifact[];
      /** The trainer's last event; null where it did not come to an end. */
      readonly end: Extract<TrainEvent, { type: 'finished' }> | null;
    };

/**
 * Trains one model and exports it, as a stream of events. An abort ends it with status `cancelled`; what cannot go on ends it
 * with `failed` and is thrown. Both go on from the newest checkpoint when the same run is started again.
 */
export async function* runTraining(
  { runId, variant, trainer, job, provenance, export: exportResult }: TrainingRunParts,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<TrainingRunEvent> {
  const started = clock.monotonic();
  yield { type: 'training-run-started', runId, variant, folder: job.folder, provenance };
  let end: Extract<TrainEvent, { type: 'finished' }> | null = null;
  const finish = (
    status: 'finished' | 'cancelled' | 'failed',
    artifacts: readonly Artifact[] = [],
    error?: unknown,
  ) => ({
    type: 'training-run-finished' as const,
    runId,
    status,
    ...(error === undefined ? {} : { error: messageOf(error) }),
    wallMs: clock.monotonic() - started,
    artifacts,
    end,
  });
  let artifacts: readonly Artifact[] = [];
  try {
    for await (const event of trainer.train(job, signal)) {
      if (event.type === 'finished') end = event;
      yield { type: 'train', runId, event };
    }
    if (end === null) throw new Error(`trainer ${trainer.name} ended without saying so`);
    if (end.reason !== 'cancelled') artifacts = await exportResult(signal);
  } catch (error) {
    if (!signal?.aborted) {
      yield finish('failed', [], error);
      throw error;
    }
    end = null;
  }
  yield finish(end === null || end.reason === 'cancelled' ? 'cancelled' : 'finished', artifacts);
}
