import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPeftAdapter } from '../lib/peft-adapter.ts';
import { drills } from '../testing/drills.ts';
import { families, texts as familyTexts } from '../testing/model-families.ts';
import { writeRandomAdapter, writeRandomModel } from '../testing/random-model.ts';
import type { TrainEvent, TrainJob, TrainStep } from '../trainer.ts';
import { trainingSettings } from '../training-settings.ts';
import { openTokenizer } from './native/encode-rows.ts';
import { trainInProcess } from './native/process.ts';

const fixtures = fileURLToPath(new URL('./native/fixtures', import.meta.url));
const labModel = resolve('models/lab');
const pairsFile = join(fixtures, 'pairs.jsonl');
const pairs = (await readFile(pairsFile, 'utf8')).trim().split('\n');

interface ReferenceStep extends Pick<TrainStep, 'step' | 'loss' | 'learningRate' | 'gradientNorm' | 'tokens'> {
  readonly preference?: NonNullable<TrainStep['preference']>;
}
interface ReferenceRun {
  readonly settings: Record<string, unknown>;
  readonly steps: readonly ReferenceStep[];
}
/** Made by benchmarks/trl_reference.py: TRL's own figures, with the versions that gave them. */
const reference = JSON.parse(await readFile(join(fixtures, 'trl-reference.json'), 'utf8')) as {
  runs: Record<'sigmoid' | 'ipo' | 'labelSmoothing' | 'sft', ReferenceRun>;
  logprobs: { chosenLogprob: number; rejectedLogprob: number }[];
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-native-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Given = Record<string, unknown>;
const dpo: Given = { objective: { name: 'dpo', beta: 0.1 }, batch: { size: 4, accumulate: 2 }, maxSteps: 4 };

async function jobOf(settings: Given, options: { name?: string; train?: string; validation?: string } = {}) {
  const { name = 'job', train = pairsFile, validation = null } = options;
  const job: TrainJob = {
    folder: join(folder, name),
    model: { path: labModel, reference: 'models/lab' },
    rows: { train, trainCount: (await readFile(train, 'utf8')).trim().split('\n').length, validation },
    settings: trainingSettings.parse(settings),
  };
  await mkdir(job.folder, { recursive: true });
  return job;
}

async function rowsFile(name: string, rows: readonly unknown[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** The chosen answers as texts. */
const texts = () =>
  pairs.map((line) => {
    const { id, prompt, chosen } = JSON.parse(line);
    return {
      kind: 'text',
      id,
      segments: [
        { text: prompt, weight: 0 },
        { text: chosen, weight: 1, stop: true },
      ],
    };
  });

async function train(job: TrainJob, signal?: AbortSignal): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainInProcess(job, { threads: 2, providers: ['cpu'] }, signal)) events.push(event);
  return events;
}
const stepsOf = (events: readonly TrainEvent[]) => events.filter((event) => event.type === 'step');
const adapterBytes = (job: TrainJob) => readFile(join(job.folder, 'adapter', 'adapter_model.safetensors'));

describe('the same numbers as TRL, step by step', () => {
  test.each(['sigmoid', 'ipo', 'labelSmoothing', 'sft'] as const)(
    '%s',
    async (name) => {
      const { settings, steps } = reference.runs[name];
      const train_ = name === 'sft' ? await rowsFile('texts.jsonl', texts()) : pairsFile;
      const job = await jobOf(settings, { train: train_ });
      await cp(join(fixtures, 'initial-adapter'), join(job.folder, 'initial-adapter'), { recursive: true });
      const found = stepsOf(await train(job));
      expect(found).toHaveLength(steps.length);
      for (const [i, step] of steps.entries()) {
        const { loss, learningRate, gradientNorm, tokens, preference } = found[i] as TrainStep;
        expect(loss).toBeCloseTo(step.loss, 4);
        expect(learningRate).toBeCloseTo(step.learningRate, 10);
        expect(gradientNorm / step.gradientNorm).toBeCloseTo(1, 4);
        expect(tokens).toBe(step.tokens);
        for (const key of ['chosenReward', 'rejectedReward', 'margin', 'chosenLogprob', 'rejectedLogprob'] as const)
          if (step.preference !== undefined) expect(preference?.[key]).toBeCloseTo(step.preference[key], 3);
      }
    },
    120_000,
  );
});

describe('models of the family', () => {
  // The first text is cut into other tokens where prompt and answer are tokenised apart.
  const asked = familyTexts.slice(1);
  const allTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

  test.each([...families])(
    '$what: log-probabilities as those of transformers and PEFT',
    async (family) => {
      const model = join(folder, 'model');
      await writeRandomModel(model, family.config, family.extras);
      const tokenizer = await openTokenizer(model, 'random');
      for (const [i, { prompt, continuation }] of asked.entries()) {
        const row = {
          kind: 'text',
          id: '1',
          segments: [
            { text: prompt, weight: 0 },
            { text: continuation, weight: 1 },
          ],
        };
        const file = await rowsFile(`text-${i}.jsonl`, [row]);
        const settings = {
          objective: { name: 'sft' },
          lora: { rank: 4, alpha: 6, targets: allTargets },
          maxSteps: 1,
          maxLength: 256,
        };
        const job = await jobOf(settings, { train: file, validation: file, name: `job-${i}` });
        await writeRandomAdapter(join(job.folder, 'initial-adapter'), model);
        const [first] = (await train({ ...job, model: { path: model, reference: 'random' } })).filter(
          (event) => event.type === 'validation',
        );
        const count = tokenizer.encode(continuation).length;
        // float32 sums of a hundred tokens.
        expect(-(first?.loss as number) * count).toBeCloseTo(family.adapted[i + 1] as number, 2);
      }
    },
    60_000,
  );
});

test('validation before the first step gives the log-probabilities of transformers, rewards are zero', async () => {
  const job = await jobOf({ ...dpo, maxSteps: 1 }, { validation: pairsFile });
  const [first] = (await train(job)).filter((event) => event.type === 'validation');
  const mean = (key: 'chosenLogprob' | 'rejectedLogprob') =>
    reference.logprobs.reduce((sum, one) => sum + one[key], 0) / reference.logprobs.length;
  expect(first).toMatchObject({ step: 0, n: pairs.length });
  expect(first?.loss).toBeCloseTo(Math.LN2, 5);
  expect(first?.preference?.chosenLogprob).toBeCloseTo(mean('chosenLogprob'), 3);
  expect(first?.preference?.rejectedLogprob).toBeCloseTo(mean('rejectedLogprob'), 3);
  expect(first?.preference?.margin).toBeCloseTo(0, 5);
}, 60_000);

test.each([
  ['dpo', { objective: { name: 'dpo', sftWeight: 0.5 } }],
  ['sft', { objective: { name: 'sft', promptWeight: 0.1 } }],
] as const)(
  '%s: how a step is cut into batches does not matter',
  async (name, settings) => {
    const train_ = name === 'sft' ? await rowsFile('texts.jsonl', texts()) : pairsFile;
    const runs = [
      { size: 8, accumulate: 1 },
      { size: 1, accumulate: 8 },
    ].map(async (batch, i) => {
      const job = await jobOf(
        { ...settings, batch, maxSteps: 4, optimizer: { learningRate: 1e-3, warmup: 0 } },
        { train: train_, name: `job-${i}` },
      );
      return stepsOf(await train(job));
    });
    const [whole, single] = (await Promise.all(runs)) as [TrainStep[], TrainStep[]];
    for (const [i, step] of whole.entries()) {
      expect(single[i]?.loss).toBeCloseTo(step.loss, 4);
      expect(single[i]?.gradientNorm).toBeCloseTo(step.gradientNorm, 3);
    }
  },
  60_000,
);

test('texts that share a line do not see each other: packed and not packed give the same loss', async () => {
  const file = await rowsFile('texts.jsonl', texts().slice(0, 16));
  const settings = { objective: { name: 'sft' }, maxSteps: 1, shuffle: false };
  const losses = [
    { size: 16, accumulate: 1 },
    { packTokens: 2000, accumulate: 1 },
  ].map(async (batch, i) => {
    const job = await jobOf({ ...settings, batch }, { train: file, name: `job-${i}`, validation: file });
    const [first] = (await train(job)).filter((event) => event.type === 'validation');
    return first?.loss as number;
  });
  const [plain, packed] = await Promise.all(losses);
  expect(packed).toBeCloseTo(plain as number, 4);
}, 60_000);

describe('a training that is killed', () => {
  const settings = {
    ...dpo,
    maxSteps: 8,
    checkpointEvery: 3,
    // With dropout: its masks must come again too.
    lora: { dropout: 0.1, targets: ['q_proj', 'down_proj'] },
    optimizer: { learningRate: 1e-3 },
  };

  test('goes on from its checkpoint and ends with the same adapter, byte for byte', async () => {
    const whole = await jobOf(settings, { name: 'whole' });
    const expected = stepsOf(await train(whole));
    const job = await jobOf(settings, { name: 'killed' });
    // Leaving the loop kills the process (SIGKILL), between two checkpoints.
    for await (const event of trainInProcess(job, { threads: 2, providers: ['cpu'] }))
      if (event.type === 'step' && event.step === 5) break;
    const events = await train(job);
    expect(events.find((event) => event.type === 'started')).toMatchObject({ doneSteps: 3, totalSteps: 8 });
    const bare = (steps: readonly TrainStep[]) => steps.map(({ tookMs, ...step }) => step);
    expect(bare(stepsOf(events))).toEqual(bare(expected.slice(3)));
    expect(await adapterBytes(job)).toEqual(await adapterBytes(whole));
  }, 60_000);

  test('a checkpoint of other settings is refused', async () => {
    await train(await jobOf({ ...dpo, maxSteps: 1 }));
    const other = await jobOf({ ...dpo, maxSteps: 1, optimizer: { learningRate: 1e-3 } });
    await expect(train(other)).rejects.toThrow('is of a training with other settings or rows');
  }, 60_000);
});

test('a signal stops it after the step under way; it goes on later', async () => {
  const settings = { ...dpo, maxSteps: 6, optimizer: { learningRate: 1e-3 } };
  const job = await jobOf(settings);
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of trainInProcess(job, { threads: 2, providers: ['cpu'] }, controller.signal)) {
    events.push(event);
    if (event.type === 'step' && event.step === 2) controller.abort();
  }
  expect(events.at(-1)).toMatchObject({ type: 'finished', reason: 'cancelled' });
  const rest = await train(job);
  expect(rest.at(-1)).toMatchObject({ type: 'finished', reason: 'completed', step: 6 });
}, 60_000);

