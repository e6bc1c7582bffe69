import {
  type CompareOptions,
  type Comparison,
  compareLatency,
  compareRuns,
  type LatencyComparison,
  type PairedInput,
} from './compare-runs.ts';

/** The scores and latencies of groups of runs, the baseline first: all that the statistics need. */
export interface ComparisonInput {
  readonly groups: readonly { readonly scores: PairedInput; readonly latencies: PairedInput }[];
  readonly options: CompareOptions;
}

export interface ComparisonOutput {
  readonly comparisons: readonly Comparison[];
  readonly latency: readonly LatencyComparison[];
}

/** Pure and, over many rows, seconds of work: a server has it done in another thread (compare-thread.ts). */
export function compareInputs({ groups, options }: ComparisonInput): ComparisonOutput {
  const [baseline, ...candidates] = groups;
  if (baseline === undefined || candidates.length === 0) return { comparisons: [], latency: [] };
  return {
    comparisons: compareRuns(
      baseline.scores,
      candidates.map((one) => one.scores),
      options,
    ),
    latency: compareLatency(
      baseline.latencies,
      candidates.map((one) => one.latencies),
    ),
  };
}
