import type { Engine, GenerateRequest } from './engine.ts';
import { ConfigError } from './errors.ts';
import { constantTimes, poissonTimes } from './lib/arrival-times.ts';
import { createPreciseSleep } from './lib/precise-sleep.ts';
import type { Arrivals, LoadMeasurement, ServiceObjective } from './load-point.ts';
import { createLoadTally, type LoadTally } from './load-tally.ts';

export interface LoadOptions {
  /** Without a response cache, or the cache is what is measured. */
  readonly engine: Engine;
  /** Sent in this order, each once, the warm-up first. Their signals are not looked at. */
  readonly requests: readonly GenerateRequest[];
  /** So many are sent and waited for before anything is measured: they open connections and load weights. Whether they fail does not matter. */
  readonly warmUp: number;
  readonly arrivals: Arrivals;
  readonly objective: ServiceObjective | null;
  /** Uniform in [0, 1): draws the arrivals of a Poisson process. */
  readonly random: () => number;
  /** ms, with fractions. */
  readonly now: () => number;
  /** Resolves after so many ms; of 0 after other work had its turn. Default: precise to some 0.1 ms of `performance.now`. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** An open loop with so many requests under way sends no more: it is saturated. Default 4,096. */
  readonly maxUnderWay?: number;
}

/** Requests sent at once, at most, before answers that came are looked at: else their time would be taken too late. */
const burst = 16;

/** ms after the start at which each request is due; null in a closed loop. */
function dueTimes({ arrivals, random }: LoadOptions, count: number): readonly number[] | null {
  switch (arrivals.kind) {
    case 'closed':
      return null;
    case 'poisson':
      return poissonTimes(count, arrivals.perSecond, random);
    case 'constant':
      return constantTimes(count, arrivals.perSecond);
    case 'trace':
      if (arrivals.atMs.length === count) return arrivals.atMs;
      throw new ConfigError(
        `load: the trace has ${arrivals.atMs.length} times for ${count} requests after the warm-up; give one time for each`,
      );
  }
}

/** Sends to the engine until `stop`. A failed request is counted; a ConfigError, which every further request would meet too, stops. */
function createSender({ engine, now }: LoadOptions, signal: AbortSignal | undefined) {
  const ended = Promise.withResolvers<never>();
  // Whoever waits for it hears of it; nobody does before sending begins.
  ended.promise.catch(() => {});
  let [underWay, stopped] = [0, false];
  function stop(reason: unknown): void {
    stopped = true;
    ended.reject(reason);
  }
  return {
    underWay: () => underWay,
    stopped: () => stopped,
    stop,
    /** Rejects with what `stop` was told. */
    ended: ended.promise,
    async send(request: GenerateRequest, dueAt: number, tally: LoadTally | null): Promise<void> {
      underWay++;
      const sentAt = now();
      try {
        const generation = await engine.generate({ ...request, tokenTimes: true, ...(signal && { signal }) });
        tally?.answered({ dueAt, sentAt, doneAt: now() }, generation);
      } catch (error) {
        if (error instanceof ConfigError) stop(error);
        tally?.failed({ dueAt, sentAt, doneAt: now() });
      } finally {
        underWay--;
      }
    },
  };
}

type Sender = ReturnType<typeof createSender>;

async function closedLoop(
  sender: Sender,
  requests: readonly GenerateRequest[],
  { concurrency, now, tally }: { concurrency: number; now: () => number; tally: LoadTally | null },
): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < requests.length && !sender.stopped()) {
      await sender.send(requests[next++] as GenerateRequest, now(), tally);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, requests.length) }, work));
}

interface Schedule {
  /** ms after `startAt`, one for each request. */
  readonly times: readonly number[];
  readonly startAt: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly maxUnderWay: number;
  readonly tally: LoadTally;
}

/** Resolves once everything that was sent is settled: to false where it stopped sending because too many were under way. */
async function openLoop(
  sender: Sender,
  requests: readonly GenerateRequest[],
  { times, startAt, now, sleep, maxUnderWay, tally }: Schedule,
): Promise<boolean> {
  const underWay = new Set<Promise<void>>();
  let [sentAtOnce, sentAll] = [0, true];
  for (const [i, request] of requests.entries()) {
    const dueAt = startAt + (times[i] as number);
    const earlyMs = dueAt - now();
    if (earlyMs > 0 || sentAtOnce === burst) {
      await sleep(Math.max(0, earlyMs));
      sentAtOnce = 0;
    }
    sentAll = !sender.stopped() && sender.underWay() < maxUnderWay;
    if (!sentAll) break;
    sentAtOnce++;
    const sent: Promise<void> = sender.send(request, dueAt, tally).finally(() => underWay.delete(sent));
    underWay.add(sent);
  }
  await Promise.all(underWay);
  return sentAll;
}

/**
 * Loads an engine and measures what its users would see. In an open loop requests are sent at their times, whatever is still under way, and
 * latencies count from the moment a request was due, so that a slow answer cannot hide that others had to wait for it (coordinated
 * omission, Gil Tene 2013, https://www.infoq.com/presentations/latency-response-time/). A request that fails is counted, in no latency, and
 * never good. Memory is bounded: latencies are exact up to 262,144 requests and as many gaps between tokens, then sampled.
 *
 * An engine that takes fewer requests at once than the load keeps under way (`concurrency` of an HTTP engine) queues them: that is part of TTFT.
 * Rejects with ConfigError (a trace that does not fit, a request that the engine cannot take) and with the signal's reason, at once; an
 * engine hears of it through its requests' signal.
 */
export async function runLoad(options: LoadOptions, signal?: AbortSignal): Promise<LoadMeasurement> {
  const { engine, arrivals, warmUp, objective, now, maxUnderWay = 4096 } = options;
  const requests = options.requests.slice(warmUp);
  const times = dueTimes(options, requests.length);
  const sender = createSender(options, signal);
  const concurrency = arrivals.kind === 'closed' ? arrivals.concurrency : engine.concurrency;

  const clock = times === null || options.sleep !== undefined ? null : await createPreciseSleep();
  const sleep = options.sleep ?? clock?.sleep;

  async function measure(): Promise<LoadMeasurement> {
    await closedLoop(sender, options.requests.slice(0, warmUp), { concurrency, now, tally: null });
    const startAt = now();
    // The first quarter fills the engine.
    const trendFrom = startAt + (times?.[Math.floor(requests.length / 4)] ?? 0);
    const tally = createLoadTally({ open: times !== null, trendFrom, objective });
    if (times === null || sleep === undefined) {
      await closedLoop(sender, requests, { concurrency, now, tally });
      return tally.measurement();
    }
    const sentAll = await openLoop(sender, requests, { times, startAt, now, sleep, maxUnderWay, tally });
    const measurement = tally.measurement();
    return sentAll ? measurement : { ...measurement, saturated: true };
  }

  const abort = () => sender.stop(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await Promise.race([measure(), sender.ended]);
  } finally {
    signal?.removeEventListener('abort', abort);
    await clock?.close();
  }
}
