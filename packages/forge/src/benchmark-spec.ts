import type { VariantSpec } from './load-experiment.ts';
import type { Arrivals, ServiceObjective } from './load-point.ts';

/** A server that a benchmark starts and stops. JSON. */
export interface ServerSpec {
  /** Program and arguments; `forge` is this program itself. */
  readonly command: readonly string[];
  /** Answers with a 2xx status once the server is ready. */
  readonly ready: string;
  readonly timeoutSeconds: number;
  /** A new one for each cell and load point, so that none finds a warm cache; else one for the whole benchmark. */
  readonly fresh: boolean;
}

export interface OptimisationSpec {
  readonly name: string;
  readonly description: string;
  /** Name of the server that it needs; null = none. */
  readonly server: string | null;
  /** Cells are measured on a second pass: what it costs to run the same thing again. */
  readonly rerun: boolean;
}

/** One cell and repetition of the matrix: the run of the stored experiment at the same position. */
export interface CellSpec {
  readonly method: string;
  readonly optimisation: string;
  /** From 1. */
  readonly repetition: number;
}

/** Loads that are sent to the engine of some optimisations. */
export interface LoadSpec {
  readonly optimisations: readonly string[];
  /** Whose prompts are sent: those of its first calls. */
  readonly method: string;
  /** Measured requests of a point. */
  readonly requests: number;
  /** Requests before them that are not counted. */
  readonly warmUp: number;
  readonly arrivals: readonly Arrivals[];
  readonly repetitions: number;
  readonly objective: ServiceObjective;
}

/** A benchmark file, everything resolved. JSON. */
export interface BenchmarkSpec {
  readonly name: string;
  readonly description: string;
  readonly methods: readonly string[];
  readonly optimisations: readonly OptimisationSpec[];
  readonly baseline: string;
  readonly repetitions: number;
  readonly cells: readonly CellSpec[];
  /** What runs in each cell, in the order of `cells`. */
  readonly variants: readonly VariantSpec[];
  readonly servers: Readonly<Record<string, ServerSpec>>;
  readonly load: LoadSpec | null;
  readonly compare: {
    readonly metric: string;
    readonly alpha: number;
    /** Differences of accuracy under it do not matter (TOST). */
    readonly margin: number;
  };
  readonly pricing: {
    readonly inputPerMillion: number;
    readonly outputPerMillion: number;
    readonly computePerHour: number;
  } | null;
  /** How many times as fast as the baseline this optimisation is meant to be. */
  readonly goal: { readonly optimisation: string; readonly speedUp: number } | null;
  readonly useCases: {
    readonly interactive: { readonly latencyP95Ms: number | null };
    readonly cheapest: { readonly accuracyAtLeast: number | null };
  };
}
