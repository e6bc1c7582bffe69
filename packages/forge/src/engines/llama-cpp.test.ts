import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { createRandom } from '../lib/random.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { endingTexts, goldenScores } from '../testing/model-families.ts';
import { definition } from './llama-cpp.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const model = 'models/lab/lab-world-2m.gguf';
let dir: string;

const open = (over: object = {}): Promise<Engine> =>
  Promise.resolve(
    definition.create(
      definition.options.parse({ model, gpu: false, threads: 1, contextSize: 512, batch: 4, ...over }),
      {
        baseDir: root,
        cacheDir: dir,
        env: {},
        now: Date.now,
        notify: () => {},
      },
    ),
  );
const request = (prompt: string, over: Partial<GenerateRequest> = {}): GenerateRequest => ({
  prompt,
  temperature: 0,
  topP: 1,
  topK: 0,
  maxTokens: 60,
  stop: [],
  seed: 1,
  ...over,
});
const problem = (n: number) =>
  `Question: Vera has ${20 + n} stones. Vera sells ${3 + (n % 9)}. How many stones does Vera have now?\nLet's think step by step.`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-llama-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

engineContract('llama-cpp', {
  create: () => open({ invariant: true }),
  prompt:
    "Question: Vera has 58 stones. Vera buys 13. Vera sells 9. How many stones does Vera have now?\nLet's think step by step.",
});

