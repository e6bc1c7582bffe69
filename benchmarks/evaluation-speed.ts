/**
 * How long the evaluation of the lab model takes (naive and chain of thought on the arithmetic questions), through the product's runner:
 * one request at a time without a prefix cache, against batches with one, in turns; larger batches also on all cores with keys and values in
 * 8 bits; and a loop of Hugging Face transformers on the CPU with the same weights, prompts, stop strings and bound, one prompt at a time
 * and in its fastest setting, where FORGE_TEST_PYTHON names a Python that has it.
 *
 *   npm run bench:evaluation -- [--examples 1000] [--batch 16] [--turns 3]
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDataset, buildMethod, buildMetrics } from '../packages/forge/src/build.ts';
import { createComponentPool } from '../packages/forge/src/component-pool.ts';
import type { Surroundings } from '../packages/forge/src/definition.ts';
import { definition as llamaCpp } from '../packages/forge/src/engines/llama-cpp.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import { runExperiment } from '../packages/forge/src/run-experiment.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    examples: { type: 'string', default: '1000' },
    batch: { type: 'string', default: '16' },
    turns: { type: 'string', default: '3' },
  },
});
const [examples, batch, turns] = [values.examples, values.batch, values.turns].map(Number) as [number, number, number];
const maxTokens = 160;
const stops = { naive: ['\n\n', '\nQuestion:'], 'chain-of-thought': ['\nQuestion:'] } as const;
const methods = ['naive', 'chain-of-thought'] as const;

const surroundings: Surroundings = {
  baseDir: root,
  cacheDir: join(tmpdir(), 'forge-bench'),
  env: process.env,
  now: Date.now,
  notify: () => {},
};
const components = createComponentPool(surroundings);
const dataset = await buildDataset({ name: 'lab-world', options: { split: 'arithmetic', part: 'test' } }, surroundings);

interface Answer {
  readonly method: (typeof methods)[number];
  readonly exampleId: string;
  readonly prompt: string;
  readonly text: string;
}

/** One evaluation: seconds without loading the model, answers by method and example. */
interface Evaluation {
  readonly seconds: number;
  readonly answers: readonly Answer[];
}

const inOrder = (answers: readonly Answer[]) =>
  answers.toSorted((a, b) => (`${a.method} ${a.exampleId}` < `${b.method} ${b.exampleId}` ? -1 : 1));

/** Both methods through the runner, each as a run of its own. */
async function throughRunner(options: object): Promise<Evaluation> {
  const engine = await llamaCpp.create(
    llamaCpp.options.parse({ model: 'models/lab/lab-world-2m.gguf', contextSize: 512, gpu: false, ...options }),
    surroundings,
  );
  const answers: Answer[] = [];
  let wallMs = 0;
  for (const method of methods) {
    const run = {
      runId: method,
      variant: method,
      dataset,
      engine,
      method: await buildMethod({ name: method, options: { stop: stops[method] } }, components),
      metrics: await buildMetrics([{ name: 'numeric-match', options: {} }], components),
      sampling: { temperature: 0, topP: 1, topK: 0, maxTokens, stop: [] },
      sample: examples,
      sampleSeed: 'evaluation speed',
      seed: 1,
      done: new Set<string>(),
      origin: { configHash: '', codeRevision: '', forgeVersion: '', machine: {} },
    };
    for await (const event of runExperiment(run, { now: Date.now, monotonic: () => performance.now() })) {
      if (event.type === 'run-finished') wallMs += event.wallMs;
      if (event.type !== 'example-finished') continue;
      const { exampleId, failure, calls } = event.result;
      if (failure !== undefined) throw new Error(`${method} ${exampleId}: ${failure.message}`);
      answers.push({ method, exampleId, prompt: calls[0]?.prompt ?? '', text: calls[0]?.output ?? '' });
    }
  }
  await engine.close();
  return { seconds: wallMs / 1000, answers: inOrder(answers) };
}

interface LoopSetting {
  readonly batch: number;
  readonly threads: number;
}

