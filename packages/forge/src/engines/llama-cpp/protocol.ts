import type { GenerateRequest, Generation, ScoreRequest, TokenLogprobs } from '../../engine.ts';
import type { EngineErrorKind } from '../../errors.ts';
import type { StateFolder } from './state-folder.ts';

/** What the model process is started with. */
export interface LoadOptions {
  readonly modelPath: string;
  readonly batch: number;
  /** Tokens per sequence; null = the model's training context, at most 2048. */
  readonly contextSize: number | null;
  /** null = as many as the machine has cores, 1 for a small model. */
  readonly threads: number | null;
  readonly gpu: 'auto' | 'cuda' | 'vulkan' | 'metal' | false;
  readonly gpuLayers: 'auto' | number;
  readonly lora: readonly { readonly path: string; readonly scale: number }[];
  readonly invariant: boolean;
  readonly kvCache: 'f16' | 'bf16' | 'q8_0';
  readonly prefixCache: boolean;
  readonly chat: boolean;
}

export type ModelRequest =
  | { readonly type: 'load'; readonly options: LoadOptions; readonly states: StateFolder | null }
  | {
      readonly type: 'generate';
      readonly id: number;
      readonly request: Omit<GenerateRequest, 'signal' | 'onText'>;
      /** Send the text as it comes. */
      readonly streams: boolean;
    }
  | {
      readonly type: 'score';
      readonly id: number;
      readonly prompt: string;
      readonly continuation: string;
      readonly ids: ScoreRequest['ids'];
      readonly end: boolean;
    }
  | { readonly type: 'encode'; readonly id: number; readonly text: string; readonly start: boolean }
  | { readonly type: 'decode'; readonly id: number; readonly ids: readonly number[] }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'release'; readonly session: string }
  | { readonly type: 'close' };

/** What was really loaded. */
export interface ModelInfo {
  readonly contextSize: number;
  readonly threads: number;
  readonly gpu: string;
  readonly gpuLayers: number;
  readonly bindingVersion: string;
}

/** ms of the machine's monotonic clock: the same one in every process, unlike `performance.now`. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** A generation as the model process knows it: `totalMs` is the caller's to measure, `tokenMs` are times of `monotonicMs`. */
export type ModelGeneration = Pick<Generation, 'text' | 'tokens' | 'finishReason' | 'usage' | 'tokenMs'> & {
  readonly timing: Omit<Generation['timing'], 'totalMs'>;
};

export type ModelAnswer =
  | { readonly type: 'ready'; readonly info: ModelInfo }
  | { readonly type: 'load-failed'; readonly reason: string; readonly outOfMemory: boolean }
  | { readonly type: 'text'; readonly id: number; readonly piece: string; readonly tokens: readonly number[] }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly result: ModelGeneration | TokenLogprobs | readonly number[] | string;
    }
  | { readonly type: 'failed'; readonly id: number; readonly kind: EngineErrorKind; readonly message: string };
