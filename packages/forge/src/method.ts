import type { Question } from './dataset.ts';
import type { ComponentSpec, Surroundings } from './definition.ts';
import type { Nli } from './encoder.ts';
import type { GenerateRequest, Generation, Sampling, ScoreRequest, TokenLogprobs } from './engine.ts';
import type { Retriever } from './retriever.ts';
import type { ToolSet } from './tool.ts';

export type ModelCall = { prompt: string; sample?: number } & Partial<Sampling> &
  Pick<GenerateRequest, 'conversation' | 'grammar'>;

/** What a method may use while it solves one question. */
export interface MethodContext {
  /**
   * One logged model call. Unset fields come from the experiment's sampling settings; `sample` numbers the repeats of one prompt.
   * Throws ConfigError where the request needs a feature that the engine does not have.
   */
  generate(request: ModelCall): Promise<Generation>;
  /** One logged look at how likely the model finds a text. Throws ConfigError where the engine cannot tell. */
  score(request: Omit<ScoreRequest, 'signal'>): Promise<TokenLogprobs>;
  /** Of the model that generates; estimated at 4 characters each where it cannot tell. */
  countTokens(text: string): Promise<number>;
  readonly sampling: Sampling;
  /** ms from any fixed moment, never backwards. */
  now(): number;
  readonly signal?: AbortSignal;
}

/** One thing a method did, as stored and shown in the example view. */
export interface Step {
  readonly kind: string;
  readonly text: string;
  readonly [detail: string]: unknown;
}

export interface Prediction {
  /** The parsed answer; empty where there is none. */
  readonly answer: string;
  readonly steps: readonly Step[];
  /** Things worth counting over a run. */
  readonly flags?: readonly PredictionFlag[];
}

export type PredictionFlag =
  | 'empty' // the model wrote nothing
  | 'cut-off' // a generation ended at maxTokens
  | 'fallback-parse' // no answer marker found: the last sentence was taken
  | 'tool-error' // a tool was asked for that failed, or as it cannot be asked
  | 'unparsable-step' // a step that was neither an action nor an answer
  | 'limit-reached'; // ended by a limit on steps, tokens, time or repeated actions, without an answer

export interface Method {
  readonly name: string;
  /** The prompts this method would send first, for planning tokens before anything is spent. */
  preview(question: Question): {
    prompts: readonly string[];
    /** Where further calls follow that depend on the answers: what all calls of an example may write together. */
    maxCompletionTokens?: number;
  };
  /** Opens what it is made of, before the first question is measured. Returns fingerprints by role. Throws ConfigError. */
  prepare?(): Promise<Readonly<Record<string, string>>>;
  /** Rejects with EngineError where a call failed: the example is then stored as failed. */
  solve(question: Question, context: MethodContext): Promise<Prediction>;
}

/** What methods are made of; asked for by `prepare` or the first question, not by `create`: a plan opens nothing. */
export interface MethodParts extends Pick<Surroundings, 'baseDir' | 'cacheDir' | 'limits'> {
  retriever(spec: ComponentSpec): Promise<Retriever>;
  nli(spec: ComponentSpec): Promise<Nli>;
  toolSet(spec: ComponentSpec): Promise<ToolSet>;
}
