import type { Surroundings } from './definition.ts';

/** Where a preference pair comes from: enough to find the two answers again. */
export interface PairLineage {
  readonly experimentId: string;
  readonly exampleId: string;
  readonly chosenRunId: string;
  readonly rejectedRunId: string;
}

/** Two answers to one prompt, of which the first is preferred. The texts are continuations: the model sees prompt + chosen. */
export interface PreferenceRow {
  readonly kind: 'preference';
  readonly id: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  /** Rows of one cluster never fall into different splits (one dialogue, one question). The prompt when left out. */
  readonly cluster?: string;
  readonly lineage?: PairLineage;
}

/** A piece of a text. `weight` scales the loss of its tokens: 0 = context only. */
export interface TextSegment {
  readonly text: string;
  readonly weight: number;
  /** The model should stop after it: the end token is a target here. */
  readonly stop?: boolean;
}

/** A text to be continued like: prompt and completion, or any sequence of given and written pieces. */
export interface TextRow {
  readonly kind: 'text';
  readonly id: string;
  readonly segments: readonly TextSegment[];
  readonly cluster?: string;
}

/** A query, the text that answers it, and texts that look as if they did: what encoders learn to search from. */
export interface RetrievalRow {
  readonly kind: 'retrieval';
  readonly id: string;
  readonly query: string;
  readonly positive: string;
  readonly negatives: readonly string[];
  /** The query when left out. */
  readonly cluster?: string;
}

/** Two texts and what they are to each other, e.g. premise, claim and `entailment`. */
export interface ClassificationRow {
  readonly kind: 'classification';
  readonly id: string;
  readonly first: string;
  readonly second: string;
  readonly label: string;
  /** Both texts when left out. */
  readonly cluster?: string;
}

export type TrainingRow = PreferenceRow | TextRow | RetrievalRow | ClassificationRow;

/** What a model is trained on. Rows stream: never all in memory. */
export interface TrainingSet {
  readonly name: string;
  readonly kind: TrainingRow['kind'];
  /** sha256 (hex) over what the rows are made of: the same content gives the same fingerprint on every machine. */
  fingerprint(signal?: AbortSignal): Promise<string>;
  /** In source order. Throws ConfigError naming file, row and column where a row cannot be one. */
  rows(signal?: AbortSignal): AsyncIterable<TrainingRow>;
  /** Rows of the source that the last whole pass of `rows` left out, by reason, e.g. `{"empty answer": 4}`. */
  leftOut(): Readonly<Record<string, number>>;
}

export type TrainingSetParts = Surroundings;
