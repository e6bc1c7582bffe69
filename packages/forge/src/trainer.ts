import type { Surroundings } from './definition.ts';
import type { TrainingSettings } from './training-settings.ts';

/** One training: everything a trainer needs, on this machine's disk. JSON. */
export interface TrainJob {
  /**
   * Absolute. The trainer keeps checkpoints below `checkpoints/` here and goes on from the newest; its result is
   * `adapter/` (PEFT: adapter_config.json, adapter_model.safetensors) or, without LoRA, `model/` (Hugging Face layout, the
   * weights of an encoder in onnx/model.onnx).
   */
  readonly folder: string;
  readonly model: {
    /** Absolute folder in the Hugging Face layout: config.json, *.safetensors, tokenizer.json. */
    readonly path: string;
    /** As the config names it, e.g. `models/lab` or `hf:owner/repo`; the base model of the adapter. */
    readonly reference: string;
  };
  /** JSON Lines files of TrainingRow, in order. */
  readonly rows: {
    readonly train: string;
    readonly trainCount: number;
    readonly validation: string | null;
  };
  readonly settings: TrainingSettings;
}

/** Means over the pairs of a step or of the validation rows; rewards are beta x (log p - log p of the reference). */
export interface PreferenceFigures {
  readonly chosenReward: number;
  readonly rejectedReward: number;
  /** chosenReward - rejectedReward */
  readonly margin: number;
  /** Share of pairs whose chosen answer has the higher reward. */
  readonly accuracy: number;
  /** Summed log-probabilities of the answers' tokens. */
  readonly chosenLogprob: number;
  readonly rejectedLogprob: number;
}

export interface TrainStep {
  readonly type: 'step';
  /** From 1. */
  readonly step: number;
  /** Passes over the rows so far, with fraction. */
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Tokens that went through the model in this step, padding not counted. */
  readonly tokens: number;
  readonly tookMs: number;
  readonly preference?: PreferenceFigures;
}

export interface Validation {
  readonly type: 'validation';
  /** After this step; 0 before the first. */
  readonly step: number;
  readonly n: number;
  readonly loss: number;
  readonly preference?: PreferenceFigures;
}

export type TrainEvent =
  | {
      readonly type: 'started';
      readonly totalSteps: number;
      /** Steps that a checkpoint holds already; 0 for a new training. */
      readonly doneSteps: number;
      readonly rows: number;
      /** Rows over maxLength, left out. */
      readonly leftOut: number;
      readonly parameters: { readonly trained: number; readonly total: number };
      /** Estimate of what the training needs, bytes; null where the trainer cannot tell. */
      readonly memoryBytes: number | null;
      /** Versions, device, threads. */
      readonly environment: Readonly<Record<string, string | number>>;
    }
  /** What happens before the first step, e.g. log-probabilities of the reference model. */
  | { readonly type: 'preparing'; readonly stage: string; readonly done: number; readonly total: number }
  | TrainStep
  | Validation
  | { readonly type: 'checkpoint'; readonly step: number }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'finished';
      readonly step: number;
      /** `cancelled`: stopped by the signal; the newest checkpoint holds everything done. */
      readonly reason: 'completed' | 'early-stop' | 'cancelled';
      /** Of this attempt. */
      readonly wallMs: number;
      readonly peakMemoryBytes: number;
    };

/** Trains one model. Where it ends by itself the last event is `finished`; a training that cannot go on rejects. */
export interface Trainer {
  readonly name: string;
  /**
   * Events as they happen. After kill -9 the same job goes on from its newest checkpoint and repeats the events of the
   * steps after it, equal to what they would have been. Throws ConfigError (a model that is missing or does not fit into
   * memory, say) and TrainerError.
   */
  train(job: TrainJob, signal?: AbortSignal): AsyncIterable<TrainEvent>;
}

export type TrainerParts = Surroundings;
