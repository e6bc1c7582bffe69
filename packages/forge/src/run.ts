import type { CallTiming, Sampling, TokenUsage } from './engine.ts';
import type { EngineErrorKind } from './errors.ts';
import type { PredictionFlag, Step } from './method.ts';

export type RunStatus = 'pending' | 'running' | 'finished' | 'cancelled' | 'failed';

/** What a run was made of: enough to repeat it and to tell why a repeat differs. */
export interface Provenance {
  /** sha256 of the experiment's canonical configuration. */
  readonly configHash: string;
  readonly datasetFingerprint: string;
  readonly datasetRevision?: string;
  readonly modelDigest: string;
  /** Fingerprints of what else the answers and scores depend on: `retriever`, `faithfulness`. */
  readonly components?: Readonly<Record<string, string>>;
  readonly engineFingerprint: string;
  readonly engineSettings: Readonly<Record<string, string | number | boolean>>;
  /** Git commit, with `+changes` where the work tree differed; `unknown` outside a checkout. */
  readonly codeRevision: string;
  readonly forgeVersion: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly seed: number;
}

/** One logged model call. */
export interface CallRecord {
  /** 0-based order within the example. */
  readonly index: number;
  readonly prompt: string;
  readonly sampling: Sampling;
  readonly seed: number;
  readonly output: string;
  readonly finishReason: 'stop' | 'length' | 'error';
  readonly usage: TokenUsage;
  readonly timing: CallTiming;
  /** From the response cache: usage and timing are the original call's. */
  readonly cached: boolean;
  readonly retries: number;
  readonly error?: ExampleFailure;
}

export interface ExampleFailure {
  /** `method-error`: the method itself threw. `retrieval-error`: an index did not answer. */
  readonly kind: EngineErrorKind | 'method-error' | 'retrieval-error' | 'metric-error';
  readonly message: string;
}

/** One finished example of a run: right, wrong or failed. */
export interface ExampleResult {
  readonly exampleId: string;
  /** Row index in the data set. */
  readonly index: number;
  readonly question: string;
  readonly targets: readonly string[];
  readonly cluster?: string;
  /** Empty where the example failed. */
  readonly answer: string;
  readonly steps: readonly Step[];
  readonly flags: readonly PredictionFlag[];
  readonly failure?: ExampleFailure;
  /** By metric name; 0 on every metric where the example failed. */
  readonly scores: Readonly<Record<string, number>>;
  /** Wall time of the method, with the original time of each cached call put back and the wait for a free place taken off. */
  readonly latencyMs: number;
  readonly calls: readonly CallRecord[];
  /** ms since the epoch. */
  readonly finishedAt: number;
}

export interface RunStart {
  readonly runId: string;
  /** Name of the variant, e.g. `chain-of-thought`. */
  readonly variant: string;
  readonly total: number;
  /** Examples that an earlier attempt finished. */
  readonly alreadyDone: number;
  readonly provenance: Provenance;
}

/** The one stream that store, CLI, API and dashboard read. */
export type RunEvent =
  | ({ readonly type: 'run-started' } & RunStart)
  | { readonly type: 'example-finished'; readonly runId: string; readonly result: ExampleResult }
  | {
      readonly type: 'run-finished';
      readonly runId: string;
      readonly status: 'finished' | 'cancelled' | 'failed';
      readonly error?: string;
      /** Wall time of this attempt, ms. */
      readonly wallMs: number;
    };
