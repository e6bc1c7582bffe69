import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutoTokenizer } from '@huggingface/transformers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeGraph } from '../autodiff/graph.ts';
import { readInitializers } from '../autodiff/onnx-model.ts';
import { type Feed, openSession } from '../autodiff/session.ts';
import { createComponent } from '../create-component.ts';
import { crossEncoders, embedders, nliModels } from '../encoders/index.ts';
import { surroundingsIn } from '../testing/lab-encoders.ts';
import type { TrainEvent, TrainJob, TrainStep } from '../trainer.ts';
import { type EncoderObjective, trainingSettings } from '../training-settings.ts';
import { elementsOf, type Layout, layoutOf } from './native/parameters.ts';
import { trainInProcess } from './native/process.ts';
import { backwardGraph } from './native/training-graphs.ts';
import { encoderFeeds, sequenceFeeds } from './native-encoder/batches.ts';
import { encodeRows, openPairTokenizer } from './native-encoder/encode-rows.ts';
import { encoderParameters } from './native-encoder/encoder.ts';
import { type EncoderConfig, labelsOf, readEncoderConfig } from './native-encoder/encoder-config.ts';
import { encoderLoss } from './native-encoder/objectives.ts';
import { writeEncoder } from './native-encoder/write-encoder.ts';

const labels = ['contradiction', 'entailment', 'neutral'];
const labFolder = resolve('models/lab-encoders/nli');
const entry = new URL('./native-encoder/child.ts', import.meta.url);

interface ObjectiveReference {
  readonly steps: readonly Pick<TrainStep, 'loss' | 'gradientNorm'>[];
  /** Of the first step, by weight: norm, first element, second element. */
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  /** Of the first two rows after four steps: logits, or the start of the first token's hidden state. */
  readonly outputs: readonly (readonly number[])[];
}
/** Losses, gradients and outputs of the encoders' first implementation, in PyTorch; `madeBy` names it. */
const reference = JSON.parse(
  await readFile(fileURLToPath(new URL('./native-encoder/fixtures/pytorch-reference.json', import.meta.url)), 'utf8'),
) as {
  rows: { retrieval: Record<string, unknown>[]; classification: Record<string, unknown>[] };
  objectives: Record<'contrastive' | 'listwise' | 'classification', ObjectiveReference>;
};
const objectives = {
  contrastive: { name: 'contrastive', temperature: 0.05, negatives: 1, start: 'model' },
  listwise: { name: 'listwise', negatives: 3, pointwise: 0.3, start: 'model' },
  classification: { name: 'classification', labels, start: 'model' },
} as const satisfies Record<string, EncoderObjective>;
const names = ['contrastive', 'listwise', 'classification'] as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-encoder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function smallConfig(objective: EncoderObjective): Promise<EncoderConfig> {
  const { shape } = await readEncoderConfig(labFolder, 'nli');
  const small = { width: 16, layers: 2, heads: 2, keyValueHeads: 2, headWidth: 8, feedForward: 32, context: 128 };
  return { shape: { ...shape, ...small }, labels: labelsOf(objective) };
}

/** The weights that the reference began with: sines, so that nothing needs to be stored. */
function sineWeights(layout: Layout): Float32Array {
  const weights = new Float32Array(layout.size);
  const sorted = layout.parameters.map(({ name }) => name).sort();
  for (const { name, shape, offset } of layout.parameters) {
    const phase = sorted.indexOf(name);
    for (let i = 0; i < elementsOf(shape); i++) {
      const sine = Math.sin(0.37 * (i + 1) + phase);
      weights[offset + i] = name.includes('norm') ? 1 + 0.1 * sine : 0.3 * sine;
    }
  }
  return weights;
}

async function rowsFile(name: string, objective: EncoderObjective, rows?: readonly unknown[]): Promise<string> {
  const kind = objective.name === 'classification' ? 'classification' : 'retrieval';
  const file = join(folder, name);
  const lines = (rows ?? reference.rows[kind]).map((row, i) => ({ kind, id: String(i), ...(row as object) }));
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
}

