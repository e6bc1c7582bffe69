import { describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest, Generation } from './engine.ts';
import { definition as openaiCompatible } from './engines/openai-compatible.ts';
import { definition as scripted } from './engines/scripted.ts';
import { ConfigError, EngineError } from './errors.ts';
import { createRandom } from './lib/random.ts';
import type { Arrivals, ServiceObjective } from './load-point.ts';
import { type LoadOptions, runLoad } from './run-load.ts';
import { startOpenAiStub } from './testing/openai-stub-server.ts';
import { createVirtualClock, type VirtualClock } from './testing/virtual-clock.ts';

const request: GenerateRequest = { prompt: '?', temperature: 0, topP: 1, topK: 0, maxTokens: 8, stop: [], seed: 0 };
const requestsOf = (count: number) => Array.from({ length: count }, (_, seed) => ({ ...request, seed }));
const surroundings = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify: () => {} };

interface Service {
  /** Requests at once; others wait, first come first served. */
  readonly servers: number;
  /** ms; by the number of the request, from 0, or an error. */
  serviceMs(number: number): number | Error;
  /** Shares of a request's service after which its tokens come. */
  readonly tokens?: readonly number[];
  readonly generation?: Partial<Generation>;
}

/** A queue in virtual time that sees what it is asked. */
function queueEngine(clock: VirtualClock, { servers, serviceMs, tokens, generation }: Service) {
  const seen = { seeds: [] as number[], sentAt: [] as number[], underWay: 0, most: 0, underWayMs: 0, changedAt: 0 };
  const freeAt = new Array<number>(servers).fill(0);
  const change = (by: 1 | -1) => {
    seen.underWayMs += seen.underWay * (clock.now() - seen.changedAt);
    seen.changedAt = clock.now();
    seen.underWay += by;
    seen.most = Math.max(seen.most, seen.underWay);
  };
  const engine: Engine = {
    name: 'queue',
    fingerprint: 'queue',
    modelDigest: 'queue',
    settings: {},
    concurrency: servers,
    async generate({ seed }) {
      const service = serviceMs(seen.sentAt.length);
      seen.seeds.push(seed);
      seen.sentAt.push(clock.now());
      change(1);
      try {
        const server = freeAt.indexOf(Math.min(...freeAt));
        const queuedMs = Math.max(0, (freeAt[server] as number) - clock.now());
        const busyMs = service instanceof Error ? 0 : service;
        freeAt[server] = clock.now() + queuedMs + busyMs;
        await clock.sleep(queuedMs + busyMs);
        if (service instanceof Error) throw service;
        return {
          text: 'yes',
          finishReason: 'stop',
          usage: { promptTokens: 10, completionTokens: tokens?.length ?? 1, cachedPromptTokens: 4 },
          timing: { queuedMs, prefillMs: busyMs / 4, decodeMs: 0, computeMs: 0, totalMs: queuedMs + busyMs },
          ...(tokens && { tokenMs: tokens.map((share) => queuedMs + share * busyMs) }),
          cached: false,
          retries: 0,
          ...generation,
        };
      } finally {
        change(-1);
      }
    },
    close: async () => {},
  };
  return { engine, seen };
}

interface Load {
  readonly count: number;
  readonly arrivals: Arrivals;
  readonly objective?: ServiceObjective;
  readonly warmUp?: number;
  readonly more?: (clock: VirtualClock) => Partial<LoadOptions>;
}

/** A load in virtual time. */
async function loadQueue(service: Service, { count, arrivals, objective, warmUp = 0, more }: Load) {
  const clock = createVirtualClock();
  const { engine, seen } = queueEngine(clock, service);
  const measured = await runLoad({
    engine,
    requests: requestsOf(warmUp + count),
    warmUp,
    arrivals,
    objective: objective ?? null,
    random: createRandom(1).next,
    now: clock.now,
    sleep: clock.sleep,
    ...more?.(clock),
  });
  return { measured, seen };
}

const poisson = (perSecond: number): Arrivals => ({ kind: 'poisson', perSecond });
const constant = (perSecond: number): Arrivals => ({ kind: 'constant', perSecond });
const closed = (concurrency: number): Arrivals => ({ kind: 'closed', concurrency });

