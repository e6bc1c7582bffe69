import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest, Generation } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type ResponseCache, withCache } from './cache.ts';

const request = (changed: Partial<GenerateRequest> = {}): GenerateRequest => {
  return { prompt: 'Why?', temperature: 0, topP: 1, topK: 0, maxTokens: 5, stop: [], seed: 0, ...changed };
};

/** An engine that numbers its answers. */
function numbering(more: Partial<Engine> = {}, latencyMs = 1) {
  let calls = 0;
  const engine: Engine = {
    name: 'numbering',
    fingerprint: 'f',
    modelDigest: 'd',
    settings: {},
    concurrency: 1000,
    async generate({ signal }): Promise<Generation> {
      const number = ++calls;
      await sleep(latencyMs, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw new EngineError('cancelled', 'cancelled');
      });
      const timing = { queuedMs: 1, prefillMs: 2, decodeMs: 3, computeMs: 4, totalMs: 6 };
      const usage = { promptTokens: 7, completionTokens: 8, cachedPromptTokens: 0 };
      return { text: `${number}`, finishReason: 'stop', usage, timing, cached: false, retries: 1 };
    },
    close: async () => {},
    ...more,
  };
  return { engine, calls: () => calls };
}

/** A store's cache in memory, as JSON, with the sizes of the calls that it got. */
function memory() {
  const rows = new Map<string, string>();
  const reads: number[] = [];
  const writes: number[] = [];
  const cache: ResponseCache = {
    async getResponses(keys) {
      reads.push(keys.length);
      await sleep(1);
      return new Map(keys.flatMap((key) => (rows.has(key) ? [[key, JSON.parse(rows.get(key) as string)]] : [])));
    },
    async putResponses(entries) {
      writes.push(entries.length);
      await sleep(1);
      for (const { key, generation } of entries) rows.set(key, JSON.stringify(generation));
    },
  };
  return { rows, reads, writes, cache };
}

