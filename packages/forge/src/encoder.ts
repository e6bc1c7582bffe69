import type { Surroundings } from './definition.ts';

/** Turns texts into vectors of unit length: their dot product is the cosine. */
export interface Embedder {
  readonly name: string;
  /** Model digest plus each setting that can change a vector. */
  readonly fingerprint: string;
  readonly dimension: number;
  /** Tokens of one text at most, special ones included; a longer text is cut off. */
  readonly maxTokens: number;
  /** One vector for each text, in order. */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** Tokens of each text without special ones. */
  countTokens(texts: readonly string[]): Promise<number[]>;
  close(): Promise<void>;
}

/** Judges how well passages answer a query, each together with the query: slower than comparing vectors, and better. */
export interface CrossEncoder {
  readonly name: string;
  readonly fingerprint: string;
  /** One score for each passage, in order; higher is better, any scale. */
  score(query: string, passages: readonly string[], signal?: AbortSignal): Promise<number[]>;
  close(): Promise<void>;
}

/** Probabilities that add up to 1. */
export interface Entailment {
  readonly entailment: number;
  readonly neutral: number;
  readonly contradiction: number;
}

/** Natural language inference: whether a premise states a hypothesis. */
export interface Nli {
  readonly name: string;
  readonly fingerprint: string;
  /** One judgement for each pair, in order. */
  judge(
    pairs: readonly { readonly premise: string; readonly hypothesis: string }[],
    signal?: AbortSignal,
  ): Promise<Entailment[]>;
  close(): Promise<void>;
}

export type EncoderParts = Surroundings;
