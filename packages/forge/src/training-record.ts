import type { Page, PageRequest } from './page.ts';
import type { RunStatus } from './run.ts';
import type { TrainEvent } from './trainer.ts';

/** A training file as it was asked for: one run for each combination of what it varies (ablation, seed). */
export interface TrainingRecord {
  readonly id: string;
  readonly name: string;
  /** The YAML as it was given. */
  readonly source: string;
  /** The resolved configuration (TrainingSpec), JSON. */
  readonly config: unknown;
  readonly configHash: string;
  readonly createdAt: number;
  /** What was found: the ablation table with intervals, ids of evaluation experiments, sentences; null until it is there. JSON (TrainingReport). */
  readonly report: unknown;
}

/** Files that a training left. */
export interface Artifact {
  readonly kind: 'peft-adapter' | 'gguf-adapter' | 'merged-gguf' | 'model' | 'gguf-model' | 'model-card';
  /** Relative to the run's folder. */
  readonly path: string;
  /** hex; of the file, or of the weights where it is a folder. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface TrainingRunRecord {
  readonly id: string;
  readonly trainingId: string;
  /** Order within the training. */
  readonly position: number;
  /** e.g. `beta=0.05, rows=200, seed=2`; `seed=1` where nothing else varies. */
  readonly variant: string;
  /** Resolved job settings (TrainingRunSpec), JSON. */
  readonly spec: unknown;
  readonly status: RunStatus;
  /** Absolute folder of checkpoints and results on the machine that trained; null until started. */
  readonly folder: string | null;
  readonly totalSteps: number | null;
  /** The latest stored step; 0 before the first. */
  readonly step: number;
  /** Fingerprints of rows, model, trainer environment, code, machine; JSON. */
  readonly provenance: unknown;
  readonly error: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly wallMs: number;
  readonly artifacts: readonly Artifact[];
  /** Held-out figures of this run, JSON (TrainingOutcome). */
  readonly outcome: unknown;
}

/** Events that are kept: those a chart or a resumed training needs. */
export type StoredTrainEvent = Extract<
  TrainEvent,
  { type: 'step' | 'validation' | 'checkpoint' | 'warning' | 'started' }
>;

/** Trainings, their runs and their events. Ids are UUIDv7. Part of Store. */
export interface TrainingStore {
  createTraining(t: {
    name: string;
    source: string;
    config: unknown;
    configHash: string;
    runs: readonly { variant: string; spec: unknown }[];
  }): Promise<{ training: TrainingRecord; runs: readonly TrainingRunRecord[] }>;
  /** By full id or an unambiguous prefix of at least 4 characters; null where there is none. */
  getTraining(idOrPrefix: string): Promise<TrainingRecord | null>;
  /** Newest first. */
  listTrainings(page: PageRequest): Promise<Page<TrainingRecord>>;
  /** Of the trainings in the order given, each in its own order. */
  listTrainingRuns(...trainingIds: readonly string[]): Promise<readonly TrainingRunRecord[]>;
  getTrainingRun(idOrPrefix: string): Promise<TrainingRunRecord | null>;
  startTrainingRun(id: string, at: { folder: string; provenance: unknown; startedAt: number }): Promise<void>;
  finishTrainingRun(
    id: string,
    end: {
      status: RunStatus;
      error?: string;
      wallMs: number;
      finishedAt: number;
      artifacts: readonly Artifact[];
      outcome: unknown;
    },
  ): Promise<void>;
  /** Idempotent: an event of the same run, type and step replaces the earlier one. Sets totalSteps and step of the run. */
  addTrainEvents(runId: string, events: readonly StoredTrainEvent[]): Promise<void>;
  /**
   * Events in the order in which they were stored, after a cursor (0: from the first); 5000 at most. `cursor` of the answer
   * is the next one to ask with.
   */
  trainEvents(runId: string, cursor: number): Promise<{ cursor: number; items: readonly StoredTrainEvent[] }>;
  saveTrainingReport(trainingId: string, report: unknown): Promise<void>;
}