/** The loop of transformers over the prompts of these answers. */
function throughTransformers(python: string, asked: readonly Answer[], setting: LoopSetting): Evaluation {
  let seconds = 0;
  const answers: Answer[] = [];
  for (const method of methods) {
    const questions = asked.filter((one) => one.method === method);
    const requests = questions.map(({ prompt }) => ({ prompt, stop: stops[method] }));
    const { stdout, status, stderr } = spawnSync(python, [join(import.meta.dirname, 'transformers_loop.py')], {
      input: JSON.stringify({ model: join(root, 'models/lab'), maxTokens, requests, ...setting }),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    if (status !== 0) throw new Error(`transformers_loop.py ended with ${status}: ${stderr.slice(-500)}`);
    const done = JSON.parse(stdout) as { seconds: number; texts: string[] };
    seconds += done.seconds;
    answers.push(...questions.map((question, i) => ({ ...question, text: done.texts[i] ?? '' })));
  }
  return { seconds, answers: inOrder(answers) };
}

/** The fastest of its batch sizes and thread counts, on the first hundred questions of each method. */
function fastestSetting(python: string, asked: readonly Answer[]): LoopSetting {
  const few = methods.flatMap((method) => asked.filter((one) => one.method === method).slice(0, 100));
  const timed = [1, cpus().length].flatMap((threads) =>
    [1, 8].map((size) => {
      const setting = { batch: size, threads };
      const { seconds } = throughTransformers(python, few, setting);
      console.error(`transformers, batch ${size}, ${threads} thread(s): ${seconds.toFixed(1)} s for ${few.length}`);
      return { setting, seconds };
    }),
  );
  return timed.reduce((best, one) => (one.seconds < best.seconds ? one : best)).setting;
}

const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const range = (numbers: readonly number[], digits: number) =>
  `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)})`;

const python = process.env.FORGE_TEST_PYTHON;
let loop: LoopSetting | undefined;
const found = new Map<string, Evaluation[]>();
const keep = (how: string, evaluation: Evaluation) => found.set(how, [...(found.get(how) ?? []), evaluation]);
const sequentialName = 'one at a time, no cache';
const batchedName = `batch ${batch}, prefix cache`;
const tunedName = `batch ${2 * batch}, prefix cache, ${cpus().length} threads, kvCache q8_0`;
for (let turn = 0; turn < turns; turn++) {
  const sequential = await throughRunner({ batch: 1, prefixCache: false });
  keep(sequentialName, sequential);
  keep(batchedName, await throughRunner({ batch }));
  keep(tunedName, await throughRunner({ batch: 2 * batch, threads: cpus().length, kvCache: 'q8_0' }));
  if (python === undefined) continue;
  loop ??= fastestSetting(python, sequential.answers);
  for (const setting of [{ ...loop, batch: 1 }, loop]) {
    const name = `transformers, batch ${setting.batch}, ${setting.threads} thread(s)`;
    keep(name, throughTransformers(python, sequential.answers, setting));
  }
}
await components.close();

const secondsOf = (how: string) => (found.get(how) ?? []).map(({ seconds }) => seconds);
const reference = found.get(sequentialName)?.[0]?.answers ?? [];
const rows = [...found].map(([how, evaluations]) => {
  const seconds = evaluations.map((one) => one.seconds);
  const ratios = secondsOf(tunedName).map((fast, i) => (seconds[i] ?? Number.NaN) / fast);
  const same = reference.filter(({ text }, i) => text.trim() === evaluations[0]?.answers[i]?.text.trim()).length;
  return [how, range(seconds, 1), range(ratios, 2), `${((100 * same) / reference.length).toFixed(1)} %`];
});
console.log(
  `naive and chain of thought, ${reference.length} greedy answers, ${turns} turns; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}\n`,
);
console.log(
  markdownTable(['how', 'seconds, median (range)', `times as long as ${tunedName}`, 'texts as one at a time'], rows),
);
if (python === undefined)
  console.log('\ntransformers: skipped, as FORGE_TEST_PYTHON names no Python with torch and transformers');
process.exit(0);
