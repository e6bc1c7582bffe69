import type { Engine, GenerateRequest, Generation } from '../engine.ts';
import { EngineError, messageOf } from '../errors.ts';
import type { CallRecord, ExampleFailure } from '../run.ts';

/** Logs the model calls of one example. */
export interface CallMeter {
  generate(request: GenerateRequest): Promise<Generation>;
  /** The calls that have ended, in the order in which they started; failed ones too. */
  calls(): readonly CallRecord[];
  /**
   * What to add to the measured time, ms, so that it is the time without cache and without waiting for a free place in the
   * engine (negative where a wait is taken off). Calls that overlap are one wave; each wave is made as long as it would have been
   * had its cached calls taken their original time and had none queued: calls in parallel count once, calls one after another add
   * up. (A cached call that only starts after another cached one of its wave counts as parallel to it.)
   */
  addedLatencyMs(): number;
}

interface Wave {
  readonly startedAt: number;
  inFlight: number;
  /** When its last call ended, and when it would have ended without cache and queue. */
  endedAt: number;
  freeEndAt: number;
}

const noTokens = { promptTokens: 0, completionTokens: 0, cachedPromptTokens: 0 };
const maxMessageLength = 2000;

/** `now`: ms from any fixed moment, never backwards. */
export function meter(engine: Pick<Engine, 'generate'>, now: () => number): CallMeter {
  const records: CallRecord[] = [];
  const waves: Wave[] = [];
  let started = 0;

  function joinWave(at: number): Wave {
    const last = waves.at(-1);
    if (last !== undefined && last.inFlight > 0) return last;
    const wave = { startedAt: at, inFlight: 0, endedAt: at, freeEndAt: at };
    waves.push(wave);
    return wave;
  }

  function recordOf(index: number, request: GenerateRequest) {
    const { prompt, seed, temperature, topP, topK, maxTokens, stop } = request;
    return { index, prompt, seed, sampling: { temperature, topP, topK, maxTokens, stop } };
  }

  return {
    async generate(request) {
      const startedAt = now();
      const record = recordOf(started++, request);
      const wave = joinWave(startedAt);
      wave.inFlight++;
      let freeEndAt: number | undefined;
      try {
        const generation = await engine.generate(request);
        const { text: output, finishReason, usage, timing, cached, retries } = generation;
        records.push({ ...record, output, finishReason, usage, timing, cached, retries });
        freeEndAt = (cached ? startedAt + timing.totalMs : now()) - timing.queuedMs;
        return generation;
      } catch (error) {
        const timing = { queuedMs: 0, prefillMs: 0, decodeMs: 0, computeMs: 0, totalMs: now() - startedAt };
        const message = messageOf(error).slice(0, maxMessageLength);
        const kind: ExampleFailure['kind'] = error instanceof EngineError ? error.kind : 'method-error';
        const failure = { usage: noTokens, timing, cached: false, retries: 0, error: { kind, message } } as const;
        records.push({ ...record, output: '', finishReason: 'error', ...failure });
        throw error;
      } finally {
        wave.inFlight--;
        wave.endedAt = now();
        wave.freeEndAt = Math.max(wave.freeEndAt, freeEndAt ?? wave.endedAt);
      }
    },
    calls: () => [...records].sort((a, b) => a.index - b.index),
    addedLatencyMs: () => waves.reduce((sum, wave) => sum + wave.freeEndAt - wave.endedAt, 0),
  };
}
