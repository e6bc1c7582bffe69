import { describe, expect, it } from 'vitest';
import type { GenerateRequest, Generation } from '../engine.ts';
import { ConfigError, EngineError } from '../errors.ts';
import { meter } from './meter.ts';

const request = (prompt: string): GenerateRequest => {
  return { prompt, temperature: 0.5, topP: 0.9, topK: 3, maxTokens: 5, stop: ['x'], seed: 4 };
};

/** An engine on a clock of its own: a prompt `100` takes 100 ms, `cached 100` took 100 ms once and now takes none, `fail 10` fails. */
function clocked() {
  let time = 1000;
  const due: { at: number; end: () => void }[] = [];
  const generate = ({ prompt }: GenerateRequest): Promise<Generation> => {
    const ms = Number(prompt.match(/\d+/)?.[0]);
    const cached = prompt.startsWith('cached');
    const outcome = Promise.withResolvers<Generation>();
    const timing = { queuedMs: 0, prefillMs: 0, decodeMs: ms, computeMs: 0, totalMs: ms };
    const usage = { promptTokens: 1, completionTokens: 2, cachedPromptTokens: 0 };
    const end = () => {
      if (prompt.startsWith('fail')) outcome.reject(new EngineError('timeout', 'too\nlate'));
      else outcome.resolve({ text: prompt, finishReason: 'stop', usage, timing, cached, retries: 2 });
    };
    due.push({ at: time + (cached ? 0 : ms), end });
    return outcome.promise;
  };
  /** Lets the clock run until nothing is under way. */
  async function run(): Promise<void> {
    while (due.length > 0) {
      due.sort((a, b) => a.at - b.at);
      const next = due.shift();
      time = Math.max(time, next?.at ?? 0);
      next?.end();
      await new Promise(setImmediate);
    }
  }
  return { metered: meter({ name: 'clocked', generate }, () => time), run };
}

describe('meter', () => {
  it('logs each call, failed ones too, in the order of their start', async () => {
    const { metered, run } = clocked();
    const calls = Promise.allSettled(['30', 'fail 10', 'cached 20'].map((prompt) => metered.generate(request(prompt))));
    await run();
    expect((await calls).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const [first, failed, cached] = metered.calls();
    expect(first).toEqual({
      index: 0,
      prompt: '30',
      sampling: { temperature: 0.5, topP: 0.9, topK: 3, maxTokens: 5, stop: ['x'] },
      seed: 4,
      output: '30',
      finishReason: 'stop',
      usage: { promptTokens: 1, completionTokens: 2, cachedPromptTokens: 0 },
      timing: { queuedMs: 0, prefillMs: 0, decodeMs: 30, computeMs: 0, totalMs: 30 },
      cached: false,
      retries: 2,
    });
    expect(failed).toMatchObject({
      index: 1,
      output: '',
      finishReason: 'error',
      error: { kind: 'timeout', message: 'too late' },
      timing: { totalMs: 10 },
    });
    expect(cached).toMatchObject({ index: 2, cached: true, timing: { totalMs: 20 } });
  });

  it.each([
    ['nothing where nothing was cached', [['100', '50'], ['20']], 0],
    ['cached calls one after another, added up', [['cached 100'], ['cached 50'], ['cached 7']], 157],
    ['cached calls in parallel, once: the longest', [['cached 100', 'cached 50', 'cached 7']], 100],
    ['each wave by itself', [['cached 100', 'cached 50'], ['30'], ['cached 5']], 105],
    ['only what a call that was really made did not take anyway', [['cached 100', '60']], 40],
    ['nothing beside a longer call that was really made', [['cached 100', '160']], 0],
  ] as [string, string[][], number][])('puts back %s', async (_, waves, added) => {
    const { metered, run } = clocked();
    for (const prompts of waves) {
      const wave = Promise.all(prompts.map((prompt) => metered.generate(request(prompt))));
      await run();
      await wave;
    }
    expect(metered.addedLatencyMs()).toBe(added);
  });

  it('logs a look at a text as a call that generates nothing, and says where an engine cannot look', async () => {
    let time = 0;
    const generate = () => Promise.reject(new Error('not asked'));
    const score = async () => {
      time += 40;
      return { tokens: [' forty', ' two'], logprobs: [-1, -2], total: -3 };
    };
    const engine = { name: 'looker', generate, score, countTokens: async (text: string) => text.length };
    const metered = meter(engine, () => time);
    expect(await metered.score({ prompt: 'Q', continuation: ' forty two', end: true })).toMatchObject({ total: -3 });
    expect(metered.calls()).toEqual([
      {
        index: 0,
        prompt: 'Q',
        sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 0, stop: [] },
        seed: 0,
        output: ' forty two',
        finishReason: 'stop',
        usage: { promptTokens: 3, completionTokens: 0, cachedPromptTokens: 0 },
        timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0, computeMs: 0, totalMs: 40 },
        cached: false,
        retries: 0,
      },
    ]);
    const blind = meter({ name: 'blind', generate }, () => time);
    await expect(blind.score({ prompt: 'Q', continuation: 'A' })).rejects.toThrow(ConfigError);
  });
});
