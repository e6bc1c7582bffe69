import type { LoadMeasurement } from './load-point.ts';
import type { Page, PageRequest } from './page.ts';

/** A benchmark file as it was asked for. Its matrix is a stored experiment; what else was measured is in its points. */
export interface BenchmarkRecord {
  readonly id: string;
  readonly name: string;
  /** The YAML as it was given. */
  readonly source: string;
  /** The resolved configuration (BenchmarkSpec), JSON. */
  readonly config: unknown;
  readonly configHash: string;
  /** The experiment whose runs are the cells of the matrix, one run for each cell and repetition. */
  readonly experimentId: string;
  readonly createdAt: number;
  /** What was found (BenchmarkReport), JSON; null until it is there. */
  readonly report: unknown;
}

/** What a cell used while it ran, beside what its run's rows tell; null where this machine cannot tell. */
export interface CellUse {
  /** From the first example to the last, without opening models. */
  readonly wallMs: number;
  /** The most that the processes of the cell held together, bytes; of this process only what it holds more than before. */
  readonly peakMemoryBytes: number | null;
  readonly peakGpuMemoryBytes: number | null;
  readonly energyJoules: number | null;
  /** Why a figure is null, and what was measured how: `RAPL package-0`, `no RAPL on this machine`. */
  readonly notes: readonly string[];
}

/** One thing measured, stored as soon as it is there: a resumed benchmark does not measure it again. */
export type BenchmarkPoint =
  | { readonly kind: 'cell'; readonly runId: string; readonly use: CellUse }
  | {
      readonly kind: 'load';
      readonly optimisation: string;
      /** Index into `load.arrivals` of the file. */
      readonly arrivals: number;
      /** From 1. */
      readonly repetition: number;
      readonly measured: LoadMeasurement;
    };

/** Benchmarks and what they measured. Ids are UUIDv7. Part of Store. */
export interface BenchmarkStore {
  createBenchmark(b: {
    name: string;
    source: string;
    config: unknown;
    configHash: string;
    experimentId: string;
  }): Promise<BenchmarkRecord>;
  /** By full id or an unambiguous prefix of at least 4 characters; null where there is none. */
  getBenchmark(idOrPrefix: string): Promise<BenchmarkRecord | null>;
  /** Keyset pagination, newest first. */
  listBenchmarks(page: PageRequest): Promise<Page<BenchmarkRecord>>;
  /** Idempotent: a point of the same key replaces the earlier one. */
  saveBenchmarkPoint(benchmarkId: string, key: string, point: BenchmarkPoint): Promise<void>;
  /** By key, in the order in which they were first stored. */
  benchmarkPoints(benchmarkId: string): Promise<ReadonlyMap<string, BenchmarkPoint>>;
  saveBenchmarkReport(benchmarkId: string, report: unknown): Promise<void>;
}
