import type {
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import type { GenerateRequest } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import type { Lockstep } from './lockstep.ts';
import { createPrefixCache, noPrefixCache, type PrefixCache, type Slot } from './prefix-cache.ts';
import { type ModelGeneration, monotonicMs } from './protocol.ts';
import type { StateFolder } from './state-folder.ts';
import { createStateStore } from './state-store.ts';
import { createTextBuffer } from './text-buffer.ts';
import { createWaitingLine } from './waiting-line.ts';

/** One request with its prompt as tokens. */
export interface Job {
  readonly request: Omit<GenerateRequest, 'signal' | 'onText'>;
  /** Told the text as it comes. */
  readonly onText?: (piece: string, tokens: readonly Token[]) => void;
  readonly prompt: readonly Token[];
  /** Only for this request: it remembers what was written. */
  grammar: LlamaGrammarEvaluationState | undefined;
  cancelled: boolean;
}

interface Waiting {
  readonly job: Job;
  readonly prompt: readonly Token[];
  readonly arrivedMs: number;
  readonly outcome: PromiseWithResolvers<ModelGeneration>;
}

const cancelled = () => new EngineError('cancelled', 'cancelled by the caller');

/** A call's share of the time in which the engine is busy: the integral of dt / active over the call. */
function createShares() {
  let active = 0;
  let share = 0;
  let lastChangeMs = performance.now();
  return (by: 1 | -1): number => {
    const now = performance.now();
    if (active > 0) share += (now - lastChangeMs) / active;
    lastChangeMs = now;
    active += by;
    return share;
  };
}

function prefixCacheFor(slots: readonly Slot[], states: StateFolder | null, changed: () => void): PrefixCache {
  if (states === null) return noPrefixCache;
  if (slots[0]?.sequence.needsCheckpoints === true) return createPrefixCache(undefined, changed);
  const store = createStateStore(states, (state) => cache.forget(state));
  const cache = createPrefixCache(store, changed);
  return cache;
}

/**
 * Continuous batching: each request runs on a sequence of its own, all sequences of a step are decoded together, and a request
 * starts as soon as a sequence is free. It gets the free sequence for which the least has to be prefilled. `states`: where the prefix
 * cache may keep states; null = each request starts from an empty sequence. With one sequence as well, an answer cannot depend on what
 * ran before or beside it.
 */
export function createScheduler(
  model: LlamaModel,
  context: LlamaContext,
  options: { states: StateFolder | null; lockstep: Lockstep },
) {
  const { lockstep } = options;
  const slots: readonly Slot[] = Array.from({ length: context.totalSequences }, () => {
    return { sequence: context.getSequence(), tokens: [], session: undefined, saving: undefined };
  });
  /** The one that is free for the longest time first. */
  const free = [...slots];
  const cache = prefixCacheFor(slots, options.states, startNext);
  const line = createWaitingLine<Waiting>(cache.cachedLength);
  /** Scorings that wait for a sequence: they go first, as they keep it only for a moment. */
  const scorings: ((slot: Slot) => void)[] = [];
  const changeActive = createShares();

  function takeSlot(prompt: readonly Token[], session: string | undefined): Slot {
    let best = 0;
    let leastCost = Number.POSITIVE_INFINITY;
    for (const [i, slot] of free.entries()) {
      const cost = cache.cost(slot, prompt, session);
      if (cost < leastCost) [best, leastCost] = [i, cost];
    }
    return free.splice(best, 1)[0] as Slot;
  }

  function giveBack(slot: Slot, tokens: readonly Token[]): void {
    free.push(slot);
    cache.holds(slot, tokens.slice(0, slot.sequence.nextTokenIndex));
    startNext();
  }

  async function run(slot: Slot, { job, arrivedMs }: Waiting): Promise<ModelGeneration> {
    const { request, prompt } = job;
    const startedMs = performance.now();
    const shareBefore = changeActive(1);
    const generated: Token[] = [];
    const tokenMs: number[] = [];
    let told = 0;
    try {
      const reused = await cache.prepare(slot, prompt, request.session);
      const limit = Math.min(request.maxTokens, slot.sequence.contextSize - prompt.length);
      const text = createTextBuffer(
        (tokens, before) => model.detokenize(tokens, false, before),
        prompt.slice(-8),
        request.stop,
      );
      let firstMs = 0;
      let finishReason: 'stop' | 'length' = 'stop';
      const sampling =
        request.temperature === 0
          ? { temperature: 0 }
          : { temperature: request.temperature, topK: request.topK, topP: request.topP, minP: 0, seed: request.seed };
      const grammar = job.grammar === undefined ? {} : { grammarEvaluationState: job.grammar };
      lockstep.asks(slot);
      for await (const token of slot.sequence.evaluate(prompt.slice(reused), { ...sampling, ...grammar })) {
        lockstep.hasToken(slot);
        if (generated.length === 0) {
          firstMs = performance.now();
          cache.holds(slot, prompt);
        }
        if (request.tokenTimes) tokenMs.push(monotonicMs());
        if (job.cancelled) throw cancelled();
        generated.push(token);
        const ended = text.push(token);
        const piece = job.onText === undefined ? '' : text.ready();
        if (piece !== '') {
          job.onText?.(piece, request.tokenIds ? generated.slice(told) : []);
          told = generated.length;
        }
        if (ended) break;
        if (generated.length >= limit) {
          finishReason = 'length';
          break;
        }
        lockstep.asks(slot);
      }
      const endMs = performance.now();
      if (firstMs === 0) firstMs = endMs;
      return {
        text: text.end(),
        finishReason,
        usage: { promptTokens: prompt.length, completionTokens: generated.length, cachedPromptTokens: reused },
        timing: {
          queuedMs: startedMs - arrivedMs,
          prefillMs: firstMs - startedMs,
          decodeMs: endMs - firstMs,
          computeMs: changeActive(-1) - shareBefore,
        },
        ...(request.tokenIds ? { tokens: generated } : {}),
        ...(request.tokenTimes ? { tokenMs } : {}),
      };
    } catch (error) {
      changeActive(-1);
      throw error;
    } finally {
      lockstep.hasToken(slot);
      job.cancelled = true;
      giveBack(slot, [...prompt, ...generated]);
    }
  }

  function startNext(): void {
    for (const { outcome } of line.takeAll(({ job }) => job.cancelled)) outcome.reject(cancelled());
    while (free.length > 0) {
      const scoring = scorings.shift();
      if (scoring !== undefined) {
        scoring(takeSlot([], undefined));
        continue;
      }
      const next = line.take();
      if (next === undefined) return;
      const slot = takeSlot(next.prompt, next.job.request.session);
      run(slot, next).then(next.outcome.resolve, next.outcome.reject);
    }
  }

  return {
    /** Rejects with EngineError where the prompt does not fit. */
    generate(job: Job): Promise<ModelGeneration> {
      const { prompt } = job;
      const size = context.contextSize;
      if (prompt.length === 0) return Promise.reject(new EngineError('bad-request', 'the prompt has no tokens'));
      if (prompt.length >= size) {
        return Promise.reject(
          new EngineError(
            'context-overflow',
            `the prompt has ${prompt.length} tokens, the context ${size}: raise contextSize or shorten the prompt`,
          ),
        );
      }
      const outcome = Promise.withResolvers<ModelGeneration>();
      line.push({ job, prompt, arrivedMs: performance.now(), outcome });
      startNext();
      return outcome.promise;
    },
    /** Takes a sequence for itself, for scoring; it is empty before and after. */
    async exclusive<T>(use: (sequence: LlamaContextSequence) => Promise<T>): Promise<T> {
      const slot = await new Promise<Slot>((resolve) => {
        scorings.push(resolve);
        startNext();
      });
      try {
        await cache.prepare(slot, [], undefined);
        return await use(slot.sequence);
      } finally {
        await slot.sequence.clearHistory();
        giveBack(slot, []);
      }
    },
    cancel(job: Job): void {
      job.cancelled = true;
      startNext();
    },
    release(session: string): void {
      for (const slot of slots) if (slot.session === session) slot.session = undefined;
    },
    drop(): void {
      for (const { outcome } of line.takeAll(() => true))
        outcome.reject(new EngineError('cancelled', 'the engine was closed'));
    },
  };
}
