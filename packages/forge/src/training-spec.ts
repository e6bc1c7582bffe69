import type { ComponentSpec } from './definition.ts';
import type { Sampling } from './engine.ts';
import type { TrainingRunSpec } from './expand-training.ts';

/** Which of two answers is preferred: a right one, then the shorter one; or what a judge says. JSON. */
export type Preference = 'correct-then-shorter' | { readonly judge: ComponentSpec; readonly prompt: string };

/** What the model is measured on before and after, everything resolved. JSON. */
export interface EvaluationSpec {
  readonly name: string;
  readonly description: string;
  readonly dataset: ComponentSpec;
  /** null = every example. */
  readonly sample: number | null;
  readonly sampleSeed: string;
  readonly method: ComponentSpec;
  readonly metrics: readonly ComponentSpec[];
  readonly sampling: Sampling;
  readonly seed: number;
  readonly cache: boolean;
  readonly compare: { readonly metric: string; readonly alpha: number; readonly minimumEffect: number };
  readonly preference: Preference | null;
}

/** A training file, everything resolved. JSON. */
export interface TrainingSpec {
  readonly name: string;
  readonly description: string;
  readonly trainer: ComponentSpec;
  readonly model: string;
  readonly data: ComponentSpec;
  readonly split: {
    /** The most that a run trains on; null = all rows that validation and test leave. */
    readonly train: number | null;
    readonly validation: number;
    readonly test: number;
    readonly seed: number;
  };
  readonly runs: readonly TrainingRunSpec[];
  readonly evaluation: {
    /** Checked; `model` is null where a GGUF is to be written from the folder. */
    readonly engine: Readonly<Record<string, unknown>> & { readonly model: string | null };
    readonly experiments: readonly EvaluationSpec[];
    /** Names of those that the ablation is measured on. */
    readonly ablation: readonly string[];
    readonly ablationSample: number | null;
  };
  readonly outputs: { readonly gguf: boolean; readonly merged: boolean };
  readonly push: string | null;
}
