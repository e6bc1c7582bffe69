/**
 * How much of llama.cpp's speed is left after the engine: its decode rate with all sequences at work (child process, scheduler, sampling,
 * stop strings, times), against llama.cpp's own batched benchmark on the same libraries (llama_decode alone: it samples nothing) and
 * against node-llama-cpp in a bare loop in this process; same model, threads, batch, tokens before and after, in turns.
 *
 *   npm run bench:engine -- [model.gguf] [--tokens 96] [--repetitions 5] [--threads 1] [--batches 1,4,8,16]
 *   npm run bench:engine -- --random   a model of 100 million random weights (Q8_0) instead, made once
 */
import { existsSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { getLlama, LlamaLogLevel, type LlamaModel } from 'node-llama-cpp';
import { definition } from '../packages/forge/src/engines/llama-cpp.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { writeGgufModel } from '../packages/forge/src/lib/write-gguf-model.ts';
import { quantile } from '../packages/forge/src/statistics/quantile.ts';
import { smallShape, writeRandomModel } from '../packages/forge/src/testing/random-model.ts';
import { buildBatchedBench, runBatchedBench } from './llama-batched-bench.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: 'string', default: '96' },
    repetitions: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    batches: { type: 'string', default: '1,4,8,16' },
    random: { type: 'boolean', default: false },
  },
});
const [tokens, repetitions, threads] = [values.tokens, values.repetitions, values.threads].map(Number) as [
  number,
  number,
  number,
];
const contextSize = 256;
const work = join(tmpdir(), 'forge-bench');
/** Of the same length, and each different; requests for them are told apart by their number, which is the seed too. */
const prompts = Array.from(
  { length: 256 },
  (_, i) => `Question: Vera has ${i + 100} stones. Vera buys 5. How many stones does Vera have now?\nLet's think`,
);
/** Any token is as likely as any other, so that nearly every request runs to its token limit. */
const sampling = { temperature: 100, topK: 0, topP: 1 };

async function randomModel(): Promise<string> {
  const folder = join(work, 'random-100m');
  const path = join(folder, 'random-100m-q8_0.gguf');
  if (existsSync(path)) return path;
  console.error('making a model of 100 million random weights');
  const shape = {
    ...smallShape,
    model_type: 'llama',
    hidden_size: 768,
    intermediate_size: 2048,
    num_hidden_layers: 14,
    num_attention_heads: 12,
    num_key_value_heads: 12,
  };
  await writeRandomModel(folder, shape);
  await writeGgufModel({ model: folder, path, name: 'random', dtype: 'Q8_0' });
  return path;
}

/** When the tokens of each sequence came, ms. */
type Times = readonly (readonly number[])[];

const shortest = (times: Times) => Math.min(...times.map((one) => one.length));

/** Tokens per second while every sequence decodes: from the last one's first token to the first one's last. */
function decodeRate(times: Times): number {
  const from = Math.max(...times.map((one) => one[0] ?? Number.NaN));
  const to = Math.min(...times.map((one) => one.at(-1) ?? Number.NaN));
  const count = times.flat().filter((ms) => ms > from && ms <= to).length;
  return (1000 * count) / (to - from);
}

/** Of requests of which each writes at least half of `tokens`: with other seeds where one ends before. */
async function ofLongRequests(batch: number, turn: number, decode: (seeds: readonly number[]) => Promise<Times>) {
  for (let attempt = 0; attempt < 20; attempt++) {
    const first = (turn * 20 + attempt) * batch;
    const times = await decode(Array.from({ length: batch }, (_, i) => (first + i) % prompts.length));
    if (shortest(times) >= tokens / 2) return times;
  }
  throw new Error(`no ${batch} requests ran to ${tokens / 2} tokens in 20 attempts: lower --tokens`);
}

/** Sequences of the binding, nothing else. */
async function bareLoop(model: LlamaModel, seeds: readonly number[]): Promise<Times> {
  const context = await model.createContext({ sequences: seeds.length, contextSize, threads });
  const times = await Promise.all(
    seeds.map(async (seed) => {
      const own: number[] = [];
      const sequence = context.getSequence();
      const input = model.tokenize(prompts[seed] ?? '');
      for await (const _ of sequence.evaluate(input, { ...sampling, minP: 0, seed })) {
        own.push(performance.now());
        if (own.length >= tokens) break;
      }
      return own;
    }),
  );
  await context.dispose();
  return times;
}

async function throughEngine(modelPath: string, seeds: readonly number[]): Promise<Times> {
  const engine = await definition.create(
    definition.options.parse({ model: modelPath, batch: seeds.length, contextSize, threads, gpu: false }),
    { baseDir: process.cwd(), cacheDir: work, env: {}, now: Date.now, notify: () => {} },
  );
  const request = { ...sampling, maxTokens: tokens, stop: ['\nQuestion:'], tokenTimes: true };
  const startedMs = performance.now();
  const times = await Promise.all(
    seeds.map(async (seed) => {
      const calledMs = performance.now() - startedMs;
      const { tokenMs = [] } = await engine.generate({ ...request, prompt: prompts[seed] ?? '', seed });
      return tokenMs.map((ms) => ms + calledMs);
    }),
  );
  await engine.close();
  return times;
}

const median = (rates: readonly number[]) => quantile(Float64Array.from(rates).sort(), 0.5);
const range = (numbers: readonly number[]) =>
  `${median(numbers).toFixed(2)} (${Math.min(...numbers).toFixed(2)} to ${Math.max(...numbers).toFixed(2)})`;

const modelPath = values.random
  ? await randomModel()
  : resolve(positionals[0] ?? join(import.meta.dirname, '../models/lab/lab-world-2m.gguf'));
const own = buildBatchedBench();
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  maxThreads: 0,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath });
const promptTokens = model.tokenize(prompts[0] ?? '').length;
const rows: string[][] = [];
for (const batch of values.batches.split(',').map(Number)) {
  const turns: { own: number; bare: number; engine: number }[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const bare = await ofLongRequests(batch, repetition, (seeds) => bareLoop(model, seeds));
    const engine = await ofLongRequests(batch, repetition, (seeds) => throughEngine(modelPath, seeds));
    // As long as the window in which the engine was timed: every step has more keys and values than the one before.
    const shape = { model: modelPath, batch, threads, promptTokens, tokens: shortest(engine), contextSize };
    turns.push({
      own: 'program' in own ? runBatchedBench(own.program, shape) : Number.NaN,
      bare: decodeRate(bare),
      engine: decodeRate(engine),
    });
  }
  rows.push([
    String(batch),
    'program' in own ? median(turns.map((turn) => turn.own)).toFixed(0) : '',
    median(turns.map((turn) => turn.bare)).toFixed(0),
    median(turns.map((turn) => turn.engine)).toFixed(0),
    'program' in own ? range(turns.map((turn) => turn.engine / turn.own)) : '',
    range(turns.map((turn) => turn.engine / turn.bare)),
  ]);
}
console.log(
  `${basename(modelPath)}, ${promptTokens} + ${tokens} tokens, ${threads} thread(s), ${repetitions} repetitions in turns; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`,
);
if ('missing' in own) console.log(`llama.cpp's own batched benchmark: skipped, ${own.missing}`);
console.log('');
console.log(
  markdownTable(
    [
      'batch',
      'llama-batched-bench, tokens/s',
      'bare loop',
      'engine',
      'engine / llama-batched-bench',
      'engine / bare loop',
    ],
    rows,
  ),
);
await model.dispose();
process.exit(0);