/** A folder with the small model whose weights are sines, and a job that trains it. */
async function jobOf(objective: EncoderObjective, settings: Record<string, unknown> = {}, name = 'job') {
  const config = await smallConfig(objective);
  const layout = layoutOf(encoderParameters(config.shape, config.labels.length));
  const model = join(folder, 'start');
  await writeEncoder(model, labFolder, config, layout, sineWeights(layout));
  const train = await rowsFile('rows.jsonl', objective);
  const count = (await readFile(train, 'utf8')).trim().split('\n').length;
  const job: TrainJob = {
    folder: join(folder, name),
    model: { path: model, reference: 'start' },
    rows: { train, trainCount: count, validation: null },
    settings: trainingSettings.parse({
      objective,
      lora: false,
      optimizer: { learningRate: 0.01, schedule: 'constant', warmup: 0, maxGradientNorm: 1e9 },
      batch: { size: count, accumulate: 1 },
      maxSteps: 4,
      epochs: 100,
      maxLength: 128,
      shuffle: false,
      ...settings,
    }),
  };
  await mkdir(job.folder, { recursive: true });
  return { job, config, layout };
}

async function train(job: TrainJob): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of trainInProcess(job, { threads: 1, providers: ['cpu'] }, undefined, entry))
    events.push(event);
  return events;
}
const stepsOf = (events: readonly TrainEvent[]) => events.filter((event) => event.type === 'step');

/** What a model file says of feeds. */
async function outputOf(path: string, name: 'last_hidden_state' | 'logits', feeds: Record<string, Feed>) {
  const session = await openSession(path, { threads: 1 });
  const found = await session.run(feeds, [name]);
  await session.close();
  return found[name] as Float32Array;
}

describe('the same numbers as PyTorch', () => {
  test.each(names)('%s: the gradient of every weight', async (name) => {
    const objective = objectives[name];
    const { job, config, layout } = await jobOf(objective);
    const { rows } = await encodeRows(
      job.rows.train,
      await openPairTokenizer(labFolder, 'nli'),
      { objective, maxLength: 128 },
      () => {},
    );
    const graph = backwardGraph({
      layout,
      isPreference: false,
      loss: (graph, trained) =>
        encoderLoss(graph, { ...config, maxLength: 128, weight: (one) => trained.get(one) as never }, objective),
      reference: () => {
        throw new Error('none');
      },
    });
    const session = await openSession(encodeGraph(graph, 'check'), { threads: 1 });
    const vector = (data: Float32Array): Feed => ({ type: 'float32', data, shape: [data.length] });
    const weights = vector(sineWeights(layout));
    const feeds = {
      ...encoderFeeds(rows, objective, rows.length),
      weights,
      sum: vector(new Float32Array(layout.size)),
    };
    const { loss, total } = await session.run(feeds, ['loss', 'total']);
    await session.close();
    const expected = reference.objectives[name];
    expect(Number(loss[0])).toBeCloseTo(expected.steps[0]?.loss as number, 4);
    expect(layout.parameters.map((one) => one.name).sort()).toEqual(Object.keys(expected.gradients).sort());
    for (const { name: weight, shape, offset } of layout.parameters) {
      const gradient = (total as Float32Array).slice(offset, offset + elementsOf(shape));
      const [norm = 0, ...first] = expected.gradients[weight] as readonly number[];
      expect(Math.hypot(...gradient) / norm, weight).toBeCloseTo(1, 4);
      first.forEach((value, i) => {
        expect(((gradient[i] as number) - value) / norm, `${weight} ${i}`).toBeCloseTo(0, 4);
      });
    }
  });

  test.each(names)(
    '%s: four steps, however they are cut into batches, and what the written model says',
    async (name) => {
      const objective = objectives[name];
      const expected = reference.objectives[name];
      // A query of contrastive chooses among what is computed together.
      const cut = name === 'contrastive' ? {} : { batch: { size: 2, accumulate: name === 'listwise' ? 3 : 4 } };
      for (const [i, settings] of [{}, cut].entries()) {
        const { job } = await jobOf(objective, settings, `job-${i}`);
        const steps = stepsOf(await train(job));
        expect(steps).toHaveLength(4);
        for (const [k, step] of expected.steps.entries()) {
          expect(steps[k]?.loss).toBeCloseTo(step.loss, 3);
          expect((steps[k]?.gradientNorm as number) / step.gradientNorm).toBeCloseTo(1, 3);
        }
        const tokenizer = await openPairTokenizer(join(job.folder, 'model'), 'result');
        const texts = reference.rows[name === 'classification' ? 'classification' : 'retrieval'].slice(0, 2) as Record<
          string,
          string
        >[];
        const sequences = texts.map((row) => {
          if (name === 'contrastive') return tokenizer.encode(row.positive as string);
          return name === 'listwise'
            ? tokenizer.encode(row.query as string, row.positive)
            : tokenizer.encode(row.first as string, row.second);
        });
        const out = name === 'contrastive' ? 'last_hidden_state' : 'logits';
        const found = await outputOf(join(job.folder, 'model/onnx/model.onnx'), out, sequenceFeeds(sequences, ''));
        expected.outputs.forEach((row, r) => {
          const at = (found.length / 2) * r;
          row.forEach((value, c) => {
            expect(found[at + c]).toBeCloseTo(value, 2);
          });
        });
      }
    },
  );
});

