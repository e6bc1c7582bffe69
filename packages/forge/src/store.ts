import type { AccessStore } from './access-record.ts';
import type { BenchmarkStore } from './benchmark-record.ts';
import type { Generation } from './engine.ts';
import type { Page, PageRequest } from './page.ts';
import type { ExampleResult, Provenance, RunStatus } from './run.ts';
import type { ToolErrorKind, ToolUse } from './tool.ts';
import type { TrainingStore } from './training-record.ts';
import type { WorkerStore } from './worker-record.ts';

export interface ExperimentRecord {
  readonly id: string;
  readonly name: string;
  /** The YAML as it was given. */
  readonly source: string;
  /** The parsed configuration, JSON. */
  readonly config: unknown;
  readonly configHash: string;
  /** 1, and one more with every edit: an edit names the revision it was made on. */
  readonly revision: number;
  readonly createdAt: number;
  /** Soft-deleted: hidden from lists, restorable. */
  readonly deletedAt: number | null;
  /** When a server was asked to execute it; null once that has ended or was cancelled. Survives the server. */
  readonly queuedAt: number | null;
  /** What was found, in short; null until it was computed. */
  readonly headline: readonly Headline[] | null;
}

/** One comparison of an experiment in a sentence. */
export interface Headline {
  readonly baseline: string;
  readonly candidate: string;
  readonly verdict: string;
  readonly sentence: string;
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

export interface ExperimentFilter {
  /** Part of the name or the description, case-insensitive. */
  readonly text?: string;
  readonly status?: RunStatus;
  readonly method?: string;
  readonly engine?: string;
  /** As the config names it: the engine's `model` option. */
  readonly model?: string;
  readonly dataset?: string;
  readonly deleted?: 'exclude' | 'only' | 'include';
}

/** `name` goes from a to z, equal names newest first. */
export type ExperimentOrder = 'newest' | 'oldest' | 'name';

/** What stored experiments name, each in alphabetical order: the values that filters can have. */
export interface Facets {
  readonly methods: readonly string[];
  readonly engines: readonly string[];
  readonly models: readonly string[];
  readonly datasets: readonly string[];
}

/** Sums over experiments that are not deleted; examples, calls and tokens are those of runs that have ended. */
export interface Totals {
  readonly experiments: number;
  readonly runs: number;
  readonly examples: number;
  readonly calls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ResultFilter {
  /** The metric that the next two speak of. */
  readonly metric?: string;
  /** Examples with at least this score: 1 for right ones. */
  readonly minScore?: number;
  /** Examples under this score: 1 for those that are not right. */
  readonly belowScore?: number;
  readonly failed?: boolean;
  /** Part of question or answer, case-insensitive. */
  readonly text?: string;
  /** Examples in which an agent called this tool. */
  readonly tool?: string;
  /** Examples in which a tool failed so; together with `tool`: this tool. */
  readonly toolError?: ToolErrorKind;
}

/** By row index, or the slowest first. */
export type RowOrder = 'row' | 'slowest';

/** One result as a line of a table: long texts cut, no calls. */
export interface TableRow {
  readonly exampleId: string;
  readonly index: number;
  /** 300 characters at most, as are each target and the answer. */
  readonly question: string;
  /** Three at most. */
  readonly targets: readonly string[];
  readonly answer: string;
  readonly failureKind: string | null;
  readonly flags: readonly string[];
  /** null where no agent was at work. */
  readonly toolUse: ToolUse | null;
  readonly scores: Readonly<Record<string, number>>;
  readonly latencyMs: number;
  readonly completionTokens: number;
  readonly cachedCalls: number;
}

/** Where a run stands. */
export interface RunState {
  readonly runId: string;
  readonly variant: string;
  readonly status: RunStatus;
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
}

/** A result as it comes in. */
export interface NewResult {
  readonly runId: string;
  readonly exampleId: string;
  readonly index: number;
  readonly failureKind: string | null;
  readonly scores: Readonly<Record<string, number>>;
  readonly latencyMs: number;
}

/** One result without its calls: what statistics read. Small enough to stream by the hundred thousand. */
export interface ScoredRow {
  readonly exampleId: string;
  readonly index: number;
  readonly cluster: string | null;
  readonly failureKind: string | null;
  readonly flags: readonly string[];
  /** null where no agent was at work. */
  readonly toolUse: ToolUse | null;
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

/**
 * Experiments, runs, one row per example and one row per call; trainings, benchmarks, workers and access beside them. Ids are
 * UUIDv7: they sort by time.
 */
export interface Store extends TrainingStore, BenchmarkStore, WorkerStore, AccessStore {
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
  /** Keyset pagination; newest first unless told. A cursor belongs to its order. */
  listExperiments(
    filter: ExperimentFilter,
    page: PageRequest,
    order?: ExperimentOrder,
  ): Promise<Page<ExperimentRecord>>;
  /**
   * Replaces an experiment that has not started, runs included, in one transaction; the record with its new revision.
   * Throws ConflictError where `revision` is not the stored one, or a run has started.
   */
  updateExperiment(
    id: string,
    change: {
      revision: number;
      name: string;
      source: string;
      config: unknown;
      configHash: string;
      runs: readonly { variant: string; spec: unknown }[];
    },
  ): Promise<ExperimentRecord>;
  deleteExperiment(id: string): Promise<void>;
  restoreExperiment(id: string): Promise<void>;
  facets(): Promise<Facets>;
  totals(): Promise<Totals>;

  /** Asks for its execution (`queuedAt`, ms), or ends that (null). */
  setQueued(experimentId: string, queuedAt: number | null): Promise<void>;
  /** Not deleted, longest waiting first. */
  listQueued(): Promise<readonly ExperimentRecord[]>;

  /** Keeps what was computed from an experiment's rows, with its headline. JSON. */
  saveFinding(experimentId: string, finding: unknown, headline: readonly Headline[]): Promise<void>;
  /** As it was saved; null where there is none. */
  getFinding(experimentId: string): Promise<unknown>;

  getRun(idOrPrefix: string): Promise<RunRecord | null>;
  /** Of the experiments in the order given, each in its own order. */
  listRuns(...experimentIds: readonly string[]): Promise<readonly RunRecord[]>;
  /** In the experiment's order. */
  runStates(experimentId: string): Promise<readonly RunState[]>;
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
  /** Lines of a table from any place of it, and how many the filter finds; limit at most 1000. */
  listTableRows(
    runId: string,
    filter: ResultFilter,
    window: { offset: number; limit: number; order?: RowOrder },
  ): Promise<{ total: number; items: readonly TableRow[] }>;
  /** With its calls; null where there is none. */
  getResult(runId: string, exampleId: string): Promise<ExampleResult | null>;
  /**
   * Results of an experiment in the order in which they were stored, after a cursor (0: from the first; null: none, only
   * the cursor of the latest), 1000 at most. A number from the database: it outlives the server that handed it out.
   */
  newResults(experimentId: string, cursor: number | null): Promise<{ cursor: number; items: readonly NewResult[] }>;

  /** The response cache, by content hash. */
  getResponses(keys: readonly string[]): Promise<ReadonlyMap<string, Generation>>;
  putResponses(entries: readonly { key: string; generation: Generation }[]): Promise<void>;

  close(): Promise<void>;
}