test('early stop ends with the weights of the best look', async () => {
  const file = await rowsFile(
    'few.jsonl',
    pairs.slice(0, 8).map((line) => JSON.parse(line)),
  );
  // Far too high a rate: the validation loss rises at once.
  const settings = {
    ...dpo,
    batch: { size: 4, accumulate: 1 },
    maxSteps: 40,
    epochs: 100,
    evaluateEvery: 1,
    earlyStop: { patience: 2 },
    optimizer: { learningRate: 0.5, warmup: 0 },
  };
  const job = await jobOf(settings, { train: file, validation: pairsFile });
  const events = await train(job);
  expect(events.at(-1)).toMatchObject({ type: 'finished', reason: 'early-stop' });
  const looks = events.filter((event) => event.type === 'validation');
  expect(looks.length).toBeLessThan(40);
}, 60_000);

test('all seven targets learn, and the adapter is in the layout of PEFT', async () => {
  const targets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];
  const settings = { ...dpo, lora: { rank: 4, alpha: 8, targets }, optimizer: { learningRate: 3e-3, warmup: 0 } };
  // The same eight pairs at every step: what is learnt shows in the loss.
  const few = await rowsFile(
    'few.jsonl',
    pairs.slice(0, 8).map((line) => JSON.parse(line)),
  );
  const job = await jobOf({ ...settings, maxSteps: 12, epochs: 12 }, { train: few });
  const events = await train(job);
  const steps = stepsOf(events);
  const [estimate, peak] = events.flatMap((event) =>
    event.type === 'started' ? [event.memoryBytes ?? 0] : event.type === 'finished' ? [event.peakMemoryBytes] : [],
  ) as [number, number];
  // The estimate is what is asked for before the first step: it must not be far from the truth.
  expect(peak / estimate).toBeGreaterThan(0.5);
  expect(peak / estimate).toBeLessThan(1.5);
  expect(steps.at(-1)?.loss).toBeLessThan(0.6);
  const adapter = await readPeftAdapter(join(job.folder, 'adapter'));
  expect(adapter).toMatchObject({ rank: 4, alpha: 8, baseModel: 'models/lab' });
  expect(adapter.matrices).toHaveLength(35);
  expect(adapter.matrices.every(({ b }) => b.some((value) => value !== 0))).toBe(true);
}, 60_000);

