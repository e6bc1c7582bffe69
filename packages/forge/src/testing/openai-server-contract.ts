import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { definition } from '../engines/openai-compatible.ts';
import { ConfigError, EngineError } from '../errors.ts';

export interface ServerUnderTest {
  /** Options of the engine openai-compatible: baseUrl, model, and what the server needs. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Greedily answered with a text of at least 8 tokens. */
  readonly prompt: string;
}

/** What a server must tell; of others it is only checked that what they tell is no nonsense, and what they do not is said. */
type Told = 'scores' | 'load' | 'tokens' | 'cached-tokens' | 'token-ids';

export function openServer(options: ServerUnderTest['options']): Engine {
  const parts = { baseDir: '.', cacheDir: '.', env: process.env, now: Date.now, notify: () => {} };
  return definition.create(definition.options.parse(options), parts) as Engine;
}

/** What the engine needs of a real server. `subject` is asked when the tests begin; `told` is what this one must be able to tell. */
export function openAiServerContract(name: string, subject: () => ServerUnderTest, told: readonly Told[]): void {
  describe(`${name} is a server that the engine can use`, () => {
    let server: ServerUnderTest;
    const engines: Engine[] = [];
    const open = (over: object = {}) => {
      const engine = openServer({ ...server.options, ...over });
      engines.push(engine);
      return engine;
    };
    const greedy = (over: Partial<GenerateRequest> = {}): GenerateRequest => {
      return { prompt: server.prompt, temperature: 0, topP: 1, topK: 0, maxTokens: 12, stop: [], seed: 1, ...over };
    };
    beforeAll(() => {
      server = subject();
    });
    afterAll(async () => {
      for (const engine of engines) await engine.close();
    });

    it('answers alike streamed and whole, with tokens counted and timed', async () => {
      const streamed = await open().generate(greedy({ tokenTimes: true }));
      const whole = await open({ stream: false }).generate(greedy());
      expect(streamed.text).toBe(whole.text);
      expect(streamed.finishReason).toBe(whole.finishReason);
      expect(streamed.usage.completionTokens).toBe(whole.usage.completionTokens);
      expect(streamed.usage.promptTokens).toBe(whole.usage.promptTokens);
      const { tokenMs = [], timing, usage } = streamed;
      // A piece may hold several tokens; some servers say how many.
      expect(tokenMs.length).toBeGreaterThan(1);
      expect(tokenMs.length).toBeLessThanOrEqual(usage.completionTokens);
      expect(tokenMs.at(-1)).toBeLessThanOrEqual(timing.totalMs);
      if (told.includes('cached-tokens')) expect(whole.usage.cachedPromptTokens).toBeGreaterThan(0);
    }, 120_000);

    it('stops where it is told to', async () => {
      const engine = open();
      const { text, usage } = await engine.generate(greedy());
      const cut = await engine.generate(greedy({ maxTokens: 3 }));
      expect(cut).toMatchObject({ finishReason: 'length', usage: { completionTokens: 3 } });
      expect(text.startsWith(cut.text)).toBe(true);
      const stop = text.slice(Math.floor(text.length / 2), Math.floor(text.length / 2) + 2);
      const stopped = await engine.generate(greedy({ stop: [stop] }));
      expect(stopped.text.trimEnd()).toBe(text.slice(0, text.indexOf(stop)).trimEnd());
      expect(stopped.usage.completionTokens).toBeLessThan(usage.completionTokens);
    }, 120_000);

    it('answers and scores token ids as it does their text, where it takes them', async () => {
      const [engine, byIds] = [open({ api: 'completions' }), open({ api: 'completions', tokenIds: true })];
      const byText = await engine.generate(greedy({ tokenIds: true, tokenTimes: true }));
      const answer = await byIds.generate(greedy({ tokenIds: true })).catch((one) => one);
      if (!told.includes('token-ids') && answer instanceof Error) return expect(answer).toBeInstanceOf(EngineError);
      expect(answer.text).toBe(byText.text);
      expect(answer.usage.promptTokens).toBe(byText.usage.promptTokens);
      if (told.includes('token-ids')) {
        expect(answer.tokens).toHaveLength(answer.usage.completionTokens);
        expect(answer.tokens).toEqual(byText.tokens);
        expect(byText.tokenMs).toHaveLength(byText.usage.completionTokens);
      }
      if (!told.includes('scores')) return;
      const scoring = { prompt: server.prompt, continuation: ' 62' };
      const scored = await byIds.score?.(scoring);
      expect(scored).toEqual(await engine.score?.(scoring));
    }, 120_000);

    it('answers others after one has gone', async () => {
      const engine = open();
      const gone = new AbortController();
      const error = engine
        .generate(greedy({ temperature: 2, maxTokens: 800, signal: gone.signal }))
        .catch((one) => one);
      setTimeout(() => gone.abort(), 5);
      expect(await error).toMatchObject({ kind: 'cancelled' });
      expect((await engine.generate(greedy({ maxTokens: 2 }))).usage.completionTokens).toBe(2);
    }, 120_000);

    it('tells what it can, and what it cannot is said', async () => {
      const engine = open();
      const count = (await engine.countTokens?.('one two three')) ?? 0;
      expect(count).toBeGreaterThan(1);
      if (told.includes('tokens'))
        expect(await engine.countTokens?.('one two three'.repeat(50))).toBeGreaterThan(count);

      const score = await engine.score?.({ prompt: server.prompt, continuation: ' 62' }).catch((one) => one);
      if (told.includes('scores') || !(score instanceof Error)) {
        expect(score.tokens.join('')).toContain('2');
        expect(score.total).toBeLessThan(0);
        expect(score.logprobs).toHaveLength(score.tokens.length);
      } else expect([ConfigError, EngineError]).toContain(score.constructor);

      const load = await engine.load?.().catch((one) => one);
      if (told.includes('load') || !(load instanceof Error)) {
        expect(load.runningRequests).toBeGreaterThanOrEqual(0);
        expect(load.waitingRequests).toBeGreaterThanOrEqual(0);
        if (load.prefixQueryTokens !== null) expect(load.prefixHitTokens).toBeLessThanOrEqual(load.prefixQueryTokens);
      } else expect(load).toBeInstanceOf(EngineError);
    }, 120_000);
  });
}