test('pairs of texts are encoded as transformers.js encodes them', async () => {
  const tokenizer = await AutoTokenizer.from_pretrained(labFolder, { local_files_only: true });
  const mine = await openPairTokenizer(labFolder, 'nli');
  for (const { first, second } of reference.rows.classification as { first: string; second: string }[]) {
    const { input_ids, token_type_ids } = tokenizer(first, { text_pair: second });
    const { ids, second: border } = mine.encode(first, second);
    expect([...ids]).toEqual([...input_ids.data].map(Number));
    expect([...ids].map((_, i) => (i >= border ? 1 : 0))).toEqual([...(token_type_ids?.data ?? [])].map(Number));
  }
});

describe('the result', () => {
  test.each(names)('%s: loads as the encoder that it is', async (name) => {
    const { job } = await jobOf(objectives[name], { maxSteps: 1 });
    await train(job);
    const model = join(job.folder, 'model');
    const parts = surroundingsIn(folder);
    const [first, second] = ['The pet of Ivan Kirk is cat.', 'The job of Vera Harker is hunter.'];
    if (name === 'contrastive') {
      const spec = { name: 'sentence-transformer', options: { model } };
      const embedder = await createComponent(embedders, spec, parts);
      expect(embedder.dimension).toBe(16);
      expect((await embedder.embed([first, second])).every((vector) => vector.every(Number.isFinite))).toBe(true);
      await embedder.close();
    } else if (name === 'listwise') {
      const crossEncoder = await createComponent(crossEncoders, { name: 'cross-encoder', options: { model } }, parts);
      expect((await crossEncoder.score(first, [first, second])).every(Number.isFinite)).toBe(true);
      await crossEncoder.close();
    } else {
      const nli = await createComponent(nliModels, { name: 'nli-classifier', options: { model } }, parts);
      const [judged] = await nli.judge([{ premise: first, hypothesis: second }]);
      expect((judged?.entailment ?? 0) + (judged?.neutral ?? 0) + (judged?.contradiction ?? 0)).toBeCloseTo(1, 6);
      await nli.close();
    }
  });

  test('is what a training goes on from: same head kept, head of other labels new, the rest taken', async () => {
    const { job } = await jobOf(objectives.classification, { maxSteps: 1 });
    await train(job);
    const trained = readInitializers(await readFile(join(job.folder, 'model/onnx/model.onnx')));
    const start = { path: join(job.folder, 'model'), reference: 'trained' };
    const still = { optimizer: { learningRate: 1e-30, warmup: 0 }, maxSteps: 1 };
    for (const other of [false, true]) {
      const objective = { ...objectives.classification, labels: other ? [...labels, 'unknown'] : labels };
      const { job: next } = await jobOf(objective, still, `next-${other}`);
      await train({ ...next, model: start });
      const found = readInitializers(await readFile(join(next.folder, 'model/onnx/model.onnx')));
      const name = 'model.layers.1.mlp.up_proj.weight';
      expect(found.get(name)).toEqual(trained.get(name));
      expect(found.get('head.weight')?.shape).toEqual([other ? 4 : 3, 16]);
      if (!other) expect(found.get('head.weight')).toEqual(trained.get('head.weight'));
    }
  });
});