describe('llama-cpp with the lab model', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  it('answers, and says what it took', async () => {
    const generation = await engine.generate(request(problem(0)));
    expect(generation.text).toMatch(/Answer: \d+/);
    expect(generation).toMatchObject({ finishReason: 'stop', cached: false, retries: 0 });
    expect(generation.usage.promptTokens).toBeGreaterThan(20);
    expect(generation.usage.completionTokens).toBeGreaterThan(5);
    const { prefillMs, decodeMs, totalMs, computeMs, queuedMs } = generation.timing;
    for (const ms of [prefillMs, decodeMs, computeMs]) expect(ms).toBeGreaterThan(0);
    expect(prefillMs + decodeMs + queuedMs).toBeLessThanOrEqual(totalMs + 1);
  });

  it('ends before a stop string, also one that spans tokens', async () => {
    const { text: whole } = await engine.generate(request(problem(1)));
    const stop = whole.slice(Math.floor(whole.length / 2), Math.floor(whole.length / 2) + 4);
    const { text, finishReason } = await engine.generate(request(problem(1), { stop: [stop, 'never'] }));
    expect(text).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(finishReason).toBe('stop');
  });

  it('cuts at maxTokens', async () => {
    const generation = await engine.generate(request(problem(2), { maxTokens: 3 }));
    expect(generation).toMatchObject({ finishReason: 'length', usage: { completionTokens: 3 } });
  });

  it('prefills a shared prefix once', async () => {
    const prefix = `${'Urban has 48 books. '.repeat(12)}\n\n`;
    const first = await engine.generate(request(`${prefix}${problem(3)}`));
    const second = await engine.generate(request(`${prefix}${problem(4)}`));
    expect(second.usage.cachedPromptTokens).toBeGreaterThan(first.usage.promptTokens - 60);
    expect(second.usage.cachedPromptTokens).toBeLessThan(second.usage.promptTokens);
  });

  it('serves 64 requests at once through 4 sequences', async () => {
    const generations = await Promise.all(
      Array.from({ length: 64 }, (_, i) => engine.generate(request(problem(i), { maxTokens: 12 }))),
    );
    expect(generations).toHaveLength(64);
    expect(Math.max(...generations.map((one) => one.timing.queuedMs))).toBeGreaterThan(0);
    const wallShare = generations.reduce((sum, one) => sum + one.timing.computeMs, 0);
    expect(wallShare).toBeLessThan(Math.max(...generations.map((one) => one.timing.totalMs)) * 1.2);
  });

  it('refuses a prompt that does not fit, with the numbers', async () => {
    const failure = await engine.generate(request('stone '.repeat(900))).catch((error) => error);
    expect(failure).toBeInstanceOf(EngineError);
    expect(failure).toMatchObject({ kind: 'context-overflow', retryable: false });
    expect(failure.message).toMatch(/\d+ tokens, the context 512/);
  });

  it('stops when the caller cancels', async () => {
    const controller = new AbortController();
    const running = engine
      .generate(request('Vera', { maxTokens: 400, temperature: 1.5, signal: controller.signal }))
      .catch((error) => error);
    setTimeout(() => controller.abort(), 5);
    const outcome = await running;
    if (!(outcome instanceof EngineError)) expect(outcome.finishReason).toBe('stop');
    else expect(outcome.kind).toBe('cancelled');
    const aborted = await engine.generate(request('Vera', { signal: AbortSignal.abort() })).catch((error) => error);
    expect(aborted).toMatchObject({ kind: 'cancelled' });
  });

  it('samples by the seed', async () => {
    const draw = (seed: number) =>
      engine.generate(request('Question:', { temperature: 1.2, seed, maxTokens: 30 })).then((one) => one.text);
    expect(await draw(1)).not.toBe(await draw(2));
  });

  it('writes only what a grammar allows, beside requests that have none', async () => {
    const grammar = 'root ::= " " ("yes" | "no") "."';
    const [free, ...bound] = await Promise.all([
      engine.generate(request(problem(1))),
      ...Array.from({ length: 6 }, (_, i) =>
        engine.generate(request(problem(i), { grammar, temperature: 1, seed: i })),
      ),
    ]);
    for (const { text, finishReason } of bound)
      expect([text, finishReason]).toEqual([text.match(/^ (yes|no)\.$/)?.[0], 'stop']);
    expect(free?.text).toMatch(/Answer: \d+/);
    const wrong = engine.generate(request(problem(1), { grammar: 'root ::= (' }));
    await expect(wrong).rejects.toMatchObject({ name: 'EngineError', kind: 'bad-request' });
    expect((await engine.generate(request(problem(1)))).text).toBe(free?.text);
  });

  it('scores a continuation: likelier the right one, and the sum of its tokens', async () => {
    const prompt =
      "Question: Vera has 58 stones. Vera sells 13. How many stones does Vera have now?\nLet's think step by step.\n58 - 13 =";
    const right = await engine.score?.({ prompt, continuation: ' 45' });
    const wrong = await engine.score?.({ prompt, continuation: ' 91' });
    expect(right?.total).toBeGreaterThan(wrong?.total ?? 0);
    expect(right?.total).toBeCloseTo(right?.logprobs.reduce((a, b) => a + b, 0) ?? 0, 9);
    expect(right?.tokens.join('')).toBe(' 45');
    expect(right?.logprobs.every((logprob) => logprob <= 0)).toBe(true);
  });

  it('scores where a text ends: without, the beginning of an answer is never the less likely one', async () => {
    const score = (i: number, end: boolean) => {
      const { prompt, continuation } = endingTexts[i] as (typeof endingTexts)[number];
      return engine.score?.({ prompt, continuation, end });
    };
    const found = [await score(0, false), await score(1, false), await score(0, true), await score(1, true)];
    const totals = found.map((one) => one?.total ?? Number.NaN);
    for (const [i, golden] of goldenScores.lab.ends.entries())
      expect(Math.abs((totals[i] as number) - golden)).toBeLessThan(i < 2 ? 0.05 : 0.2);
    const [begun, , begunAndEnded, wholeAndEnded] = totals as [number, number, number, number];
    expect(begun).toBeGreaterThan(wholeAndEnded - 0.05);
    expect(begunAndEnded).toBeLessThan(wholeAndEnded - 1);
    expect(found[2]?.tokens).toHaveLength((found[0]?.tokens.length ?? 0) + 1);
  });

  it('counts tokens, digits one by one', async () => {
    expect(await engine.countTokens?.('12345')).toBe(5);
  });

  it('recovers when its process is killed under a request', async () => {
    const crashing = await open();
    try {
      await crashing.generate(request(problem(5)));
      const running = crashing
        .generate(request(problem(6), { maxTokens: 400, temperature: 2 }))
        .catch((error) => error);
      const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
      const pids = children
        .split('\n')
        .filter((line) => line.includes('llama-cpp/child.ts'))
        .map((line) => Number(line.trim().split(' ')[0]));
      process.kill(Math.max(...pids), 'SIGKILL');
      expect(await running).toMatchObject({ name: 'EngineError', kind: 'crashed', retryable: true });
      expect((await crashing.generate(request(problem(5)))).text).toContain('Answer');
    } finally {
      await crashing.close();
    }
  });
});

