import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { definition } from '../engines/scripted.ts';
import { EngineError } from '../errors.ts';
import { withQuarantine } from './quarantine.ts';

/** An engine whose process ends at a prompt with a mark in it, with all that it works on. */
async function fragile(): Promise<{ engine: Engine; crashes: () => number; mostAtOnce: () => number }> {
  const options = definition.options.parse({ default: 'fine' });
  const inner = await definition.create(options, {
    baseDir: '.',
    cacheDir: '.',
    env: {},
    now: Date.now,
    notify: () => {},
  });
  const under = new Set<(error: Error) => void>();
  let crashes = 0;
  let most = 0;
  const generate = async (request: GenerateRequest) => {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    under.add(reject);
    most = Math.max(most, under.size);
    try {
      await Promise.race([promise, sleep(5)]);
      if (request.prompt.includes('poison')) {
        crashes++;
        for (const end of under) end(new EngineError('crashed', 'the process ended', { retryable: true }));
      }
      return await Promise.race([promise, inner.generate(request)]);
    } finally {
      under.delete(reject);
    }
  };
  return { engine: { ...inner, generate }, crashes: () => crashes, mostAtOnce: () => most };
}

const request = (prompt: string): GenerateRequest => ({
  prompt,
  temperature: 0,
  topP: 1,
  topK: 0,
  maxTokens: 8,
  stop: [],
  seed: 1,
});

it('sets aside the one request that ends the process, and answers all others', async () => {
  const { engine, crashes, mostAtOnce } = await fragile();
  const quarantined = withQuarantine(engine);
  const prompts = Array.from({ length: 40 }, (_, i) => (i === 17 ? 'poison' : `good ${i}`));
  const answers = await Promise.allSettled(prompts.map((prompt) => quarantined.generate(request(prompt))));
  const failed = answers.flatMap((answer, i) => (answer.status === 'rejected' ? [[i, answer.reason] as const] : []));
  expect(failed).toHaveLength(1);
  expect(failed[0]?.[0]).toBe(17);
  expect(failed[0]?.[1]).toMatchObject({ kind: 'poison', retryable: false });
  expect(String(failed[0]?.[1])).toContain('3 times');
  expect(crashes()).toBe(3);
  expect(mostAtOnce()).toBe(40);
});

it('lets other failures through as they are', async () => {
  const { engine } = await fragile();
  const failing = {
    ...engine,
    generate: () => Promise.reject(new EngineError('timeout', 'late', { retryable: true })),
  };
  await expect(withQuarantine(failing).generate(request('x'))).rejects.toMatchObject({ kind: 'timeout' });
});
