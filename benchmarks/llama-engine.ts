/**
 * How much of llama.cpp's speed is left after the engine: decode rate of a whole `forge`-style run (child process, scheduler, prompts,
 * stop strings, timings) against the same binding driven in a bare loop in one process, same model, threads and batch, in turns.
 *
 *   npm run bench:engine -- [model.gguf] [--requests 64] [--tokens 96] [--repetitions 5]
 */
import { cpus, loadavg, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { getLlama, LlamaLogLevel, type LlamaModel } from 'node-llama-cpp';
import { definition } from '../packages/forge/src/engines/llama-cpp.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { mapConcurrent } from '../packages/forge/src/lib/map-concurrent.ts';
import { quantile } from '../packages/forge/src/statistics/quantile.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '96' },
    repetitions: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
  },
});
const modelPath = resolve(positionals[0] ?? join(import.meta.dirname, '../models/lab/lab-world-2m.gguf'));
const [requests, tokens, repetitions, threads] = [
  values.requests,
  values.tokens,
  values.repetitions,
  values.threads,
].map(Number) as [number, number, number, number];
const contextSize = 256;
const prompts = Array.from(
  { length: requests },
  (_, i) => `Question: Vera has ${i + 11} stones. Vera buys ${i + 2}. How many stones does Vera have now?\nLet's think`,
);
/** Sampled at a high temperature, so that nearly every request runs to its token limit. */
const sampling = { temperature: 1.5, topK: 0, topP: 1 };

interface Rate {
  tokens: number;
  seconds: number;
}

/** The limit: `batch` sequences, each decoding prompt after prompt, nothing else. */
async function bareLoop(model: LlamaModel, batch: number): Promise<Rate> {
  const context = await model.createContext({ sequences: batch, contextSize, threads });
  const queue = prompts.map((prompt) => [
    ...(model.tokens.bos === null ? [] : [model.tokens.bos]),
    ...model.tokenize(prompt),
  ]);
  let done = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: batch }, async () => {
      const sequence = context.getSequence();
      for (let prompt = queue.pop(); prompt !== undefined; prompt = queue.pop()) {
        await sequence.clearHistory();
        let count = 0;
        for await (const _ of sequence.evaluate(prompt, { ...sampling, minP: 0, seed: 1 }))
          if (++count >= tokens) break;
        done += count;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await context.dispose();
  return { tokens: done, seconds };
}

async function throughEngine(batch: number): Promise<Rate> {
  const engine = await definition.create(
    definition.options.parse({ model: modelPath, batch, contextSize, threads, gpu: false }),
    {
      baseDir: process.cwd(),
      cacheDir: join(tmpdir(), 'forge-bench'),
      env: {},
      now: Date.now,
      notify: () => {},
    },
  );
  async function* source() {
    yield* prompts;
  }
  let done = 0;
  const started = performance.now();
  const answers = mapConcurrent(source(), engine.concurrency, (prompt) =>
    engine.generate({ ...sampling, prompt, maxTokens: tokens, stop: ['\nQuestion:'], seed: 1 }),
  );
  for await (const { usage } of answers) done += usage.completionTokens;
  const seconds = (performance.now() - started) / 1000;
  await engine.close();
  return { tokens: done, seconds };
}

const median = (rates: readonly number[]) => quantile(Float64Array.from(rates).sort(), 0.5);

const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: 0,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath });
const rows: string[][] = [];
for (const batch of [1, 4, 8, 16]) {
  const pairs: { bare: number; engine: number }[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const bare = await bareLoop(model, batch);
    const engine = await throughEngine(batch);
    pairs.push({ bare: bare.tokens / bare.seconds, engine: engine.tokens / engine.seconds });
  }
  const ratios = pairs.map(({ bare, engine }) => engine / bare);
  rows.push([
    String(batch),
    median(pairs.map((pair) => pair.bare)).toFixed(0),
    median(pairs.map((pair) => pair.engine)).toFixed(0),
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  ]);
}
console.log(
  `${basename(modelPath)}, ${requests} requests of up to ${tokens} tokens, ${threads} thread(s), ${repetitions} repetitions in turns`,
);
console.log(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}\n`);
console.log(markdownTable(['batch', 'bare loop, tokens/s', 'engine, tokens/s', 'ratio (median)', 'range'], rows));
await model.dispose();
process.exit(0);
