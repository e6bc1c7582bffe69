import type { Generation } from './engine.ts';
import { createReservoir } from './lib/reservoir.ts';
import type { LoadMeasurement, ServiceObjective } from './load-point.ts';

/** One request of a load, ms of one clock. */
export interface RequestTimes {
  /** When it was to be sent. Latencies count from here: waiting for the client itself counts too. */
  readonly dueAt: number;
  readonly sentAt: number;
  readonly doneAt: number;
}

export interface LoadTally {
  answered(times: RequestTimes, generation: Generation): void;
  failed(times: RequestTimes): void;
  measurement(): LoadMeasurement;
}

/** ms from the call to the first token; null where the answer came whole: no stream, or from a cache. */
function firstTokenMs({ tokenMs, timing, cached }: Generation): number | null {
  if (cached) return null;
  if (tokenMs?.[0] !== undefined) return tokenMs[0];
  return timing.prefillMs > 0 ? timing.queuedMs + timing.prefillMs : null;
}

/** Least squares of the waiting time on the moment at which a request was due, without keeping either. */
function createTrend() {
  let [n, meanDue, meanWait, squares, products] = [0, 0, 0, 0, 0];
  let [firstDueAt, lastDueAt] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    add(dueAt: number, waitMs: number): void {
      n++;
      const fromMean = dueAt - meanDue;
      meanDue += fromMean / n;
      meanWait += (waitMs - meanWait) / n;
      squares += fromMean * (dueAt - meanDue);
      products += fromMean * (waitMs - meanWait);
      firstDueAt = Math.min(firstDueAt, dueAt);
      lastDueAt = Math.max(lastDueAt, dueAt);
    },
    /**
     * Whether answers fell behind: with waiting that grows by `slope` ms a ms, answers come at 1 / (1 + slope) of the rate of the requests,
     * and by Little's law slope x time x rate more requests are under way at the end. That must be under 0.95 of the rate, and more than a
     * queue that keeps up may gain by chance (twice the root of its mean length). On simulated queues (1 to 64 servers, 300 requests) at 0.8 of
     * their capacity this holds in 4 % of loads at most, at 1.2 in 86 % and more; 100 requests show only 1.5 of it so surely.
     */
    fallsBehind(): boolean {
      const slope = products / squares;
      const perMs = (n - 1) / (lastDueAt - firstDueAt);
      const grownBy = slope * (n - 1);
      return 1 / (1 + slope) < leastAchieved && grownBy > 2 * Math.sqrt(1 + perMs * meanWait);
    },
  };
}

/** Share of the offered rate under which a load does not keep up. */
const leastAchieved = 0.95;

/** A client that is later than this at the end of sending was not just interrupted. */
const leastLateMs = 5;

/**
 * Adds the requests of one load up, in bounded memory. `open`: it was sent at given times, so that lateness and saturation mean something.
 * `trendFrom`: earlier requests (ms of the clock) filled the engine and say nothing of a trend.
 */
export function createLoadTally(options: {
  open: boolean;
  trendFrom: number;
  objective: ServiceObjective | null;
}): LoadTally {
  const { open, trendFrom, objective } = options;
  const { ttftMs = Infinity, tpotMs = Infinity, totalMs = Infinity } = objective ?? {};
  const latencies = {
    ttftMs: createReservoir(),
    interTokenMs: createReservoir(),
    tpotMs: createReservoir(),
    totalMs: createReservoir(),
    lateMs: createReservoir(),
  };
  const tokens = { prompt: 0, cached: 0, completion: 0 };
  const trend = createTrend();
  let [answers, failures, good] = [0, 0, 0];
  let [firstDueAt, lastDoneAt] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [lastDueAt, lastLateMs] = [Number.NEGATIVE_INFINITY, 0];

  function settled({ dueAt, sentAt, doneAt }: RequestTimes): void {
    firstDueAt = Math.min(firstDueAt, dueAt);
    if (dueAt > lastDueAt) [lastDueAt, lastLateMs] = [dueAt, sentAt - dueAt];
    lastDoneAt = Math.max(lastDoneAt, doneAt);
    if (open) latencies.lateMs.add(sentAt - dueAt);
  }

  /** Of the rate that was offered, or was to be: a client that sends too slowly offers less. */
  function achievedShare(): number {
    const spanMs = lastDueAt - firstDueAt;
    const sent = lastLateMs > leastLateMs ? spanMs / (spanMs + lastLateMs) : 1;
    return (sent * answers) / (answers + failures);
  }

  return {
    answered(times, generation) {
      settled(times);
      answers++;
      const { usage, tokenMs = [] } = generation;
      tokens.prompt += usage.promptTokens;
      tokens.cached += usage.cachedPromptTokens;
      tokens.completion += usage.completionTokens;

      const total = times.doneAt - times.dueAt;
      latencies.totalMs.add(total);
      if (open && times.dueAt >= trendFrom) trend.add(times.dueAt, total);
      const fromCall = firstTokenMs(generation);
      const ttft = fromCall === null ? null : times.sentAt - times.dueAt + fromCall;
      const tpot = ttft === null || usage.completionTokens < 2 ? null : (total - ttft) / (usage.completionTokens - 1);
      if (ttft !== null) latencies.ttftMs.add(ttft);
      if (tpot !== null) latencies.tpotMs.add(tpot);
      for (let i = 1; i < tokenMs.length; i++)
        latencies.interTokenMs.add((tokenMs[i] as number) - (tokenMs[i - 1] as number));
      // Whoever gets an answer whole sees its first token at its end.
      if (total <= totalMs && (ttft ?? total) <= ttftMs && (tpot ?? 0) <= tpotMs) good++;
    },
    failed(times) {
      settled(times);
      failures++;
    },
    measurement() {
      const seconds = Math.max(0, lastDoneAt - firstDueAt) / 1000;
      const perSecond = (count: number) => (seconds > 0 ? count / seconds : 0);
      return {
        requests: answers + failures,
        failed: failures,
        seconds,
        requestsPerSecond: perSecond(answers),
        completionTokensPerSecond: perSecond(tokens.completion),
        promptTokensPerSecond: perSecond(tokens.prompt),
        goodputPerSecond: objective === null ? null : perSecond(good),
        ttftMs: latencies.ttftMs.quantiles(),
        interTokenMs: latencies.interTokenMs.quantiles(),
        tpotMs: latencies.tpotMs.quantiles(),
        totalMs: latencies.totalMs.quantiles(),
        cachedPromptShare: tokens.prompt === 0 ? 0 : tokens.cached / tokens.prompt,
        lateMs: latencies.lateMs.quantiles(),
        saturated: open && (achievedShare() < leastAchieved || trend.fallsBehind()),
      };
    },
  };
}
