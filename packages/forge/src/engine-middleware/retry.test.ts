import { describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest, Generation } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { withRetry } from './retry.ts';

const request: GenerateRequest = { prompt: '?', temperature: 0, topP: 1, topK: 0, maxTokens: 5, stop: [], seed: 0 };
const answer: Generation = {
  text: 'yes',
  finishReason: 'stop',
  usage: { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 },
  timing: { queuedMs: 1, prefillMs: 0, decodeMs: 2, computeMs: 0, totalMs: 3 },
  cached: false,
  retries: 0,
};
const busy = (retryAfterMs?: number) =>
  new EngineError('rate-limited', 'busy', { retryable: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });

/** An engine that fails with these errors, one a request, and then answers. */
function failing(errors: readonly Error[], more: Partial<Engine> = {}): Engine & { attempts(): number } {
  let attempts = 0;
  const next = async <T>(result: T) => {
    const error = errors[attempts++];
    if (error !== undefined) throw error;
    return result;
  };
  return {
    name: 'failing',
    fingerprint: 'f',
    modelDigest: 'd',
    settings: {},
    concurrency: 1,
    generate: () => next(answer),
    score: () => next({ tokens: ['a'], logprobs: [-1], total: -1 }),
    stats: () => ({
      requests: attempts,
      failures: 0,
      retries: 0,
      promptTokens: 0,
      cachedPromptTokens: 0,
      completionTokens: 0,
    }),
    close: async () => {},
    attempts: () => attempts,
    ...more,
  };
}

describe('withRetry', () => {
  it('tries again after retryable failures, and says how often and what the wait was', async () => {
    const engine = withRetry(failing([busy(), busy()]), { random: () => 1, baseDelayMs: 10 });
    const started = performance.now();
    const generation = await engine.generate(request);
    const waited = performance.now() - started;
    expect(generation).toMatchObject({ text: 'yes', retries: 2 });
    // 10 ms, then 20 ms; timers are whole milliseconds.
    expect(waited).toBeGreaterThanOrEqual(28);
    expect(generation.timing.totalMs - 3).toBeGreaterThanOrEqual(28);
    expect(generation.timing.queuedMs - 1).toBeCloseTo(generation.timing.totalMs - 3, 6);
    expect(engine.stats?.().retries).toBe(2);
  });

  it('spreads the waits by the random numbers that it is given', async () => {
    const engine = withRetry(failing([busy(), busy(), busy()]), { random: () => 0, baseDelayMs: 60_000 });
    expect((await engine.generate(request)).retries).toBe(3);
  });

  it('waits at least as long as the server asks, up to a bound', async () => {
    const wait = async (asked: number, maxRetryAfterMs: number) => {
      const started = performance.now();
      await withRetry(failing([busy(asked)]), { random: () => 0, maxRetryAfterMs }).generate(request);
      return performance.now() - started;
    };
    expect(await wait(40, 1000)).toBeGreaterThanOrEqual(38);
    expect(await wait(3_600_000, 20)).toBeLessThan(1000);
  });

  it('gives up with the last error', async () => {
    const last = new EngineError('timeout', 'the last one', { retryable: true });
    const engine = failing([busy(), busy(), last]);
    const error = await withRetry(engine, { random: () => 0, maxRetries: 2 })
      .generate(request)
      .catch((one) => one);
    expect(error).toBe(last);
    expect(engine.attempts()).toBe(3);
  });

  it('does what the engine itself wishes where nothing else is said', async () => {
    const engine = failing([busy(), busy()], { maxRetries: 1 });
    await expect(withRetry(engine, { random: () => 0 }).generate(request)).rejects.toThrow('busy');
    expect(engine.attempts()).toBe(2);
  });

  it.each([new EngineError('bad-request', 'no'), new TypeError('a bug')])(
    'does not repeat what cannot help: %s',
    async (error) => {
      const engine = failing([error]);
      await expect(withRetry(engine, { random: () => 0 }).generate(request)).rejects.toBe(error);
      expect(engine.attempts()).toBe(1);
    },
  );

  it('stops waiting when the caller cancels', async () => {
    const controller = new AbortController();
    const engine = failing([busy(60_000)]);
    const outcome = withRetry(engine, { random: () => 0 }).generate({ ...request, signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(outcome).rejects.toMatchObject({ kind: 'cancelled' });
    expect(engine.attempts()).toBe(1);
  });

  it('repeats scoring too', async () => {
    const engine = withRetry(failing([busy()]), { random: () => 0 });
    expect((await engine.score?.({ prompt: 'a', continuation: 'b' }))?.total).toBe(-1);
  });
});
