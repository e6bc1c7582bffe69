import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../../engine.ts';
import {
  distinctTokens,
  fewShotTreePrompts,
  prefilledTokens,
  sharedPrefixPrompts,
} from '../../testing/prefix-workload.ts';
import { definition } from '../llama-cpp.ts';

const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const model = join(root, 'models/lab/lab-world-2m.gguf');
let dir: string;

// The context is larger than the lab model was trained for: what is prefilled does not depend on what is written.
const open = (over: object = {}): Promise<Engine> =>
  Promise.resolve(
    definition.create(
      definition.options.parse({ model, gpu: false, threads: 1, contextSize: 1536, batch: 8, ...over }),
      { baseDir: root, cacheDir: dir, env: {}, now: Date.now, notify: () => {} },
    ),
  );
const request = (prompt: string, over: Partial<GenerateRequest> = {}): GenerateRequest => ({
  prompt,
  temperature: 0,
  topP: 1,
  topK: 0,
  maxTokens: 4,
  stop: [],
  seed: 1,
  ...over,
});
/** About 16 tokens a repetition. */
const passage = (name: string, repetitions: number) => `${name} has 48 books and 5 coins. `.repeat(repetitions);
const stateFolders = (pid = process.pid) =>
  ['/dev/shm', tmpdir()]
    .filter(existsSync)
    .flatMap((parent) => readdirSync(parent))
    .filter((name) => name.startsWith(`forge-states-${pid}-`)).length;
const modelProcesses = (parent = process.pid) =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(parent)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('llama-cpp/child.ts'))
    .map((line) => Number(line.trim().split(' ')[0]));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-prefix-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('the prefix cache', () => {
  let engine: Engine;
  beforeAll(async () => {
    // The kernels of llama.cpp for f16 are slow at the lab model's small heads.
    engine = await open({ kvCache: 'q8_0' });
  });
  afterAll(() => engine.close());
  const generateAll = (prompts: readonly string[], over: Partial<GenerateRequest> = {}) =>
    Promise.all(prompts.map((prompt) => engine.generate(request(prompt, over))));

  it.each([
    ['64 prompts with the same 1,000 tokens before', sharedPrefixPrompts()],
    ['12 sets of few-shot examples, in random order', fewShotTreePrompts()],
  ])('prefills what is distinct and little more: %s', { timeout: 180_000 }, async (_title, prompts) => {
    const distinct = await distinctTokens(model, prompts);
    const share = prefilledTokens(await generateAll(prompts, { maxTokens: 1 })) / distinct;
    expect(share).toBeLessThanOrEqual(1.05);
    expect(share).toBeGreaterThan(0.9);
  });

  it('finds a state again that its sequence has lost', async () => {
    const first = passage('Wanda', 20);
    await engine.generate(request(first));
    await generateAll(Array.from({ length: 16 }, (_, i) => passage(`Guest ${i}`, 10)));
    const again = await engine.generate(request(`${first}Question:`));
    expect(again.usage.promptTokens - again.usage.cachedPromptTokens).toBeLessThan(8);
  });

  it('answers as without a cache, from a copy of a sequence that is at work', async () => {
    const prompts = Array.from({ length: 4 }, (_, i) => `${passage('Vera', 12)}Question: Vera has ${i} books.`);
    const long = engine.generate(request(`${passage('Vera', 12)}Vera`, { maxTokens: 300, temperature: 0.7 }));
    const copied = await generateAll(prompts, { maxTokens: 20 });
    await long;
    for (const { usage } of copied) expect(usage.cachedPromptTokens).toBeGreaterThan(90);
    const plain = await open({ invariant: true, kvCache: 'q8_0' });
    try {
      const alone = await Promise.all(prompts.map((prompt) => plain.generate(request(prompt, { maxTokens: 20 }))));
      for (const { usage } of alone) expect(usage.cachedPromptTokens).toBe(0);
      // Rounding may turn one of them.
      const same = alone.filter(({ text }, i) => text === copied[i]?.text);
      expect(same.length).toBeGreaterThanOrEqual(3);
    } finally {
      await plain.close();
    }
  });

  it('leaves no file behind, closed or killed', async () => {
    const before = stateFolders();
    const others = new Set(modelProcesses());
    const killed = await open();
    const [pid] = modelProcesses().filter((one) => !others.has(one)) as [number];
    await Promise.all([1, 2].map((i) => killed.generate(request(passage('Nora', 20) + i))));
    expect(stateFolders()).toBe(before + 1);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => stateFolders()).toBe(before);
    await killed.generate(request(passage('Nora', 20)));
    expect(stateFolders()).toBe(before + 1);
    await killed.close();
    expect(stateFolders()).toBe(before);
  });
});

describe('a program that is killed', () => {
  it('leaves neither its model process nor a file', async () => {
    const code = `
      import { definition } from ${JSON.stringify(join(root, 'packages/forge/src/engines/llama-cpp.ts'))};
      const options = definition.options.parse({ model: ${JSON.stringify(model)}, gpu: false, threads: 1, contextSize: 512, batch: 2 });
      const parts = { baseDir: '/', cacheDir: ${JSON.stringify(dir)}, env: {}, now: Date.now, notify() {} };
      const engine = await definition.create(options, parts);
      await engine.generate(${JSON.stringify(request(passage('Nora', 20)))});
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const script = join(dir, 'killed.mjs');
    await writeFile(script, code);
    const program = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = program.pid as number;
    await once(program.stdout, 'data');
    const [child] = modelProcesses(pid) as [number];
    expect(stateFolders(pid)).toBe(1);
    program.kill('SIGKILL');
    await expect.poll(() => stateFolders(pid), { timeout: 10_000 }).toBe(0);
    await expect.poll(() => existsSync(`/proc/${child}`), { timeout: 10_000 }).toBe(false);
  });
});

describe('prefixCache: false', () => {
  it('prefills every prompt whole, and has a fingerprint of its own', async () => {
    const [plain, cached] = [await open({ prefixCache: false, batch: 2 }), await open({ batch: 2 })];
    try {
      const prompts = [1, 2, 3, 4].map((i) => passage('Emma', 10) + i);
      const ask = (engine: Engine) => Promise.all(prompts.map((prompt) => engine.generate(request(prompt))));
      for (const { usage } of await ask(plain)) expect(usage.cachedPromptTokens).toBe(0);
      expect(prefilledTokens(await ask(cached))).toBeLessThan(200);
      expect(plain.fingerprint).not.toBe(cached.fingerprint);
      expect([plain.settings.prefixCache, cached.settings.prefixCache]).toEqual([false, true]);
    } finally {
      await Promise.all([plain.close(), cached.close()]);
    }
  });
});

describe('tokenMs', () => {
  it('says when each token came, only when it is asked for', async () => {
    const engine = await open({ batch: 2 });
    try {
      const timed = await engine.generate(request('Question: Vera has', { maxTokens: 12, tokenTimes: true }));
      const { tokenMs = [], timing, usage } = timed;
      expect(tokenMs).toHaveLength(usage.completionTokens);
      expect([...tokenMs].sort((a, b) => a - b)).toEqual(tokenMs);
      const [first = 0, last = 0] = [tokenMs[0], tokenMs.at(-1)];
      expect(first).toBeGreaterThanOrEqual(timing.queuedMs + timing.prefillMs);
      expect(last).toBeLessThanOrEqual(timing.totalMs);
      expect(last - first).toBeLessThanOrEqual(timing.decodeMs + 1);
      expect(await engine.generate(request('Question: Vera has'))).not.toHaveProperty('tokenMs');
    } finally {
      await engine.close();
    }
  });
});