test('a training that is killed goes on from its checkpoint and ends with the same model, byte for byte', async () => {
  const settings = { maxSteps: 6, checkpointEvery: 2, optimizer: { name: 'muon' } };
  const whole = (await jobOf({ ...objectives.listwise, start: 'random' }, settings, 'whole')).job;
  await train(whole);
  const { job } = await jobOf({ ...objectives.listwise, start: 'random' }, settings, 'killed');
  for await (const event of trainInProcess(job, { threads: 1, providers: ['cpu'] }, undefined, entry))
    if (event.type === 'step' && event.step === 3) break;
  const events = await train(job);
  expect(events.find((event) => event.type === 'started')).toMatchObject({ doneSteps: 2, totalSteps: 6 });
  const modelOf = (one: TrainJob) => readFile(join(one.folder, 'model/onnx/model.onnx'));
  expect(await modelOf(job)).toEqual(await modelOf(whole));
});

describe('what cannot be trained is said before the first step', () => {
  test.each([
    [
      { objective: { name: 'sft' } },
      'objective: sft is for language models, which the trainer native-encoder does not train',
    ],
    [{ lora: {} }, 'lora: encoders are trained whole; set lora: false'],
    [{ batch: { size: 2, accumulate: 2 } }, 'batch.accumulate: 2 is not allowed for contrastive'],
    [{ batch: { packTokens: 64, accumulate: 1 } }, 'batch.packTokens: rows of encoders are not packed'],
    [{ maxLength: 1024 }, 'maxLength: 1024 is not allowed: model start has a context of 128'],
    [
      { objective: objectives.classification },
      'objective: classification needs classification rows; the data has retrieval rows',
    ],
    [{ objective: { ...objectives.listwise, negatives: 9 } }, 'no training row is left: 6 of 6'],
  ])('%j', async (settings, message) => {
    const { job } = await jobOf(objectives.contrastive, settings);
    await expect(train(job)).rejects.toThrow(message);
  });

  test('a label that the objective does not name', async () => {
    const { job } = await jobOf({ ...objectives.classification, labels: ['entailment', 'neutral'] });
    await expect(train(job)).rejects.toThrow(/rows\.jsonl:\d+: label "contradiction" is not among objective\.labels/);
  });

  test('an encoder of other blocks, and one without weights', async () => {
    const { job } = await jobOf(objectives.contrastive);
    await rm(join(job.model.path, 'onnx'), { recursive: true });
    await expect(train(job)).rejects.toThrow('model start: has no onnx/model.onnx to begin with');
    const config = JSON.parse(await readFile(join(job.model.path, 'config.json'), 'utf8'));
    await writeFile(join(job.model.path, 'config.json'), JSON.stringify({ ...config, block_type: undefined }));
    await expect(train(job)).rejects.toThrow('only encoders of such blocks are trained here');
  });

  test('encoders by the trainer of language models', async () => {
    const { job } = await jobOf(objectives.contrastive);
    const language = { ...job, model: { path: resolve('models/lab'), reference: 'models/lab' } };
    const training = trainInProcess(language, { threads: 1, providers: ['cpu'] });
    await expect(training.next()).rejects.toThrow(
      'objective: contrastive is for encoders, which the trainer native does not train; take the trainer native-encoder',
    );
  });
});