function exponentialService(meanMs: number) {
  const random = createRandom('service');
  return () => -Math.log(1 - random.next()) * meanMs;
}

describe('closed loop', () => {
  it('keeps its concurrency under way, never more', async () => {
    const { measured, seen } = await loadQueue(
      { servers: 64, serviceMs: () => 100 },
      { count: 40, arrivals: closed(8) },
    );
    expect(seen.most).toBe(8);
    expect(measured).toMatchObject({ requests: 40, failed: 0, seconds: 0.5, requestsPerSecond: 80, saturated: false });
    expect(measured.totalMs).toEqual({ mean: 100, p50: 100, p95: 100, p99: 100 });
    expect(measured.lateMs).toBeNull();
  });

  it('counts what an engine queues', async () => {
    const { measured } = await loadQueue({ servers: 1, serviceMs: () => 100 }, { count: 40, arrivals: closed(2) });
    // Beside the first two each waits for one other, then prefills for a quarter of its own time.
    expect(measured.ttftMs?.p50).toBe(125);
    expect(measured.totalMs?.p50).toBe(200);
    expect(measured.requestsPerSecond).toBeCloseTo(10, 10);
  });
});

describe('open loop', () => {
  it('sends on time, in order, although answers are slow', async () => {
    const { measured, seen } = await loadQueue(
      { servers: 1000, serviceMs: () => 5000 },
      { count: 100, arrivals: constant(50) },
    );
    expect(seen.sentAt).toEqual(Array.from({ length: 100 }, (_, i) => i * 20));
    expect(seen.seeds).toEqual(Array.from({ length: 100 }, (_, i) => i));
    // Over before the first answer, and nothing piles up: it keeps up.
    expect(measured).toMatchObject({ requests: 100, saturated: false, lateMs: { mean: 0, p99: 0 } });
    expect(measured.seconds).toBeCloseTo(6.98, 10);
  });

  it('replays a trace', async () => {
    const atMs = [0, 5, 5, 300];
    const { seen } = await loadQueue(
      { servers: 1, serviceMs: () => 1 },
      { count: 4, arrivals: { kind: 'trace', atMs } },
    );
    expect(seen.sentAt).toEqual(atMs);
    const short = loadQueue({ servers: 1, serviceMs: () => 1 }, { count: 5, arrivals: { kind: 'trace', atMs } });
    await expect(short).rejects.toThrow(ConfigError);
    await expect(short).rejects.toThrow('4 times for 5 requests');
  });

  it('draws the same arrivals from the same seed', async () => {
    const sentAt = async (seed: number) => {
      const more = () => ({ random: createRandom(seed).next });
      return (await loadQueue({ servers: 8, serviceMs: () => 1 }, { count: 50, arrivals: poisson(100), more })).seen
        .sentAt;
    };
    expect(await sentAt(7)).toEqual(await sentAt(7));
    expect(await sentAt(7)).not.toEqual(await sentAt(8));
  });

  it('stops at its bound of requests under way and says that it is saturated', async () => {
    const { measured, seen } = await loadQueue(
      { servers: 100, serviceMs: () => 1000 },
      { count: 50, arrivals: constant(100), more: () => ({ maxUnderWay: 8 }) },
    );
    expect(seen.most).toBe(8);
    expect(measured).toMatchObject({ requests: 8, failed: 0, saturated: true });
  });

  it('obeys Little: under way = rate x latency, and the M/M/c queue: latency as Erlang C says', async () => {
    const { measured, seen } = await loadQueue(
      { servers: 4, serviceMs: exponentialService(40) },
      { count: 20_000, arrivals: poisson(75) },
    );
    const { requestsPerSecond, seconds, totalMs } = measured;
    const meanUnderWay = seen.underWayMs / (seconds * 1000);
    expect(meanUnderWay / ((requestsPerSecond * (totalMs?.mean ?? 0)) / 1000)).toBeCloseTo(1, 2);
    // Offered load 3 on 4 servers: Erlang C = (27/8) 4 / (1 + 3 + 9/2 + 9/2 + (27/8) 4) = 0.50943; W = 40 + 0.50943 x 40 / (4 - 3) ms.
    expect(Math.abs((totalMs?.mean ?? 0) / 60.377 - 1)).toBeLessThan(0.05);
  });
});

