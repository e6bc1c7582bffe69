import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest, Generation } from '../engine.ts';
import { EngineError, type EngineErrorKind } from '../errors.ts';
import { withAdaptiveLimit } from './adaptive-limit.ts';

const request: GenerateRequest = { prompt: '?', temperature: 0, topP: 1, topK: 0, maxTokens: 5, stop: [], seed: 0 };
const answer: Generation = {
  text: 'yes',
  finishReason: 'stop',
  usage: { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 },
  timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0, computeMs: 0, totalMs: 0 },
  cached: false,
  retries: 0,
};

const now = () => performance.now();

/** A server that takes 2 ms and refuses what goes beyond `capacity` requests at once. */
function server(options: { concurrency: number; capacity?: number; refusal?: Error }) {
  const {
    concurrency,
    capacity = Number.POSITIVE_INFINITY,
    refusal = new EngineError('rate-limited', 'busy'),
  } = options;
  const seen = { inFlight: 0, most: 0, refused: 0, answered: 0 };
  const engine: Engine = {
    name: 'server',
    fingerprint: 'f',
    modelDigest: 'd',
    settings: {},
    concurrency,
    async generate() {
      seen.inFlight++;
      seen.most = Math.max(seen.most, seen.inFlight);
      const fits = seen.inFlight <= capacity;
      // A refusal comes at once.
      await (fits ? sleep(2) : new Promise(setImmediate));
      seen.inFlight--;
      if (!fits) seen.refused++;
      if (!fits) throw refusal;
      seen.answered++;
      return answer;
    },
    close: async () => {},
  };
  return { engine, seen };
}

const tryTimes = (engine: Engine, count: number) =>
  Promise.allSettled(Array.from({ length: count }, () => engine.generate(request)));

describe('withAdaptiveLimit', () => {
  it('keeps as many in flight as the engine wishes, and never more', async () => {
    const { engine, seen } = server({ concurrency: 5 });
    await tryTimes(withAdaptiveLimit(engine, now), 50);
    expect(seen).toMatchObject({ most: 5, answered: 50 });
  });

  it('counts waiting for a turn as queued', async () => {
    let elapsedMs = 0;
    const { engine } = server({ concurrency: 1 });
    const slow = async () => {
      elapsedMs += 100;
      return answer;
    };
    const limited = withAdaptiveLimit({ ...engine, generate: slow }, () => elapsedMs);
    const [first, second] = await Promise.all([limited.generate(request), limited.generate(request)]);
    expect(first?.timing).toMatchObject({ queuedMs: 0, totalMs: 0 });
    expect(second?.timing).toMatchObject({ queuedMs: 100, totalMs: 100 });
  });

  it('halves once for a burst of refusals, then grows by one a round', async () => {
    const { engine } = server({ concurrency: 16, capacity: 8 });
    const limits: number[] = [];
    const limited = withAdaptiveLimit(engine, now, { onLimit: (limit) => limits.push(limit) });
    await tryTimes(limited, 16);
    expect(limits).toEqual([8]);
    engine.generate = server({ concurrency: 16 }).engine.generate;
    await tryTimes(limited, 16);
    expect(limits).toEqual([8, 9]);
  });

  it('finds the capacity of a server: few refusals, and most of the capacity used', async () => {
    const { engine, seen } = server({ concurrency: 64, capacity: 10 });
    await tryTimes(withAdaptiveLimit(engine, now), 1000);
    // Without a limit that adapts, all but a few tens of them are refused.
    expect(seen.refused).toBeLessThan(250);
    expect(seen.answered).toBeGreaterThan(750);
  });

  it('never goes below one, and comes back', async () => {
    const { engine } = server({ concurrency: 4, capacity: 0 });
    const limits: number[] = [];
    const limited = withAdaptiveLimit(engine, now, { onLimit: (limit) => limits.push(limit) });
    await tryTimes(limited, 16);
    expect(limits.at(-1)).toBe(1);
    const healthy = server({ concurrency: 4 }).engine;
    engine.generate = healthy.generate;
    await tryTimes(limited, 40);
    expect(limits.at(-1)).toBe(4);
  });

  it.each([
    ['timeout', undefined, true],
    ['server-error', 0, true],
    ['server-error', undefined, false],
    ['bad-request', undefined, false],
  ] as [EngineErrorKind, number | undefined, boolean][])(
    'takes %s (Retry-After %s) for an overload: %s',
    async (kind, retryAfterMs, overload) => {
      const refusal = new EngineError(kind, 'x', retryAfterMs === undefined ? {} : { retryAfterMs });
      const { engine } = server({ concurrency: 8, capacity: 0, refusal });
      const limits: number[] = [];
      await tryTimes(withAdaptiveLimit(engine, now, { onLimit: (limit) => limits.push(limit) }), 8);
      expect(limits).toEqual(overload ? [4] : []);
    },
  );

  it('lets a caller leave the queue', async () => {
    const { engine, seen } = server({ concurrency: 1 });
    const limited = withAdaptiveLimit(engine, now);
    const controller = new AbortController();
    const first = limited.generate(request);
    const second = limited.generate({ ...request, signal: controller.signal });
    const third = limited.generate(request);
    controller.abort();
    await expect(second).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(limited.generate({ ...request, signal: controller.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    await Promise.all([first, third]);
    expect(seen.answered).toBe(2);
  });
});
