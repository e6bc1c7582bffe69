import type { Estimate } from './statistics/estimate.ts';

/** When requests are sent. `closed`: so many are always under way. Open loops send at their times, whatever is still under way. */
export type Arrivals =
  | { readonly kind: 'closed'; readonly concurrency: number }
  | { readonly kind: 'poisson'; readonly perSecond: number }
  | { readonly kind: 'constant'; readonly perSecond: number }
  /** ms after the start, ascending, one for each request. */
  | { readonly kind: 'trace'; readonly atMs: readonly number[] };

/** What a request must keep to count for goodput; what is left out is not asked for. */
export interface ServiceObjective {
  readonly ttftMs?: number;
  /** Time per output token after the first. */
  readonly tpotMs?: number;
  readonly totalMs?: number;
}

/** Quantiles of one latency in ms; null where nothing was measured (no stream, one token only). */
export interface LatencyQuantiles {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** One load on one engine, measured once. Rates are over the time from the first measured request to the last answer. */
export interface LoadMeasurement {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly completionTokensPerSecond: number;
  readonly promptTokensPerSecond: number;
  /** Requests per second that were answered within the objective; null without one. */
  readonly goodputPerSecond: number | null;
  /** To the first token, from the moment the request was to be sent: waiting counts. */
  readonly ttftMs: LatencyQuantiles | null;
  /** Between two tokens of one answer, over all tokens; null where the engine tells no token times. */
  readonly interTokenMs: LatencyQuantiles | null;
  /** (total - TTFT) / (tokens - 1), over answers. */
  readonly tpotMs: LatencyQuantiles | null;
  readonly totalMs: LatencyQuantiles | null;
  /** Prompt tokens that were not prefilled again, as a share of all. */
  readonly cachedPromptShare: number;
  /** Open loops: how late the client itself sent, ms: it was no bottleneck while this is small. */
  readonly lateMs: LatencyQuantiles | null;
  /** Requests under way at the end of sending against the middle: an open loop that cannot keep up grows. */
  readonly saturated: boolean;
}

/** The repetitions of one load on one engine. */
export interface LoadPoint {
  readonly arrivals: Arrivals;
  readonly repetitions: number;
  /** Of all repetitions, failed ones too. */
  readonly requests: number;
  readonly requestsPerSecond: Estimate;
  readonly completionTokensPerSecond: Estimate;
  readonly goodputPerSecond: Estimate | null;
  readonly ttftP50Ms: Estimate | null;
  readonly ttftP95Ms: Estimate | null;
  readonly tpotP50Ms: Estimate | null;
  readonly interTokenP95Ms: Estimate | null;
  readonly totalP50Ms: Estimate | null;
  readonly totalP95Ms: Estimate | null;
  readonly cachedPromptShare: number;
  readonly failed: number;
  readonly saturated: boolean;
}