describe('latencies', () => {
  const service = { servers: 99, serviceMs: () => 50, tokens: [0.4, 0.6, 1] };

  it('come from token times', async () => {
    const { measured } = await loadQueue(service, { count: 10, arrivals: constant(10) });
    expect(measured.ttftMs).toEqual({ mean: 20, p50: 20, p95: 20, p99: 20 });
    expect(measured.tpotMs?.p50).toBe(15);
    expect(measured.interTokenMs).toMatchObject({ mean: 15, p50: 15, p95: 20 });
    expect(measured.cachedPromptShare).toBe(0.4);
    expect(measured.completionTokensPerSecond).toBeCloseTo(30 / measured.seconds, 10);
    expect(measured.promptTokensPerSecond).toBeCloseTo(100 / measured.seconds, 10);
  });

  it('count from when a request was due, not from when a late client sent it', async () => {
    const { measured } = await loadQueue(service, {
      count: 10,
      arrivals: { kind: 'trace', atMs: Array.from({ length: 10 }, (_, i) => 100 * (i + 1)) },
      more: ({ sleep }) => ({ sleep: (ms) => sleep(ms + 7) }),
    });
    expect(measured).toMatchObject({
      lateMs: { p50: 7 },
      ttftMs: { p50: 27 },
      tpotMs: { p50: 15 },
      totalMs: { p50: 57 },
    });
  });

  it('omit nothing while the client itself stands still', async () => {
    const clock = createVirtualClock();
    const { engine } = queueEngine(clock, { servers: 99, serviceMs: () => 2 });
    const blocking: Engine = {
      ...engine,
      generate(asked) {
        if (asked.seed === 50) clock.block(1000);
        return engine.generate(asked);
      },
    };
    const more = () => ({ engine: blocking, now: clock.now, sleep: clock.sleep });
    const load = { count: 300, arrivals: constant(100), objective: { totalMs: 10 }, more };
    const { measured } = await loadQueue(service, load);
    // 100 requests were due while it stood still: they waited for 10 to 1,000 ms, although each was answered in 2 ms.
    expect(measured.totalMs?.p50).toBe(2);
    expect(measured.totalMs?.p99).toBeGreaterThan(950);
    expect(measured.ttftMs?.p99).toBeGreaterThan(950);
    expect(measured.lateMs?.p99).toBeGreaterThan(950);
    expect((measured.goodputPerSecond ?? 0) * measured.seconds).toBeCloseTo(200, 8);
  });

  it('are null where an answer came whole or from the cache', async () => {
    const whole = { timing: { queuedMs: 0, prefillMs: 0, decodeMs: 50, computeMs: 0, totalMs: 50 } };
    for (const generation of [whole, { cached: true }]) {
      const { measured } = await loadQueue(
        { servers: 9, serviceMs: () => 50, generation },
        { count: 5, arrivals: closed(1) },
      );
      expect(measured).toMatchObject({ ttftMs: null, tpotMs: null, interTokenMs: null, totalMs: { p50: 50 } });
    }
  });

  it('are of answers, not of failures, and a ConfigError ends the load', async () => {
    const failing = (number: number) => (number % 4 === 3 ? new EngineError('server-error', 'broke') : 50);
    const load = { count: 40, arrivals: constant(10), objective: { totalMs: 50 } };
    const { measured } = await loadQueue({ servers: 9, serviceMs: failing }, load);
    expect(measured).toMatchObject({ requests: 40, failed: 10, totalMs: { mean: 50 } });
    expect(measured.requestsPerSecond).toBeCloseTo(30 / measured.seconds, 10);
    expect(measured.goodputPerSecond).toBe(measured.requestsPerSecond);
    // Three quarters of what was offered.
    expect(measured.saturated).toBe(true);
    const refusing = () => new ConfigError('topK cannot be sent');
    await expect(loadQueue({ servers: 9, serviceMs: refusing }, load)).rejects.toThrow('topK cannot be sent');
  });
});

