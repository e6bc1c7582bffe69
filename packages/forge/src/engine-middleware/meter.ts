import type { Engine, GenerateRequest, Generation, ScoreRequest, TokenLogprobs } from '../engine.ts';
import { ConfigError, EngineError, messageOf } from '../errors.ts';
import type { CallRecord, ExampleFailure } from '../run.ts';

/** Logs the model calls of one example. */
export interface CallMeter {
  generate(request: GenerateRequest): Promise<Generation>;
  /**
   * Its call has the continuation as its output and maxTokens 0, as nothing is generated; all its tokens are prompt tokens.
   * Throws ConfigError where the engine cannot score.
   */
  score(request: ScoreRequest): Promise<TokenLogprobs>;
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
const noTime = { queuedMs: 0, prefillMs: 0, decodeMs: 0, computeMs: 0 };
const nothingGenerated = { temperature: 0, topP: 1, topK: 0, maxTokens: 0, stop: [] };
const maxMessageLength = 2000;

/** What is known of a call that came back. */
type Answered = Pick<CallRecord, 'output' | 'finishReason' | 'usage' | 'timing' | 'cached' | 'retries'>;

/** `now`: ms from any fixed moment, never backwards. */
export function meter(
  engine: Pick<Engine, 'name' | 'generate' | 'score' | 'countTokens'>,
  now: () => number,
): CallMeter {
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

  function recordOf(request: GenerateRequest) {
    const { prompt, seed, temperature, topP, topK, maxTokens, stop } = request;
    return { prompt, seed, sampling: { temperature, topP, topK, maxTokens, stop } };
  }

  /** Makes a call and keeps its record, whatever comes of it. */
  async function logged<Result>(
    known: Omit<ReturnType<typeof recordOf>, 'index'>,
    call: () => Promise<{ result: Result; answer: Answered }>,
  ): Promise<Result> {
    const startedAt = now();
    const record = { index: started++, ...known };
    const wave = joinWave(startedAt);
    wave.inFlight++;
    let freeEndAt: number | undefined;
    try {
      const { result, answer } = await call();
      records.push({ ...record, ...answer });
      freeEndAt = (answer.cached ? startedAt + answer.timing.totalMs : now()) - answer.timing.queuedMs;
      return result;
    } catch (error) {
      const timing = { ...noTime, totalMs: now() - startedAt };
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
  }

  return {
    generate: (request) =>
      logged(recordOf(request), async () => {
        const generation = await engine.generate(request);
        const { text: output, finishReason, usage, timing, cached, retries } = generation;
        return { result: generation, answer: { output, finishReason, usage, timing, cached, retries } };
      }),
    score(request) {
      const { prompt, continuation: output } = request;
      return logged({ prompt, seed: 0, sampling: nothingGenerated }, async () => {
        if (engine.score === undefined)
          throw new ConfigError(
            `engine "${engine.name}" cannot tell how likely a text is; use the engine llama-cpp, or openai-compatible with api: completions`,
          );
        const startedAt = now();
        const result = await engine.score(request);
        const timing = { ...noTime, totalMs: now() - startedAt };
        const promptTokens = ((await engine.countTokens?.(prompt)) ?? 0) + result.tokens.length;
        const usage = { ...noTokens, promptTokens };
        return { result, answer: { output, finishReason: 'stop', usage, timing, cached: false, retries: 0 } };
      });
    },
    calls: () => [...records].sort((a, b) => a.index - b.index),
    addedLatencyMs: () => waves.reduce((sum, wave) => sum + wave.freeEndAt - wave.endedAt, 0),
  };
}