test.each(drills ? (['adamw', 'muon'] as const) : (['muon'] as const))(
  'without LoRA all weights are trained: %s',
  async (name) => {
    const file = await rowsFile('texts.jsonl', texts());
    const settings = {
      objective: { name: 'pretrain' },
      lora: false,
      optimizer: { name, learningRate: 3e-3, muonLearningRate: 0.01, warmup: 0 },
      batch: { packTokens: 512, accumulate: 1 },
      epochs: 20,
      maxSteps: 30,
    };
    const job = await jobOf(settings, { train: file, validation: file });
    const looks = (await train(job)).filter((event) => event.type === 'validation');
    // A new model knows nothing: the loss is that of guessing among all tokens.
    expect(looks[0]?.loss).toBeGreaterThan(6.5);
    expect(looks.at(-1)?.loss).toBeLessThan(4.5);
    const config = JSON.parse(await readFile(join(job.folder, 'model', 'config.json'), 'utf8'));
    expect(config.model_type).toBe('llama');
  },
  90_000,
);

describe('what cannot be trained is said before the first step', () => {
  test('a context that is too short', async () => {
    const job = await jobOf({ ...dpo, maxLength: 4096 });
    await expect(train(job)).rejects.toThrow('maxLength: 4096 is not allowed: model models/lab has a context of 1024');
  });
  test('texts for dpo', async () => {
    const job = await jobOf(dpo, { train: await rowsFile('texts.jsonl', texts()) });
    await expect(train(job)).rejects.toThrow('objective: dpo needs preference pairs; the data has texts');
  });
  test('rows that are all too long', async () => {
    const job = await jobOf({ ...dpo, maxLength: 8 });
    await expect(train(job)).rejects.toThrow('no training row is left: 96 of 96 are longer than maxLength (8)');
  });
  test('a model of another family', async () => {
    const path = join(folder, 'other');
    await cp(labModel, path, { recursive: true });
    const config = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
    await writeFile(join(path, 'config.json'), JSON.stringify({ ...config, model_type: 'gpt2' }));
    const job = { ...(await jobOf(dpo)), model: { path, reference: 'other' } };
    await expect(train(job)).rejects.toThrow('model_type gpt2 is not supported; llama, mistral, qwen2, qwen3 are');
  });
});