describe('kvCache', () => {
  it('keeps keys and values in other types, each with a fingerprint of its own', async () => {
    const engines = await Promise.all([{}, { kvCache: 'bf16' }, { kvCache: 'q8_0' }].map(open));
    try {
      expect(engines.map(({ settings }) => settings.kvCache)).toEqual(['f16', 'bf16', 'q8_0']);
      expect(new Set(engines.map(({ fingerprint }) => fingerprint)).size).toBe(3);
      const score = { prompt: problem(4), continuation: '\n24 - 7 = 17\nAnswer: 17' };
      const totals = await Promise.all(engines.map((engine) => engine.score?.(score)));
      const [exact = 0, ...coarser] = totals.map((one) => one?.total ?? 0);
      for (const total of coarser) {
        expect(total).not.toBe(exact);
        expect(Math.abs(total - exact)).toBeLessThan(0.5);
      }
    } finally {
      await Promise.all(engines.map((engine) => engine.close()));
    }
  });
});

describe('invariant mode', () => {
  it('gives each request the answer it has alone, whatever else is asked', async () => {
    const engine = await open({ invariant: true });
    try {
      expect(engine.concurrency).toBe(1);
      const prompts = Array.from({ length: 8 }, (_, i) => problem(i * 3));
      const alone: string[] = [];
      for (const prompt of prompts) alone.push((await engine.generate(request(prompt))).text);
      const together = await Promise.all([...prompts].reverse().map((prompt) => engine.generate(request(prompt))));
      expect(together.map((one) => one.text).reverse()).toEqual(alone);
      const sampled = () => engine.generate(request('Question:', { temperature: 1, seed: 7 })).then((one) => one.text);
      const once = await sampled();
      await engine.generate(request(problem(1)));
      expect(await sampled()).toBe(once);
    } finally {
      await engine.close();
    }
  });
});

describe('files that are no model', () => {
  const refused = async (name: string, content: Buffer | string) => {
    await writeFile(join(dir, name), content);
    return open({ model: join(dir, name) }).then(
      async (engine) => {
        await engine.close();
        return 'loaded';
      },
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };
  it.each([
    ['an HTML page', '<!DOCTYPE html><html>Log in</html>', 'an HTML page'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 4\n', 'a Git LFS pointer'],
    ['a PyTorch pickle', Buffer.from('PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaa'), 'a PyTorch pickle'],
    [
      'a safetensors file',
      Buffer.concat([Buffer.from([60, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"__metadata__":{}}')]),
      'a safetensors file',
    ],
    ['an empty file', '', 'the file is empty'],
    ['something else', 'hello', 'not a GGUF file'],
  ])('%s', async (_title, content, part) => {
    expect(await refused('wrong.gguf', content)).toMatch(new RegExp(`^ConfigError: .*${part}`));
  });
  it('a truncated model, at every length', async () => {
    const whole = await readFile(join(root, model));
    for (const share of [0.0001, 0.01, 0.5, 0.999]) {
      expect(await refused('cut.gguf', whole.subarray(0, Math.floor(whole.length * share)))).toMatch(
        /^ConfigError: .*truncated/,
      );
    }
  });
  it('a model with a damaged header never takes the program down', async () => {
    const whole = await readFile(join(root, model));
    const random = createRandom('damage');
    for (let i = 0; i < 4; i++) {
      const damaged = Buffer.from(whole);
      for (let j = 0; j < 40; j++) damaged[8 + random.below(2000)] = random.below(256);
      expect(await refused('damaged.gguf', damaged)).toMatch(/^(ConfigError|loaded)/);
    }
  });
  it('a missing file', async () => {
    await expect(open({ model: 'models/absent.gguf' })).rejects.toThrow('no such file');
  });
});

describe('more than the machine has', () => {
  it('says what does not fit and what would', async () => {
    const failure = await open({ contextSize: 1_048_576, batch: 256 }).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'ConfigError' });
    expect((failure as Error).message).toMatch(
      /not enough memory.*lower batch or contextSize.*gpuLayers.*smaller quantization.*about this would fit: batch \d+/,
    );
  });
});
