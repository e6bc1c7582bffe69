import type { Engine } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { delayedBy, wrapEngine } from './wrap-engine.ts';

export interface AdaptiveLimitOptions {
  /** What an overload leaves of the limit. Default 0.5. */
  readonly backoffRatio?: number;
  /** Told of every new limit. */
  onLimit?(limit: number): void;
}

/** Signs that the server has too much to do: 429, no answer in time, and 503 (which carries a Retry-After, of 0 if need be). */
function isOverload(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  const { kind, retryAfterMs } = error;
  return kind === 'rate-limited' || kind === 'timeout' || (kind === 'server-error' && retryAfterMs !== undefined);
}

interface Slots {
  /** Resolves when the caller may start; rejects with `cancelled`. */
  take(signal: AbortSignal | undefined): Promise<void>;
  /** Gives the slot back; a success widens the limit where at least half of it was in use. */
  release(outcome: 'success' | 'failure' | 'overload', startedAt: number): void;
}

/**
 * The limit moves as TCP's window does (additive increase, multiplicative decrease; Chiu & Jain 1989): one more after each
 * limit's worth of successes, half after an overload. Failures of requests that started before the last cut say nothing new.
 */
function createSlots(max: number, options: AdaptiveLimitOptions, now: () => number): Slots {
  const { backoffRatio = 0.5, onLimit = () => {} } = options;
  const queue = new Set<() => void>();
  let limit = max;
  let taken = 0;
  let cutAt = Number.NEGATIVE_INFINITY;

  function startWaiting(): void {
    for (const start of queue) {
      if (taken >= Math.floor(limit)) return;
      queue.delete(start);
      taken++;
      start();
    }
  }

  function adapt(outcome: 'success' | 'failure' | 'overload', startedAt: number): void {
    const before = limit;
    if (outcome === 'overload' && startedAt >= cutAt) {
      limit = Math.max(1, limit * backoffRatio);
      cutAt = now();
    } else if (outcome === 'success' && taken * 2 >= limit) {
      limit = Math.min(max, limit + 1 / limit);
    }
    if (Math.floor(limit) !== Math.floor(before)) onLimit(Math.floor(limit));
  }

  return {
    take(signal) {
      if (queue.size === 0 && taken < Math.floor(limit)) {
        taken++;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const cancel = () => {
          queue.delete(start);
          reject(new EngineError('cancelled', 'cancelled while it waited for its turn'));
        };
        const start = () => {
          signal?.removeEventListener('abort', cancel);
          resolve();
        };
        if (signal?.aborted) return cancel();
        signal?.addEventListener('abort', cancel, { once: true });
        queue.add(start);
      });
    },
    release(outcome, startedAt) {
      adapt(outcome, startedAt);
      taken--;
      startWaiting();
    },
  };
}

/**
 * Keeps between 1 and `engine.concurrency` requests in flight, fewer where the server shows that it has too much to do.
 * `now`: ms from any fixed moment, never backwards.
 */
export function withAdaptiveLimit(engine: Engine, now: () => number, options: AdaptiveLimitOptions = {}): Engine {
  const slots = createSlots(Math.max(1, engine.concurrency), options, now);

  async function inTurn<Result>(call: () => Promise<Result>, signal: AbortSignal | undefined) {
    const asked = now();
    await slots.take(signal);
    const started = now();
    try {
      const result = await call();
      slots.release('success', started);
      return { result, waitedMs: started - asked };
    } catch (error) {
      slots.release(isOverload(error) ? 'overload' : 'failure', started);
      throw error;
    }
  }

  const { score } = engine;
  return wrapEngine(engine, {
    async generate(request) {
      const { result, waitedMs } = await inTurn(() => engine.generate(request), request.signal);
      return delayedBy(waitedMs, result);
    },
    ...(score && {
      score: async (request) => (await inTurn(() => score.call(engine, request), request.signal)).result,
    }),
  });
}
