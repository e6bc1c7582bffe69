import type {
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import type { GenerateRequest } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import type { ModelGeneration } from './protocol.ts';
import { createTextBuffer } from './text-buffer.ts';

/** One request with its prompt as tokens. */
export interface Job {
  readonly request: Omit<GenerateRequest, 'signal'>;
  readonly prompt: readonly Token[];
  /** Only for this request: it remembers what was written. */
  grammar: LlamaGrammarEvaluationState | undefined;
  cancelled: boolean;
}

interface Slot {
  readonly sequence: LlamaContextSequence;
  /** What the sequence's state holds. */
  tokens: readonly Token[];
  /** Whose next request goes on from here. */
  session: string | undefined;
}

interface Waiting {
  readonly job: Job;
  readonly arrivedMs: number;
  readonly outcome: PromiseWithResolvers<ModelGeneration>;
}

function sharedPrefix(a: readonly Token[], b: readonly Token[]): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

/**
 * Continuous batching: each request runs on a sequence of its own, all sequences of a step are decoded together, and a request
 * starts as soon as a sequence is free. It gets the free sequence for which the least has to be prefilled: what the sequence does
 * not share with its prompt, and what a session that goes on there would lose. `invariant`: one sequence, emptied before each request, so that an
 * answer cannot depend on what ran before or beside it.
 */
export function createScheduler(model: LlamaModel, context: LlamaContext, options: { invariant: boolean }) {
  const free: Slot[] = [];
  for (let i = context.totalSequences; i > 0; i--)
    free.push({ sequence: context.getSequence(), tokens: [], session: undefined });
  const slots: readonly Slot[] = [...free];
  let waiting: Waiting[] = [];
  let active = 0;
  // Integral of dt / active: a request's share of the engine's time is its growth while the request is active.
  let share = 0;
  let lastChangeMs = performance.now();

  function changeActive(by: 1 | -1): number {
    const now = performance.now();
    if (active > 0) share += (now - lastChangeMs) / active;
    lastChangeMs = now;
    active += by;
    return share;
  }

  function takeSlot(prompt: readonly Token[], session: string | undefined): Slot {
    let best = 0;
    let leastCost = Number.POSITIVE_INFINITY;
    for (const [i, slot] of free.entries()) {
      const shared = sharedPrefix(slot.tokens, prompt);
      const lost = slot.session === undefined || slot.session === session ? 0 : slot.tokens.length - shared;
      const cost = prompt.length - shared + lost;
      if (cost < leastCost) [best, leastCost] = [i, cost];
    }
    const slot = free.splice(best, 1)[0] as Slot;
    slot.session = session;
    return slot;
  }

  async function prepare({ sequence }: Slot, prompt: readonly Token[]): Promise<number> {
    if (options.invariant) await sequence.clearHistory();
    // The last prompt token is always evaluated: the first new token comes from it.
    else await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
    return sequence.nextTokenIndex;
  }

  async function run(slot: Slot, { job, arrivedMs }: Waiting): Promise<ModelGeneration> {
    const { request, prompt } = job;
    const startedMs = performance.now();
    const shareBefore = changeActive(1);
    const generated: Token[] = [];
    try {
      const reused = await prepare(slot, prompt);
      const room = slot.sequence.contextSize - prompt.length;
      const limit = Math.min(request.maxTokens, room);
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
      for await (const token of slot.sequence.evaluate(prompt.slice(reused), { ...sampling, ...grammar })) {
        if (generated.length === 0) firstMs = performance.now();
        if (job.cancelled) throw new EngineError('cancelled', 'cancelled by the caller');
        generated.push(token);
        if (text.push(token)) break;
        if (generated.length >= limit) {
          finishReason = 'length';
          break;
        }
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
          computeMs: 0,
        },
      };
    } finally {
      slot.tokens = [...prompt, ...generated].slice(0, slot.sequence.nextTokenIndex);
      job.cancelled = true;
      computeMs.set(job, changeActive(-1) - shareBefore);
    }
  }
  const computeMs = new WeakMap<Job, number>();

  function startNext(): void {
    while (free.length > 0 && waiting.length > 0) {
      const next = waiting.shift() as Waiting;
      if (next.job.cancelled) {
        next.outcome.reject(new EngineError('cancelled', 'cancelled by the caller'));
        continue;
      }
      const slot = takeSlot(next.job.prompt, next.job.request.session);
      run(slot, next)
        .then((result) => ({ ...result, timing: { ...result.timing, computeMs: computeMs.get(next.job) ?? 0 } }))
        .then(next.outcome.resolve, next.outcome.reject)
        .finally(() => {
          free.push(slot);
          startNext();
        });
    }
  }

  return {
    /** Rejects with EngineError where the prompt does not fit. */
    generate(job: Job): Promise<ModelGeneration> {
      const size = context.contextSize;
      if (job.prompt.length >= size) {
        return Promise.reject(
          new EngineError(
            'context-overflow',
            `the prompt has ${job.prompt.length} tokens, the context ${size}: raise contextSize or shorten the prompt`,
          ),
        );
      }
      const outcome = Promise.withResolvers<ModelGeneration>();
      waiting.push({ job, arrivedMs: performance.now(), outcome });
      startNext();
      return outcome.promise;
    },
    /** Takes a sequence for itself, for scoring; its cache is what `use` leaves. */
    async exclusive<T>(use: (sequence: LlamaContextSequence) => Promise<T>): Promise<T> {
      while (free.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      const slot = free.shift() as Slot;
      try {
        await slot.sequence.clearHistory();
        return await use(slot.sequence);
      } finally {
        await slot.sequence.clearHistory();
        slot.tokens = [];
        slot.session = undefined;
        free.push(slot);
        startNext();
      }
    },
    release(session: string): void {
      for (const slot of slots) if (slot.session === session) slot.session = undefined;
    },
    drop(): void {
      for (const { outcome } of waiting) outcome.reject(new EngineError('cancelled', 'the engine was closed'));
      waiting = [];
    },
  };
}
