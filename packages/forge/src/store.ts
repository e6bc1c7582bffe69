import type { Generation } from './engine.ts';
import type { CallRecord, ExampleResult, Provenance, RunStatus } from './run.ts';

export interface ExperimentRecord {
  readonly id: string;
  readonly name: string;
  /** The YAML as it was given. */
  readonly source: string;
  /** The parsed configuration, JSON. */
  readonly config: unknown;
  readonly configHash: string;
  readonly createdAt: number;
  /** Soft-deleted: hidden from lists, restorable. */
  readonly deletedAt: number | null;
}

export interface RunRecord {
  readonly id: string;
  readonly experimentId: string;
  /** Order within the experiment. */
  readonly position: number;
  readonly variant: string;
  /** The resolved variant: method, engine, dataset, sampling, metrics, seed; JSON. */
  readonly spec: unknown;
  readonly status: RunStatus;
  /** Examples to do; null until the run has started. */
  readonly total: number | null;
  readonly provenance: Provenance | null;
  readonly error: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Sum over attempts, ms. */
  readonly wallMs: number;
  /** The run's figures as of its end, JSON. */
  readonly summary: unknown;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass as `after` for the next page; null at the end. */
  readonly next: string | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}

export interface ExperimentFilter {
  /** Part of the name, case-insensitive. */
  readonly text?: string;
  readonly status?: RunStatus;
  readonly method?: string;
  readonly engine?: string;
  readonly dataset?: string;
  readonly deleted?: 'exclude' | 'only' | 'include';
}

export interface ResultFilter {
  /** Examples with this score on this metric: 1 for right, 0 for wrong. */
  readonly metric?: string;
  readonly score?: number;
  readonly failed?: boolean;
  /** Part of question or answer, case-insensitive. */
  readonly text?: string;
}

/** One result without its calls: what statistics read. Small enough to stream by the hundred thousand. */
export interface ScoredRow {
  readonly exampleId: string;
  readonly index: number;
  readonly cluster: string | null;
  readonly failureKind: string | null;
  readonly flags: readonly string[];
  readonly scores: Readonly<Record<string, number>>;
  readonly latencyMs: number;
  readonly finishedAt: number;
  readonly promptTokens: number;
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
  readonly computeMs: number;
  readonly calls: number;
  readonly cachedCalls: number;
  readonly retries: number;
}

/** Experiments, runs, one row per example and one row per call. Ids are UUIDv7: they sort by time. */
export interface Store {
  createExperiment(e: {
    name: string;
    source: string;
    config: unknown;
    configHash: string;
    runs: readonly { variant: string; spec: unknown }[];
  }): Promise<{
    experiment: ExperimentRecord;
    runs: readonly RunRecord[];
  }>;
  /** By full id or an unambiguous prefix of at least 4 characters; null where there is none. Deleted ones too. */
  getExperiment(idOrPrefix: string): Promise<ExperimentRecord | null>;
  /** Newest first, keyset pagination. */
  listExperiments(filter: ExperimentFilter, page: PageRequest): Promise<Page<ExperimentRecord>>;
  deleteExperiment(id: string): Promise<void>;
  restoreExperiment(id: string): Promise<void>;

  getRun(idOrPrefix: string): Promise<RunRecord | null>;
  /** In the experiment's order. */
  listRuns(experimentId: string): Promise<readonly RunRecord[]>;
  startRun(id: string, at: { total: number; provenance: Provenance; startedAt: number }): Promise<void>;
  finishRun(
    id: string,
    end: { status: RunStatus; error?: string; wallMs: number; finishedAt: number; summary: unknown },
  ): Promise<void>;

  /** Stores examples with their calls in one transaction. Idempotent: an example that is stored already is left as it is. */
  addResults(runId: string, results: readonly ExampleResult[]): Promise<void>;
  finishedExampleIds(runId: string): Promise<ReadonlySet<string>>;
  /** In row-index order, with calls. */
  listResults(runId: string, filter: ResultFilter, page: PageRequest): Promise<Page<ExampleResult>>;
  /** Every example of a run in row-index order, in batches: bounded memory. */
  scoredRows(runId: string): AsyncIterable<readonly ScoredRow[]>;
  listCalls(runId: string, exampleId: string): Promise<readonly CallRecord[]>;

  /** The response cache, by content hash. */
  getResponses(keys: readonly string[]): Promise<ReadonlyMap<string, Generation>>;
  putResponses(entries: readonly { key: string; generation: Generation }[]): Promise<void>;

  close(): Promise<void>;
}
