import {
  type CompareOptions,
  type Comparison,
  compareLatency,
  compareRuns,
  compareTokens,
  type LatencyComparison,
  type TokenComparison,
} from './compare-runs.ts';
import type { PairedInput } from './paired-difference.ts';

/** Of each example: its score, its latency in ms, its tokens. */
export interface PairedGroup {
  readonly scores: PairedInput;
  readonly latencies: PairedInput;
  readonly tokens: PairedInput;
}

/** The scores, latencies and tokens of groups of runs, the baseline first: all that the statistics need. */
export interface ComparisonInput {
  readonly groups: readonly PairedGroup[];
  readonly options: CompareOptions;
}

export interface ComparisonOutput {
  readonly comparisons: readonly Comparison[];
  readonly latency: readonly LatencyComparison[];
  readonly tokens: readonly TokenComparison[];
}

/** Pure and, over many rows, seconds of work: a server has it done in another thread (compare-thread.ts). */
export function compareInputs({ groups, options }: ComparisonInput): ComparisonOutput {
  const [baseline, ...candidates] = groups;
  if (baseline === undefined || candidates.length === 0) return { comparisons: [], latency: [], tokens: [] };
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
    tokens: compareTokens(
      baseline.tokens,
      candidates.map((one) => one.tokens),
    ),
  };
}
