import type { Surroundings } from './definition.ts';

/** Sampling settings. `temperature: 0` is greedy. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  /** 0 = off. */
  readonly topK: number;
  readonly maxTokens: number;
  /** Generation ends before the first of these. */
  readonly stop: readonly string[];
}

/** A tool as a model is told of it. `parameters` is a JSON Schema of an object. */
export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A tool that a model asked for. `arguments` as the model wrote them: JSON, if it did well. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export type ChatMessage =
  | { readonly role: 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly content: string };

export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolDeclaration[];
}

/** What not every engine can do. `tool-calling`: takes a conversation; `grammar`: writes only what a grammar allows; `token-ids`: takes and tells token ids. */
export type EngineFeature = 'tool-calling' | 'grammar' | 'token-ids';

export interface GenerateRequest extends Sampling {
  readonly prompt: string;
  /** In place of the prompt, which is then only its record. Needs `tool-calling`. */
  readonly conversation?: Conversation;
  /** Ids of the prompt's tokens in place of its text, which is then only its record: no start token or template is added. Needs `token-ids`. */
  readonly promptTokens?: readonly number[];
  /** Asks for `tokens`. Needs `token-ids`. */
  readonly tokenIds?: boolean;
  /** Requests of one session go on from each other: an engine may keep what it needs for the next one until `release`. */
  readonly session?: string;
  /** GBNF (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md), rule `root`. Needs `grammar`. */
  readonly grammar?: string;
  /** Makes sampling repeatable where the engine can; part of the cache key, so k samples of one prompt need k seeds. */
  readonly seed: number;
  /** Asks for `tokenMs`. */
  readonly tokenTimes?: boolean;
  /** Told the text as it comes, and with `tokenIds` the tokens that it came with, in pieces that are final: no stop string, nor the start of one. An engine that cannot says nothing; the answer is whole either way. */
  readonly onText?: (piece: string, tokens?: readonly number[]) => void;
  readonly signal?: AbortSignal;
}

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Prompt tokens that were not prefilled again (prefix reuse). */
  readonly cachedPromptTokens: number;
}

export interface CallTiming {
  /** From the call until the engine started on it. */
  readonly queuedMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** This call's share of the engine's busy time (the time of a step is shared equally by the calls in it); 0 where the engine cannot tell. */
  readonly computeMs: number;
  /** What the caller waited. */
  readonly totalMs: number;
}

export interface Generation {
  /** Without the stop string. */
  readonly text: string;
  /** Ids of all generated tokens, where they were asked for. Not stored. */
  readonly tokens?: readonly number[];
  /** Tools that the model asked for, where a conversation offered some. */
  readonly toolCalls?: readonly ToolCall[];
  /** `length`: cut off at maxTokens or at the end of the context. */
  readonly finishReason: 'stop' | 'length';
  readonly usage: TokenUsage;
  readonly timing: CallTiming;
  /** ms from the call to each token (or to each piece that a server streamed), where it was asked for and the engine can tell. Not stored. */
  readonly tokenMs?: readonly number[];
  /** True where the answer came from the response cache; timing is then the original call's. */
  readonly cached: boolean;
  /** Failed attempts before this answer. */
  readonly retries: number;
}

export interface ScoreRequest {
  readonly prompt: string;
  readonly continuation: string;
  /** Ids in place of both texts, which are then only their record. Needs `token-ids`. */
  readonly ids?: { readonly prompt: readonly number[]; readonly continuation: readonly number[] };
  /** The text ends there: the model's end token counts as the continuation's last token. */
  readonly end?: boolean;
  readonly signal?: AbortSignal;
}

/** Natural-log probabilities of the continuation's tokens given what is before them. */
export interface TokenLogprobs {
  readonly tokens: readonly string[];
  readonly logprobs: readonly number[];
  /** Sum of logprobs. */
  readonly total: number;
}

/** A model's tokenizer. Both reject with EngineError where a server has none. */
export interface Tokenizer {
  /** Ids of a text, without the tokens that start a prompt; with them where it is one (`start`). */
  encode(text: string, options?: { readonly start?: boolean }): Promise<readonly number[]>;
  /** Special tokens have no text. */
  decode(ids: readonly number[]): Promise<string>;
}

/** Counters since the engine was created. */
export interface EngineStats {
  readonly requests: number;
  readonly failures: number;
  readonly retries: number;
  readonly promptTokens: number;
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
}

/** How busy a server says it is; null where it does not tell. */
export interface EngineLoad {
  readonly runningRequests: number | null;
  readonly waitingRequests: number | null;
  /** Share of the KV cache in use. */
  readonly kvCacheUsage: number | null;
  /** Counters of prompt tokens looked up in the prefix cache, and found there. */
  readonly prefixQueryTokens: number | null;
  readonly prefixHitTokens: number | null;
}

export interface Engine {
  readonly name: string;
  /** Part of every cache key: model digest plus each setting that can change an answer. */
  readonly fingerprint: string;
  /** sha256 of the model file, or the served model's name where there is no file. */
  readonly modelDigest: string;
  /** Plain settings for the run's record: threads, batch, GPU layers, URL without secrets. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** How many requests it is worth keeping in flight: the runner works on so many examples at once. */
  readonly concurrency: number;
  readonly features?: readonly EngineFeature[];
  /** How often a request that failed in a retryable way is worth repeating; unset: as often as `withRetry` does by itself. */
  readonly maxRetries?: number;
  /** Rejects with EngineError. */
  generate(request: GenerateRequest): Promise<Generation>;
  /** Log-likelihood of a continuation, where the engine can tell. Rejects with EngineError, and with ConfigError where it cannot. */
  score?(request: ScoreRequest): Promise<TokenLogprobs>;
  /** Number of tokens of a text, exact where the engine has the tokenizer. */
  countTokens?(text: string): Promise<number>;
  readonly tokenizer?: Tokenizer;
  /** No further request of this session comes. */
  release?(session: string): void;
  stats?(): EngineStats;
  /** What the server's own metrics say; rejects with EngineError where they cannot be read. */
  load?(): Promise<EngineLoad>;
  close(): Promise<void>;
}

export type EngineParts = Surroundings;
