import { fileURLToPath } from 'node:url';
import { type BatchItem, getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import { createLockstep } from './lockstep.ts';

const modelPath = fileURLToPath(new URL('../../../../../models/lab/lab-world-2m.gguf', import.meta.url));
const item = (length: number): BatchItem => ({
  tokens: Array.from({ length }, () => 1) as unknown as BatchItem['tokens'],
  logits: [],
  evaluationPriority: 5,
});

describe('lockstep', () => {
  it('decodes every sequence in every step', async () => {
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      maxThreads: 0,
      logLevel: LlamaLogLevel.error,
    });
    const model = await llama.loadModel({ modelPath });
    const lockstep = createLockstep();
    const steps: number[] = [];
    const context = await model.createContext({
      sequences: 6,
      contextSize: 256,
      threads: 1,
      batching: {
        itemPrioritizationStrategy(step) {
          const shares = lockstep.share(step);
          if (shares.length > 0) steps.push(shares.length);
          return shares;
        },
      },
    });
    const tokens = 24;
    const written = await Promise.all(
      Array.from({ length: 6 }, async (_, i) => {
        const sequence = context.getSequence();
        const prompt = model.tokenize(
          `Question: Vera has ${i + 10} stones. Vera buys 5. How many stones?\nLet's think`,
        );
        let count = 0;
        lockstep.asks(sequence);
        // An end counts as a token: no sequence stops before the others.
        for await (const _token of sequence.evaluate(prompt, { yieldEogToken: true })) {
          lockstep.hasToken(sequence);
          if (++count === tokens) break;
          lockstep.asks(sequence);
        }
        lockstep.hasToken(sequence);
        return count;
      }),
    );
    await llama.dispose();
    const decoded = written.reduce((sum, count) => sum + count, 0);
    expect(decoded).toBe(6 * tokens);
    expect(steps).toHaveLength(Math.max(...written));
    expect(steps.reduce((sum, count) => sum + count, 0)).toBe(decoded);
  });

  it('waits a bounded time for one that does not ask', () => {
    const lockstep = createLockstep();
    for (const sequence of [{}, {}]) lockstep.asks(sequence);
    let turns = 0;
    while (lockstep.share({ items: [item(1)], size: 8 }).length === 0) turns++;
    expect(turns).toBe(64);
  });

  it('gives the next token of each before a long prompt', () => {
    const items = [item(20), item(1), item(1)];
    const shares = createLockstep().share({ items, size: 8 });
    expect(shares.map((one) => [items.indexOf(one.item), one.processAmount])).toEqual([
      [1, 1],
      [2, 1],
      [0, 6],
    ]);
  });
});