describe('goodput', () => {
  it.each([
    [{}, 100],
    [{ totalMs: 100 }, 50],
    [{ ttftMs: 30 }, 50],
    [{ tpotMs: 50 }, 50],
    [{ ttftMs: 40, tpotMs: 79 }, 50],
    [{ ttftMs: 40, tpotMs: 80, totalMs: 200 }, 100],
    [{ totalMs: 99 }, 0],
  ])('of %j is %i of 100', async (objective, good) => {
    // Tokens at 20, 60 and 100 ms; in every second answer at twice that.
    const serviceMs = (number: number) => (number % 2 === 0 ? 100 : 200);
    const service = { servers: 99, serviceMs, tokens: [0.2, 0.6, 1] };
    const { measured } = await loadQueue(service, { count: 100, arrivals: constant(10), objective });
    expect((measured.goodputPerSecond ?? 0) * measured.seconds).toBeCloseTo(good, 8);
  });

  it('is null without an objective', async () => {
    const { measured } = await loadQueue({ servers: 1, serviceMs: () => 1 }, { count: 2, arrivals: closed(1) });
    expect(measured.goodputPerSecond).toBeNull();
  });
});

describe('saturation', () => {
  it.each([
    ['poisson', 0.5, false],
    ['poisson', 0.8, false],
    ['poisson', 1.3, true],
    ['constant', 0.8, false],
    ['constant', 1.2, true],
    ['poisson', 3, true],
  ] as const)('of %s arrivals at %d of the capacity: %s', async (kind, share, saturated) => {
    // 8 servers of 100 ms serve 80 requests a second.
    const service = { servers: 8, serviceMs: exponentialService(100) };
    const { measured } = await loadQueue(service, { count: 600, arrivals: { kind, perSecond: 80 * share } });
    expect(measured.saturated).toBe(saturated);
    if (saturated) expect(Math.abs(measured.requestsPerSecond / 80 - 1)).toBeLessThan(0.1);
  });

  it('of the client counts too', async () => {
    // It takes 12 ms to send what is due every 10 ms.
    const more = ({ sleep }: VirtualClock) => ({ sleep: (ms: number) => sleep(ms + 12) });
    const load = { count: 20, arrivals: constant(100) };
    const service = { servers: 99, serviceMs: () => 1 };
    expect((await loadQueue(service, load)).measured.saturated).toBe(false);
    expect((await loadQueue(service, { ...load, more })).measured.saturated).toBe(true);
  });
});

it('warm-up is sent first and not counted', async () => {
  const serviceMs = (number: number) => (number < 10 ? 1000 : 10);
  const load = { count: 20, warmUp: 10, arrivals: constant(50) };
  const { measured, seen } = await loadQueue({ servers: 4, serviceMs }, load);
  expect(seen.seeds).toEqual(Array.from({ length: 30 }, (_, i) => i));
  expect(seen.sentAt[10]).toBe(3000);
  expect(measured).toMatchObject({ requests: 20, totalMs: { p99: 10 } });
  expect(measured.seconds).toBeCloseTo(0.39, 10);
});

describe('abort', () => {
  const engine = () => scripted.create(scripted.options.parse({ latencyMs: 60_000 }), surroundings);

  it.each([closed(4), constant(1000), constant(0.01)])('ends %j at once', async (arrivals) => {
    const controller = new AbortController();
    const options = { engine: await engine(), requests: requestsOf(2000), warmUp: 0, arrivals, objective: null };
    const load = runLoad({ ...options, random: Math.random, now: () => performance.now() }, controller.signal);
    const startMs = performance.now();
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(load).rejects.toThrow('enough');
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});

it('loads an HTTP server in real time through its engine', async () => {
  const stub = await startOpenAiStub({ latencyMs: 20 });
  const options = openaiCompatible.options.parse({ baseUrl: stub.baseUrl, model: 'stub', concurrency: 64 });
  const engine = await openaiCompatible.create(options, surroundings);
  const measured = await runLoad({
    engine,
    requests: requestsOf(220),
    warmUp: 20,
    arrivals: poisson(200),
    objective: null,
    random: createRandom(5).next,
    now: () => performance.now(),
  });
  await engine.close();
  await stub.close();
  expect(stub.stats.requests).toBe(220);
  expect(measured).toMatchObject({ requests: 200, failed: 0 });
  expect(measured.completionTokensPerSecond).toBeCloseTo((200 * 8) / measured.seconds, 6);
  expect(measured.ttftMs?.p50).toBeGreaterThanOrEqual(20);
  expect(measured.totalMs?.p50).toBeGreaterThanOrEqual(measured.ttftMs?.p50 ?? 0);
});
