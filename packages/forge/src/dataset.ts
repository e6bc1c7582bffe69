import type { Surroundings } from './definition.ts';

/** What a method may see. */
export interface Question {
  readonly id: string;
  readonly text: string;
  /** A passage that belongs to the question (SQuAD). */
  readonly context?: string;
  readonly choices?: readonly string[];
}

/** What a metric may see: the question with its answers. */
export interface Example extends Question {
  /** At least one accepted answer; aliases are further targets. */
  readonly targets: readonly string[];
  /** Examples of one cluster are not independent (one SQuAD article, say): for clustered errors. */
  readonly cluster?: string;
  /** Grades of the documents that hold the answer, by document id; those that are not named have 0. For retrieval metrics. */
  readonly relevant?: Readonly<Record<string, number>>;
  /** Tool calls that the question takes at least; for tool-efficiency. */
  readonly neededCalls?: number;
}

/** Rows that stream: never all in memory. */
export interface Dataset {
  readonly name: string;
  /** Number of examples. May read the source once. */
  count(signal?: AbortSignal): Promise<number>;
  /** sha256 (hex) over what the rows are made of: the same content gives the same fingerprint on every machine. */
  fingerprint(signal?: AbortSignal): Promise<string>;
  /** The resolved revision for the lock file (a commit of the hub), where the source has one. */
  readonly revision?: string;
  /**
   * Examples in source order, all of them or those whose row index (0-based) is in `only`.
   * Throws ConfigError naming file, row and column where a row cannot be an example.
   */
  examples(options?: { only?: ReadonlySet<number>; signal?: AbortSignal }): AsyncIterable<Example>;
}

export type DatasetParts = Surroundings;