describe('withCache', () => {
  it('answers a repeat with the original usage and timing, marked as cached', async () => {
    const { engine, calls } = numbering();
    const { cache } = memory();
    const first = withCache(engine, cache);
    const original = await first.generate(request());
    await first.close();
    const repeat = await withCache(engine, cache).generate(request());
    expect(original).toMatchObject({ cached: false, retries: 1 });
    expect(repeat).toEqual({ ...original, cached: true, retries: 0 });
    expect(calls()).toBe(1);
  });

  it('knows an answer that is not stored yet', async () => {
    const { engine, calls } = numbering();
    const { cache } = memory();
    const slow = withCache(engine, { ...cache, putResponses: () => sleep(50) });
    await slow.generate(request());
    expect(await slow.generate(request())).toMatchObject({ text: '1', cached: true });
    expect(calls()).toBe(1);
  });

  it('tells requests apart by everything that can change the answer, and by nothing else', async () => {
    const { engine, calls } = numbering();
    const { cache } = memory();
    const sampled = { temperature: 0.5 };
    const different: Partial<GenerateRequest>[] = [
      {},
      { prompt: 'Why not?' },
      { maxTokens: 6 },
      { stop: ['x'] },
      sampled,
      { ...sampled, seed: 1 },
      { ...sampled, topP: 0.9 },
      { ...sampled, topK: 3 },
    ];
    const cached = withCache(engine, cache);
    for (const one of different) expect((await cached.generate(request(one))).cached).toBe(false);
    expect((await withCache({ ...engine, fingerprint: 'other' }, cache).generate(request())).cached).toBe(false);
    const same = [{ seed: 99 }, { signal: new AbortController().signal }, ...different];
    for (const one of same) expect((await cached.generate(request(one))).cached).toBe(true);
    expect(calls()).toBe(different.length + 1);
  });

  it('makes identical requests that are in flight together once', async () => {
    const { engine, calls } = numbering();
    const cached = withCache(engine, memory().cache);
    const all = await Promise.all(Array.from({ length: 5 }, () => cached.generate(request())));
    expect(calls()).toBe(1);
    expect(all.map((one) => one.cached)).toEqual([false, true, true, true, true]);
    expect(new Set(all.map((one) => one.text))).toEqual(new Set(['1']));
  });

  it('looks many up in one call, and stores them in few', async () => {
    const { engine } = numbering();
    const { cache, reads, writes } = memory();
    const cached = withCache(engine, cache);
    await Promise.all(Array.from({ length: 300 }, (_, i) => cached.generate(request({ prompt: `${i}` }))));
    await cached.close();
    expect(reads).toEqual([300]);
    expect(writes.reduce((sum, size) => sum + size, 0)).toBe(300);
    expect(writes.length).toBeLessThan(30);
    await Promise.all(Array.from({ length: 1200 }, (_, i) => cached.generate(request({ prompt: `${i}` }))));
    expect(reads).toEqual([300, 500, 500, 200]);
  });

  it('lets requests go out beside their lookups after many misses; a hit wins all the same', async () => {
    const { engine, calls } = numbering();
    const { cache } = memory();
    const early = withCache(engine, cache);
    const known = await early.generate(request({ prompt: 'known' }));
    await early.close();

    let lookupsWaitForCalls = 0;
    const eager = withCache(engine, {
      ...cache,
      async getResponses(keys) {
        while (calls() < lookupsWaitForCalls) await sleep(1);
        return cache.getResponses(keys);
      },
    });
    const misses = (from: number) =>
      Promise.all(Array.from({ length: 300 }, (_, i) => eager.generate(request({ prompt: `${from + i}` }))));
    await misses(0);
    lookupsWaitForCalls = 601;
    await misses(1000);
    expect(calls()).toBe(601);
    lookupsWaitForCalls = 602;
    expect(await eager.generate(request({ prompt: 'known' }))).toEqual({ ...known, cached: true, retries: 0 });
    expect(calls()).toBe(602);
    // After the hit, lookups come first again.
    await eager.generate(request({ prompt: 'known' }));
    expect(calls()).toBe(602);
  });

  it('cancels a request that is made beside its lookup, and passes its failure on', async () => {
    const { engine } = numbering({}, 5);
    const cached = withCache({ ...engine, generate: (one) => engine.generate(one) }, memory().cache);
    await Promise.all(Array.from({ length: 256 }, (_, i) => cached.generate(request({ prompt: `${i}` }))));
    const controller = new AbortController();
    const leaving = cached.generate(request({ prompt: 'x', signal: controller.signal }));
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ kind: 'cancelled' });
    engine.generate = () => Promise.reject(new EngineError('timeout', 'late'));
    await expect(cached.generate(request({ prompt: 'y' }))).rejects.toThrow('late');
  });

  it('keeps no failure', async () => {
    const { engine, calls } = numbering();
    let fail = true;
    const { cache, rows } = memory();
    const flaky = withCache(
      {
        ...engine,
        generate: (one) => (fail ? Promise.reject(new EngineError('timeout', 'late')) : engine.generate(one)),
      },
      cache,
    );
    const both = await Promise.allSettled([flaky.generate(request()), flaky.generate(request())]);
    expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    expect(rows.size).toBe(0);
    fail = false;
    expect((await flaky.generate(request())).cached).toBe(false);
    expect(calls()).toBe(1);
  });

  it.each(['null', '{}', '{"text":3}', '{"text":"x","finishReason":"stop"}', '[]'])(
    'takes the broken row %s for a miss',
    async (row) => {
      const { engine, calls } = numbering();
      const { cache, rows } = memory();
      const cached = withCache(engine, cache);
      await cached.generate(request());
      await cached.close();
      for (const key of rows.keys()) rows.set(key, row);
      expect(await withCache(engine, cache).generate(request())).toMatchObject({ text: '2', cached: false });
      expect(calls()).toBe(2);
    },
  );

  it('goes on without a cache that cannot be read or written', async () => {
    const broken = () => Promise.reject(new Error('disk full'));
    const cached = withCache(numbering().engine, { getResponses: broken, putResponses: broken });
    expect((await cached.generate(request())).text).toBe('1');
    await cached.close();
  });

  it('cancels one of two identical requests without the other', async () => {
    const { engine, calls } = numbering({}, 20);
    const cached = withCache(engine, memory().cache);
    const [a, b, c] = [new AbortController(), new AbortController(), new AbortController()];
    const leader = cached.generate(request({ signal: a.signal }));
    const leaves = cached.generate(request({ signal: b.signal }));
    const stays = cached.generate(request({ signal: c.signal }));
    await sleep(5);
    b.abort();
    await expect(leaves).rejects.toMatchObject({ kind: 'cancelled' });
    a.abort();
    await expect(leader).rejects.toMatchObject({ kind: 'cancelled' });
    expect((await stays).text).toBe('2');
    expect(calls()).toBe(2);
  });
});
