/**
 * What the prefix cache of the llama-cpp engine saves, and what it does to answers: tokens prefilled on two workloads of prompts that share
 * long prefixes, against the distinct tokens of their tree (1 = nothing twice; aim: 1.05 at most), with wall times; and how many greedy
 * answers of the lab model differ from those of the batch-invariant mode, by batch size, with the cache and without.
 *
 *   npm run bench:prefix -- [--batch 8] [--questions 300] [--repetitions 3]
 */
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDataset, buildMethod } from '../packages/forge/src/build.ts';
import { createComponentPool } from '../packages/forge/src/component-pool.ts';
import type { Surroundings } from '../packages/forge/src/definition.ts';
import type { Generation } from '../packages/forge/src/engine.ts';
import { definition } from '../packages/forge/src/engines/llama-cpp.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { mapConcurrent } from '../packages/forge/src/lib/map-concurrent.ts';
import {
  distinctTokens,
  fewShotTreePrompts,
  prefilledTokens,
  sharedPrefixPrompts,
} from '../packages/forge/src/testing/prefix-workload.ts';

const root = join(import.meta.dirname, '..');
const model = join(root, 'models/lab/lab-world-2m.gguf');
const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '8' },
    questions: { type: 'string', default: '300' },
    repetitions: { type: 'string', default: '3' },
  },
});
const [batch, questions, repetitions] = [values.batch, values.questions, values.repetitions].map(Number) as [
  number,
  number,
  number,
];
const surroundings: Surroundings = {
  baseDir: root,
  cacheDir: join(tmpdir(), 'forge-bench'),
  env: {},
  now: Date.now,
  notify: () => {},
};

const openEngine = (options: object) =>
  Promise.resolve(definition.create(definition.options.parse({ model, gpu: false, ...options }), surroundings));

/** All at once; the seconds are without loading the model. */
async function answerAll(prompts: readonly string[], options: object, maxTokens: number) {
  const engine = await openEngine(options);
  const request = { temperature: 0, topP: 1, topK: 0, maxTokens, stop: ['\nQuestion:'], seed: 1 };
  const startedMs = performance.now();
  const generations = await Promise.all(prompts.map((prompt) => engine.generate({ ...request, prompt })));
  const seconds = (performance.now() - startedMs) / 1000;
  await engine.close();
  return { generations, seconds };
}

const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function savedTokens(): Promise<string[][]> {
  const rows: string[][] = [];
  for (const [what, prompts] of [
    ['64 prompts, the same 1,000 tokens before', sharedPrefixPrompts()],
    ['12 sets of few-shot examples x 8 questions, shuffled', fewShotTreePrompts()],
  ] as const) {
    const distinct = await distinctTokens(model, prompts);
    // Longer than the lab model's own: what it writes there says nothing, what is prefilled does.
    const options = { batch, contextSize: 1536 };
    const cached: { generations: readonly Generation[]; seconds: number }[] = [];
    const plain: typeof cached = [];
    for (let repetition = 0; repetition < repetitions; repetition++) {
      cached.push(await answerAll(prompts, options, 16));
      plain.push(await answerAll(prompts, { ...options, prefixCache: false }, 16));
    }
    const [prefilled, without] = [cached, plain].map((all) => prefilledTokens(all[0]?.generations ?? [])) as [
      number,
      number,
    ];
    rows.push([
      what,
      String(distinct),
      String(prefilled),
      Math.max(...cached.map(({ generations }) => prefilledTokens(generations) / distinct)).toFixed(3),
      String(without),
      median(cached.map(({ seconds }) => seconds)).toFixed(1),
      median(plain.map(({ seconds }) => seconds)).toFixed(1),
    ]);
  }
  return rows;
}

/** Chain-of-thought prompts of the arithmetic questions, in the order of the data set. */
async function questionPrompts(): Promise<string[]> {
  const components = createComponentPool(surroundings);
  const dataset = await buildDataset(
    { name: 'lab-world', options: { split: 'arithmetic', part: 'test' } },
    surroundings,
  );
  const method = await buildMethod({ name: 'chain-of-thought', options: {} }, components);
  const prompts: string[] = [];
  for await (const example of dataset.examples()) {
    if (prompts.length >= questions) break;
    prompts.push(...method.preview(example).prompts);
  }
  await components.close();
  return prompts;
}

/** As the runner asks: as many at once as the engine says. */
async function textsOf(prompts: readonly string[], options: object): Promise<string[]> {
  const engine = await openEngine({ contextSize: 512, ...options });
  async function* numbered() {
    yield* prompts.entries();
  }
  const texts: string[] = [];
  const request = { temperature: 0, topP: 1, topK: 0, maxTokens: 160, stop: ['\nQuestion:'], seed: 1 };
  const answers = mapConcurrent(numbered(), engine.concurrency, async ([i, prompt]) => {
    texts[i] = (await engine.generate({ ...request, prompt })).text;
  });
  for await (const _ of answers);
  await engine.close();
  return texts;
}

async function flipRates(): Promise<string[][]> {
  const prompts = await questionPrompts();
  const alone = await textsOf(prompts, { invariant: true });
  const lastLine = (text: string | undefined) => text?.trim().split('\n').at(-1);
  const rows: string[][] = [];
  for (const size of [1, 4, 8, 16]) {
    const cells = await Promise.all(
      [true, false].map(async (prefixCache) => {
        const texts = await textsOf(prompts, { batch: size, prefixCache });
        const turned = texts.filter((text, i) => text !== alone[i]).length;
        const answers = texts.filter((text, i) => lastLine(text) !== lastLine(alone[i])).length;
        return [turned, answers].map((count) => `${((100 * count) / prompts.length).toFixed(1)} % (${count})`);
      }),
    );
    rows.push([String(size), ...cells.flat()]);
  }
  return rows;
}

console.log(`batch ${batch}, ${repetitions} repetitions; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}\n`);
console.log(
  markdownTable(
    [
      'prompts',
      'distinct tokens',
      'prefilled',
      'ratio, largest',
      'prefilled without cache',
      'seconds',
      'without cache',
    ],
    await savedTokens(),
  ),
);
console.log(`\nanswers of ${questions} questions that differ from those of the batch-invariant mode\n`);
console.log(
  markdownTable(
    ['batch', 'texts, with cache', 'last lines, with cache', 'texts, without', 'last lines, without'],
    await flipRates(),
  ),
);
process.exit(0);
