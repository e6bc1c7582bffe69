// Speed and memory of DPO steps on the lab model: trainer native against TRL on PyTorch, the same job by the same contract, in
// turns: `npm run bench:dpo`. TRL needs Python: FORGE_TEST_PYTHON names an interpreter that has the packages, else an
// environment is made once (a download of some 200 MB).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createComponent } from '../packages/forge/src/create-component.ts';
import type { Surroundings } from '../packages/forge/src/definition.ts';
import type { Trainer, TrainJob } from '../packages/forge/src/trainer.ts';
import { trainers } from '../packages/forge/src/trainers/index.ts';
import { trainingSettings } from '../packages/forge/src/training-settings.ts';

const root = join(import.meta.dirname, '..');
const turns = 3;
/** The first steps prepare memory. */
const warmUpSteps = 3;
const threads = Math.min(2, cpus().length);
const work = mkdtempSync(join(tmpdir(), 'forge-dpo-'));

const surroundings: Surroundings = {
  baseDir: root,
  cacheDir: join(root, '.forge', 'cache'),
  env: process.env,
  allowPrograms: true,
  now: Date.now,
  notify: ({ message }) => console.error(message),
};

const shapes = {
  'batch 4 x 4, q and v': { batch: { size: 4, accumulate: 4 }, lora: { targets: ['q_proj', 'v_proj'] } },
  'batch 16, all matrices': {
    batch: { size: 16, accumulate: 1 },
    lora: { targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] },
  },
} as const;

interface Measured {
  readonly tokensPerSecond: number;
  readonly peakMegabytes: number;
  readonly lastLoss: number;
}

async function measure(trainer: Trainer, settings: Record<string, unknown>, name: string): Promise<Measured> {
  const job: TrainJob = {
    folder: join(work, name),
    model: { path: join(root, 'models/lab'), reference: 'models/lab' },
    rows: { train: rowsFile, trainCount: rows.length, validation: null },
    settings: trainingSettings.parse({
      ...settings,
      objective: { name: 'dpo', beta: 0.1 },
      optimizer: { learningRate: 1e-3, warmup: 0 },
      maxSteps: 25,
      checkpointEvery: 1000,
    }),
  };
  let [tokens, ms, peak, lastLoss] = [0, 0, 0, 0];
  for await (const event of trainer.train(job)) {
    if (event.type === 'step' && event.step > warmUpSteps) {
      tokens += event.tokens;
      ms += event.tookMs;
      lastLoss = event.loss;
    }
    if (event.type === 'finished') peak = event.peakMemoryBytes;
  }
  return { tokensPerSecond: (1000 * tokens) / ms, peakMegabytes: peak / 1e6, lastLoss };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const range = (values: readonly number[], digits: number) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;

const rows = readFileSync(join(root, 'datasets/lab-world/pairs.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.stringify({ kind: 'preference', ...JSON.parse(line) }));
const rowsFile = join(work, 'rows.jsonl');
writeFileSync(rowsFile, `${rows.join('\n')}\n`);

const python = process.env.FORGE_TEST_PYTHON;
const trainerOf = (name: string, options: Record<string, unknown>) =>
  createComponent(trainers, { name, options }, surroundings);

try {
  const native = await trainerOf('native', { threads });
  const trl = await trainerOf('trl', { threads, device: 'cpu', ...(python === undefined ? {} : { python }) });
  console.log(`DPO on the lab model, ${threads} threads, median of ${turns} turns (range)\n`);
  console.log('| shape | native, tokens/s | TRL, tokens/s | ratio | native, MB | TRL, MB |');
  console.log('|---|---:|---:|---:|---:|---:|');
  for (const [shape, settings] of Object.entries(shapes)) {
    const found: { native: Measured; trl: Measured }[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const name = `${shape.replaceAll(/\W+/g, '-')}-${turn}`;
      const one = await measure(native, settings, `${name}-native`);
      const other = await measure(trl, settings, `${name}-trl`);
      found.push({ native: one, trl: other });
    }
    const of = (pick: (one: (typeof found)[number]) => number, digits: number) => range(found.map(pick), digits);
    console.log(
      `| ${shape} | ${of((one) => one.native.tokensPerSecond, 0)} | ${of((one) => one.trl.tokensPerSecond, 0)} | ${of((one) => one.native.tokensPerSecond / one.trl.tokensPerSecond, 2)} | ${of((one) => one.native.peakMegabytes, 0)} | ${of((one) => one.trl.peakMegabytes, 0)} |`,
    );
    // The same seed gives other initial adapters in PyTorch, so the losses are near each other, not equal.
    console.log(
      `  loss at the end: native ${of((one) => one.native.lastLoss, 4)}, TRL ${of((one) => one.trl.lastLoss, 4)}`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
