import type { LoadPoint } from './load-point.ts';
import type { Estimate } from './statistics/estimate.ts';

/** What an optimisation did to the answers, against the baseline of the same method, paired by example. */
export interface Equivalence {
  /** Accuracy minus the baseline's. */
  readonly difference: Estimate;
  /** Differences inside (-margin, margin) do not matter. */
  readonly margin: number;
  /** Of two one-sided tests (TOST): small means equivalent. */
  readonly pValue: number;
  /** Corrected over the optimisations of the method (Holm): what the verdict rests on. */
  readonly adjustedPValue: number;
  readonly verdict: 'equivalent' | 'better' | 'worse' | 'undecided';
  /** Share of examples whose rightness changed, either way. */
  readonly flipRate: Estimate;
  /** Examples whose mean over repetitions rose or fell. */
  readonly flips: { readonly toRight: number; readonly toWrong: number };
  /** Share of examples whose answer is another text. */
  readonly changedRate: Estimate;
}

/** One method with one optimisation. */
export interface MatrixCell {
  readonly method: string;
  readonly optimisation: string;
  /** One for each repetition. */
  readonly runIds: readonly string[];
  readonly n: number;
  readonly failed: number;
  readonly accuracy: Estimate;
  /** Over examples of all repetitions; null where no call was live. */
  readonly latencyP50Ms: Estimate | null;
  readonly latencyP95Ms: Estimate | null;
  /** Over repetitions, wall time. */
  readonly examplesPerSecond: Estimate;
  readonly completionTokensPerSecond: Estimate;
  /** Examples per second over the baseline's of the same method, paired by repetition; null for the baseline. */
  readonly speedUp: Estimate | null;
  readonly promptTokensPerExample: number;
  readonly cachedPromptShare: number;
  /** Share of calls answered from the response cache. */
  readonly responseHitRate: number;
  readonly peakMemoryBytes: number | null;
  readonly joulesPerExample: number | null;
  /** US dollars; null without pricing. */
  readonly costPerThousand: number | null;
  readonly costPerCorrect: number | null;
  /** null for the baseline. */
  readonly equivalence: Equivalence | null;
}

/** A point of the trade-off: accuracy up, latency down, cost down. */
export interface ParetoPoint {
  readonly method: string;
  readonly optimisation: string;
  readonly accuracy: number;
  readonly latencyMs: number;
  /** US dollars for a thousand examples; seconds of wall time per example where there is no pricing. */
  readonly cost: number;
  readonly onFrontier: boolean;
  /** Share of bootstrap draws (examples and repetitions) in which no other point was at least as good in all and better in one. */
  readonly probability: number;
  /** For dominated points: the point that is better, and in what, as a sentence. */
  readonly explanation: string | null;
}

export interface Recommendation {
  readonly useCase: 'interactive' | 'batch' | 'cheapest';
  readonly title: string;
  /** null where no point fulfils it. */
  readonly choice: { readonly method: string; readonly optimisation: string } | null;
  readonly reason: string;
}

/** Loads on the engine of one optimisation, in the order of the file. */
export interface LoadCurve {
  readonly optimisation: string;
  readonly points: readonly LoadPoint[];
  /** The highest rate that was kept up, requests per second; null where none was, or no open loop was run. */
  readonly sustainedPerSecond: number | null;
}

/** What a benchmark found. JSON, kept in `BenchmarkRecord.report`. */
export interface BenchmarkReport {
  readonly methods: readonly string[];
  readonly optimisations: readonly string[];
  readonly baseline: string;
  /** By method, then optimisation. */
  readonly cells: readonly MatrixCell[];
  readonly load: readonly LoadCurve[];
  readonly pareto: {
    readonly costUnit: 'usd-per-thousand' | 'seconds-per-example';
    readonly points: readonly ParetoPoint[];
  };
  readonly recommendations: readonly Recommendation[];
  /** The ratio that the file aims at, for each method, and a sentence that says whether it is reached, else by how much not and why. */
  readonly goal: readonly {
    readonly method: string;
    readonly target: number;
    readonly ratio: Estimate;
    readonly sentence: string;
  }[];
  /** What was found, a sentence each, negative results too. */
  readonly findings: readonly string[];
  /** What could not be measured here and why; how memory and energy were measured. */
  readonly notes: readonly string[];
}
