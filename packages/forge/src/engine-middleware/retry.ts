import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { delayedBy, wrapEngine } from './wrap-engine.ts';

export interface RetryOptions {
  /** Uniform in [0, 1): spreads the retries of requests that failed together. */
  random(): number;
  /** Retries after the first attempt. Default: the engine's own `maxRetries`, else 5. */
  readonly maxRetries?: number;
  /** The nth retry waits a random part of `baseDelayMs * 2^n`, at most `maxDelayMs`. Defaults 500 and 20,000. */
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** No Retry-After is obeyed for longer than this. Default 60,000. */
  readonly maxRetryAfterMs?: number;
  /** ms from any fixed moment. */
  now?(): number;
}

/**
 * Repeats requests that failed with a retryable EngineError: exponential backoff with full jitter (M. Brooker, "Exponential
 * Backoff and Jitter", AWS Architecture Blog, 2015); a server's Retry-After is the least wait. Gives up with the last error.
 */
export function withRetry(engine: Engine, options: RetryOptions): Engine {
  const { random, baseDelayMs = 500, maxDelayMs = 20_000, maxRetryAfterMs = 60_000 } = options;
  const now = options.now ?? (() => performance.now());
  const maxRetries = options.maxRetries ?? engine.maxRetries ?? 5;
  let retries = 0;

  async function wait(error: EngineError, failures: number, signal: AbortSignal | undefined): Promise<void> {
    const asked = Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs);
    const backoff = random() * Math.min(baseDelayMs * 2 ** (failures - 1), maxDelayMs);
    try {
      await sleep(asked + backoff, undefined, signal === undefined ? {} : { signal });
    } catch {
      throw new EngineError('cancelled', 'cancelled while it waited to try again', { cause: error });
    }
  }

  async function attempt<Result>(call: () => Promise<Result>, signal: AbortSignal | undefined) {
    const started = now();
    for (let failures = 0; ; ) {
      const waitedMs = now() - started;
      try {
        return { result: await call(), failures, waitedMs };
      } catch (error) {
        const hopeless = !(error instanceof EngineError && error.retryable) || failures >= maxRetries;
        if (hopeless || signal?.aborted) throw error;
        failures++;
        retries++;
        await wait(error, failures, signal);
      }
    }
  }

  const { score, stats } = engine;
  return wrapEngine(engine, {
    async generate(request) {
      const { result, failures, waitedMs } = await attempt(() => engine.generate(request), request.signal);
      return failures === 0 ? result : { ...delayedBy(waitedMs, result), retries: result.retries + failures };
    },
    ...(score && {
      score: async (request) => (await attempt(() => score.call(engine, request), request.signal)).result,
    }),
    ...(stats && {
      stats() {
        const inner = stats.call(engine);
        return { ...inner, retries: inner.retries + retries };
      },
    }),
  });
}
