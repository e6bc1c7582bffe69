import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { EngineError } from '../errors.ts';

export interface EngineUnderTest {
  /** A fresh engine; the suite closes it. */
  create(): Promise<Engine> | Engine;
  /** Greedily answered with a text of at least 8 tokens. Default: a plain question. */
  readonly prompt?: string;
  /** How long one whole answer may take, ms, before a cancellation must have shown. Default 2,000. */
  readonly cancelWithinMs?: number;
}

/** What every engine must do. Called by the engine's own test file, so that its component is the only one that is loaded. */
export function engineContract(name: string, subject: EngineUnderTest): void {
  const { prompt = 'Question: What is the answer?\nAnswer:', cancelWithinMs = 2000 } = subject;
  const greedy = (changed: Partial<GenerateRequest> = {}): GenerateRequest => {
    return { prompt, temperature: 0, topP: 1, topK: 0, maxTokens: 24, stop: [], seed: 1, ...changed };
  };

  describe(`${name} keeps the engine contract`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await subject.create();
    });
    afterAll(() => engine.close());

    it('says what it is', () => {
      expect(engine.name).toBe(name);
      expect(engine.fingerprint).not.toBe('');
      expect(engine.modelDigest).not.toBe('');
      expect(engine.concurrency).toBeGreaterThanOrEqual(1);
      expect(JSON.parse(JSON.stringify(engine.settings))).toEqual(engine.settings);
    });

    it('answers with text, token counts and times that add up', async () => {
      const generation = await engine.generate(greedy());
      expect(generation.text.trim()).not.toBe('');
      expect(generation).toMatchObject({ cached: false, retries: 0 });
      const { promptTokens, completionTokens, cachedPromptTokens } = generation.usage;
      expect(promptTokens).toBeGreaterThan(0);
      expect(completionTokens).toBeGreaterThan(0);
      expect(completionTokens).toBeLessThanOrEqual(24);
      expect(cachedPromptTokens).toBeLessThanOrEqual(promptTokens);
      const { queuedMs, prefillMs, decodeMs, computeMs, totalMs } = generation.timing;
      for (const ms of [queuedMs, prefillMs, decodeMs, computeMs]) expect(ms).toBeGreaterThanOrEqual(0);
      expect(queuedMs + prefillMs + decodeMs).toBeLessThanOrEqual(totalMs + 1);
    });

    it('repeats a greedy answer', async () => {
      const first = await engine.generate(greedy());
      const second = await engine.generate(greedy({ seed: 2 }));
      expect(second.text).toBe(first.text);
    });

    it('repeats a sampled answer of the same seed', async () => {
      const sampled = greedy({ temperature: 0.9, topP: 0.95, seed: 7 });
      expect((await engine.generate(sampled)).text).toBe((await engine.generate(sampled)).text);
    });

    it('stops at maxTokens and says so', async () => {
      const whole = await engine.generate(greedy());
      const cut = await engine.generate(greedy({ maxTokens: 3 }));
      expect(cut.finishReason).toBe('length');
      expect(cut.usage.completionTokens).toBe(3);
      expect(whole.text.startsWith(cut.text)).toBe(true);
      expect(cut.text.length).toBeLessThan(whole.text.length);
    });

    it('stops before the first stop string, also within a token', async () => {
      const { text } = await engine.generate(greedy());
      const middle = Math.floor(text.length / 2);
      for (const stop of [text.slice(middle, middle + 3), text.slice(middle, middle + 1)]) {
        const stopped = await engine.generate(greedy({ stop: ['never written', stop] }));
        expect(stopped.text.trimEnd()).toBe(text.slice(0, text.indexOf(stop)).trimEnd());
        expect(stopped.finishReason).toBe('stop');
      }
    });

    it('takes and tells token ids, where it says that it can', async () => {
      const { features = [], tokenizer } = engine;
      if (!features.includes('token-ids')) return expect(tokenizer).toBeUndefined();
      const ids = (await tokenizer?.encode(prompt, { start: true })) ?? [];
      const byText = await engine.generate(greedy({ tokenIds: true }));
      expect(byText.usage.promptTokens).toBe(ids.length);
      const byIds = await engine.generate(greedy({ prompt: 'only a record', promptTokens: ids, tokenIds: true }));
      expect(byIds.text).toBe(byText.text);
      expect(byIds.tokens).toEqual(byText.tokens);
      expect(byIds.tokens).toHaveLength(byIds.usage.completionTokens);
      expect(await tokenizer?.decode(byIds.tokens ?? [])).toContain(byIds.text);
      if (engine.score === undefined) return;
      const [continuation, longer] = [' 62', `${prompt} 62`];
      const whole = (await tokenizer?.encode(longer, { start: true })) ?? [];
      expect(whole.slice(0, ids.length)).toEqual(ids);
      const split = { prompt: ids, continuation: whole.slice(ids.length) };
      const byIdsScored = await engine.score({ prompt: '', continuation: '', ids: split });
      expect(byIdsScored).toEqual(await engine.score({ prompt, continuation }));
    });

    it('answers more requests at once than it works on', async () => {
      const count = Math.min(2 * engine.concurrency + 1, 100);
      const many = await Promise.all(
        Array.from({ length: count }, (_, i) => engine.generate(greedy({ prompt: `${prompt} ${i}`, maxTokens: 4 }))),
      );
      for (const { usage } of many) expect(usage.completionTokens).toBeGreaterThan(0);
    });

    it('gives up at once when the caller cancels, before and while it works', async () => {
      const reason = (signal: AbortSignal) =>
        engine.generate(greedy({ maxTokens: 20, signal })).then(String, (error) => error);
      const before = await reason(AbortSignal.abort());
      expect(before).toBeInstanceOf(EngineError);
      expect(before.kind).toBe('cancelled');
      const started = performance.now();
      const controller = new AbortController();
      const during = [reason(controller.signal), reason(controller.signal)];
      queueMicrotask(() => controller.abort());
      for (const error of await Promise.all(during))
        expect(error).toMatchObject({ kind: 'cancelled', retryable: false });
      expect(performance.now() - started).toBeLessThan(cancelWithinMs);
      expect((await engine.generate(greedy({ maxTokens: 2 }))).usage.completionTokens).toBe(2);
    });

    it('counts what it did', async () => {
      if (engine.stats === undefined) return;
      const before = engine.stats();
      const { usage } = await engine.generate(greedy({ maxTokens: 2 }));
      const after = engine.stats();
      expect(after.requests - before.requests).toBe(1);
      expect(after.promptTokens - before.promptTokens).toBe(usage.promptTokens);
      expect(after.completionTokens - before.completionTokens).toBe(2);
      expect(after.failures).toBe(before.failures);
    });

    it('counts the tokens of a text', async () => {
      if (engine.countTokens === undefined) return;
      const one = await engine.countTokens('one two three');
      expect(one).toBeGreaterThan(0);
      expect(await engine.countTokens('one two three four five six')).toBeGreaterThan(one);
    });

    it('closes, twice if told so, and answers no more', async () => {
      const other = await subject.create();
      await other.close();
      await other.close();
      await expect(other.generate(greedy())).rejects.toBeInstanceOf(EngineError);
    });
  });

  describe(`${name} keeps the scoring contract`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await subject.create();
    });
    afterAll(() => engine.close());

    it('scores a continuation: one log-probability a token, the sum their total', async (context) => {
      if (engine.score === undefined) return context.skip('this engine does not score');
      const continuation = ' forty two';
      const { tokens, logprobs, total } = await engine.score({ prompt, continuation });
      expect(tokens.join('')).toContain(continuation.trim());
      expect(logprobs).toHaveLength(tokens.length);
      for (const logprob of logprobs) expect(logprob).toBeLessThanOrEqual(0);
      expect(total).toBeCloseTo(
        logprobs.reduce((sum, one) => sum + one, 0),
        9,
      );
    });
  });
}
