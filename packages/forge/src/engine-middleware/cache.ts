import { z } from 'zod';
import type { Engine, GenerateRequest, Generation } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import type { Store } from '../store.ts';
import { wrapEngine } from './wrap-engine.ts';

export type ResponseCache = Pick<Store, 'getResponses' | 'putResponses'>;

const amount = z.number().nonnegative();
const storedGeneration = z.object({
  text: z.string(),
  toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })).exactOptional(),
  finishReason: z.enum(['stop', 'length']),
  usage: z.object({ promptTokens: amount, completionTokens: amount, cachedPromptTokens: amount }),
  timing: z.object({ queuedMs: amount, prefillMs: amount, decodeMs: amount, computeMs: amount, totalMs: amount }),
});

/** Lookups or answers that go to the store in one call. */
const batchSize = 500;
/** After so many misses in a row the next lookup is hardly a hit: requests then no longer wait for it. */
const missesUntilEager = 256;
/** Answers that may wait to be stored before callers have to wait for the store. */
const maxUnwritten = 2000;

/** sha256 over everything that can change the answer. Greedy decoding draws nothing, so its seed is left out. */
function keyOf(fingerprint: string, request: GenerateRequest): string {
  const { prompt, temperature, topP, topK, maxTokens, stop, seed, conversation, grammar, promptTokens } = request;
  // Only where they are given: keys of before stay as they were.
  const further = [conversation, grammar, promptTokens].some((one) => one !== undefined)
    ? [conversation ?? null, grammar ?? null, ...(promptTokens === undefined ? [] : [promptTokens])]
    : [];
  const drawn = temperature === 0 ? null : seed;
  return contentHash([fingerprint, prompt, temperature, topP, topK, maxTokens, stop, drawn, ...further]);
}

/** Gathers what is asked for until the event loop has turned, and looks it up in as few calls as can be. */
function createReader(cache: ResponseCache): (key: string) => Promise<Generation | undefined> {
  interface Lookup {
    readonly key: string;
    readonly found: PromiseWithResolvers<unknown>;
  }
  let waiting: Lookup[] = [];

  async function read(batch: readonly Lookup[]): Promise<void> {
    // A cache that cannot be read is no reason to fail: the answer is made again.
    const rows = await cache.getResponses(batch.map(({ key }) => key)).catch(() => new Map<string, unknown>());
    for (const { key, found } of batch) found.resolve(rows.get(key));
  }

  function flush(): void {
    const all = waiting;
    waiting = [];
    for (let at = 0; at < all.length; at += batchSize) void read(all.slice(at, at + batchSize));
  }

  return async (key) => {
    if (waiting.length === 0) setImmediate(flush);
    const found = Promise.withResolvers<unknown>();
    waiting.push({ key, found });
    const parsed = storedGeneration.safeParse(await found.promise);
    return parsed.success ? { ...parsed.data, cached: true, retries: 0 } : undefined;
  };
}

/** Stores answers in batches, one batch at a time, behind the callers' backs. */
function createWriter(cache: ResponseCache) {
  const unwritten = new Map<string, Generation>();
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    // What this turn of the event loop adds goes together.
    await new Promise(setImmediate);
    while (unwritten.size > 0) {
      const batch = [...unwritten].slice(0, batchSize).map(([key, generation]) => ({ key, generation }));
      // An answer that cannot be kept is still an answer; a store that is really broken fails the run when it stores results.
      await cache.putResponses(batch).catch(() => {});
      for (const { key } of batch) unwritten.delete(key);
    }
    writing = undefined;
  }

  return {
    /** An answer that is not stored yet. */
    get: (key: string) => unwritten.get(key),
    async add(key: string, generation: Generation): Promise<void> {
      unwritten.set(key, generation);
      writing ??= write();
      if (unwritten.size > maxUnwritten) await writing;
    },
    async drained(): Promise<void> {
      await writing;
    },
  };
}

function cancelled<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<T>();
  const abort = () => reject(new EngineError('cancelled', 'cancelled'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

/**
 * Makes a request while its lookup is under way. A hit wins, however late it comes, and the request is given up. On a fresh
 * run the store is busy with results: waiting for each lookup would cost a fifth of the throughput.
 */
async function makeUnlessFound(
  engine: Engine,
  request: GenerateRequest,
  lookup: Promise<Generation | undefined>,
): Promise<{ hit: Generation } | { made: Generation }> {
  const giveUp = new AbortController();
  const forward = () => giveUp.abort();
  if (request.signal?.aborted) forward();
  request.signal?.addEventListener('abort', forward, { once: true });
  const making = engine.generate({ ...request, signal: giveUp.signal });
  // Whatever comes of it is asked below; it may fail before that.
  making.catch(() => {});
  try {
    const hit = await (request.signal === undefined ? lookup : cancelled(request.signal, lookup));
    if (hit === undefined) return { made: await making };
    giveUp.abort();
    return { hit };
  } finally {
    request.signal?.removeEventListener('abort', forward);
  }
}

/**
 * Answers from the response cache where it can: a hit has `cached: true` and the usage and timing of the original call.
 * Identical requests that are in flight together are made once; all but the first then count as cached. Failed requests are
 * never kept. A row that is not a generation is a miss.
 */
export function withCache(engine: Engine, cache: ResponseCache): Engine {
  const read = createReader(cache);
  const writer = createWriter(cache);
  const inFlight = new Map<string, Promise<Generation>>();

  let missesInARow = 0;

  async function lookUp(key: string): Promise<Generation | undefined> {
    const unwritten = writer.get(key);
    const hit = unwritten === undefined ? await read(key) : { ...unwritten, cached: true, retries: 0 };
    missesInARow = hit === undefined ? missesInARow + 1 : 0;
    return hit;
  }

  async function lookUpOrMake(key: string, request: GenerateRequest): Promise<Generation> {
    let generation: Generation;
    if (missesInARow < missesUntilEager) {
      const hit = await lookUp(key);
      if (hit !== undefined) return hit;
      generation = await engine.generate(request);
    } else {
      const outcome = await makeUnlessFound(engine, request, lookUp(key));
      if ('hit' in outcome) return outcome.hit;
      generation = outcome.made;
    }
    await writer.add(key, generation);
    return generation;
  }

  async function follow(leader: Promise<Generation>, request: GenerateRequest): Promise<Generation> {
    try {
      const generation = await (request.signal === undefined ? leader : cancelled(request.signal, leader));
      return { ...generation, cached: true, retries: 0 };
    } catch (error) {
      // The leader was cancelled by its own caller: that is nothing to this one.
      const othersCancel = error instanceof EngineError && error.kind === 'cancelled' && !request.signal?.aborted;
      if (!othersCancel) throw error;
      return generate(request);
    }
  }

  async function generate(request: GenerateRequest): Promise<Generation> {
    const key = keyOf(engine.fingerprint, request);
    const leader = inFlight.get(key);
    if (leader !== undefined) return follow(leader, request);
    const made = lookUpOrMake(key, request).finally(() => inFlight.delete(key));
    inFlight.set(key, made);
    return made;
  }

  return wrapEngine(engine, {
    generate,
    async close() {
      await writer.drained();
      await engine.close();
    },
  });
}
