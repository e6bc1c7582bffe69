import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../errors.ts';
import { canonicalJson } from '../../lib/canonical-json.ts';
import { type ModelConfig, readModelConfig } from '../../lib/model-config.ts';
import { openSafetensors } from '../../lib/safetensors.ts';
import type { TrainJob } from '../../trainer.ts';
import { newestCheckpoint, type TrainingState } from './checkpoint.ts';
import { compileModel } from './compiled-model.ts';
import { encodeRows, openTokenizer, type Rows } from './encode-rows.ts';
import { type FrozenWeights, freezeWeights } from './frozen-weights.ts';
import { newAdapter, newModel, storedAdapter, storedModel } from './initial-weights.ts';
import { checkMemory } from './memory.ts';
import { adapterParameters, type Layout, layoutOf, modelParameters } from './parameters.ts';
import type { TrainOptions } from './protocol.ts';
import { createLoop } from './training-loop.ts';
import { writeResult } from './write-result.ts';

async function readRows(job: TrainJob, shape: ModelConfig, emit: TrainOptions['emit']): Promise<Rows> {
  const { settings, model, rows } = job;
  const { objective, maxLength, chat } = settings;
  if (maxLength > shape.context)
    throw new ConfigError(
      `maxLength: ${maxLength} is not allowed: model ${model.reference} has a context of ${shape.context}: lower maxLength`,
    );
  const tokenizer = await openTokenizer(model.path, model.reference);
  const promptWeight = objective.name === 'dpo' ? 0 : objective.promptWeight;
  const options = { maxLength, chat, promptWeight };
  const progress = (done: number) => emit({ type: 'preparing', stage: 'tokenizing', done, total: rows.trainCount });
  const train = await encodeRows(rows.train, tokenizer, options, progress);
  const validation =
    rows.validation === null
      ? { rows: [], leftOut: 0 }
      : await encodeRows(rows.validation, tokenizer, options, () => {});
  const kind = objective.name === 'dpo' ? 'pair' : 'text';
  const other = [...train.rows, ...validation.rows].find((row) => row.kind !== kind);
  if (other !== undefined)
    throw new ConfigError(
      `objective: ${objective.name} needs ${kind === 'pair' ? 'preference pairs' : 'texts'}; the data has ${other.kind === 'pair' ? 'preference pairs' : 'texts'}`,
    );
  if (train.rows.length === 0)
    throw new ConfigError(
      `no training row is left: ${train.leftOut} of ${rows.trainCount} are longer than maxLength (${maxLength}): raise it`,
    );
  return { train: train.rows, validation: validation.rows, leftOut: train.leftOut + validation.leftOut };
}

async function startVector(job: TrainJob, layout: Layout, shape: ModelConfig): Promise<Float32Array<ArrayBuffer>> {
  const { settings, folder, model } = job;
  if (settings.lora !== false) {
    const given = join(folder, 'initial-adapter');
    const there = await stat(given).then(
      () => true,
      () => false,
    );
    return there ? storedAdapter(layout, given) : newAdapter(layout, settings.seed);
  }
  if (settings.objective.name === 'pretrain') return newModel(layout, shape.layers, settings.seed);
  const weights = await openSafetensors(model.path);
  try {
    return await storedModel(layout, weights, model.reference);
  } finally {
    await weights.close();
  }
}

/** Weights that no step changes: all of a model under an adapter, or of the reference model. */
async function freeze(job: TrainJob, shape: ModelConfig): Promise<FrozenWeights> {
  const { lora, objective } = job.settings;
  if (lora === false && objective.name !== 'dpo')
    return { tensor: () => Promise.reject(new Error('nothing is frozen')) as never };
  const weights = await openSafetensors(job.model.path);
  try {
    return await freezeWeights(join(job.folder, 'graphs'), weights, modelParameters(shape), job.model.reference);
  } finally {
    await weights.close();
  }
}

/** What a checkpoint belongs to: settings but how often to look and to save, rows, and the model's shape. */
async function jobKey(job: TrainJob, layout: Layout): Promise<string> {
  const { evaluateEvery, checkpointEvery, ...settings } = job.settings;
  const hash = createHash('sha256').update(
    canonicalJson({ settings, layout, earlyStops: settings.earlyStop ? evaluateEvery : null }),
  );
  hash.update(await readFile(job.rows.train));
  return hash.digest('hex');
}

/** Trains as the job says; the result is in its folder when this resolves. Throws ConfigError and TrainerError. */
export async function trainModel(job: TrainJob, options: TrainOptions): Promise<void> {
  const startedMs = performance.now();
  const { emit } = options;
  const { settings, folder } = job;
  const shape = await readModelConfig(job.model.path);
  const layout = layoutOf(settings.lora === false ? modelParameters(shape) : adapterParameters(shape, settings.lora));
  const rows = await readRows(job, shape, emit);
  const memoryBytes = checkMemory(job.settings, shape, layout, rows.train);
  const key = await jobKey(job, layout);
  const warn = (message: string) => emit({ type: 'warning', message });
  const checkpoints = join(folder, 'checkpoints');
  const saved = await newestCheckpoint(checkpoints, key, warn);
  const empty = () => new Float32Array(layout.size);
  const start: TrainingState = saved ?? {
    step: 0,
    weights: await startVector(job, layout, shape),
    first: empty(),
    second: empty(),
  };
  const graphs = join(folder, 'graphs');
  const frozen = await freeze(job, shape);
  const parts = {
    shape,
    layout,
    lora: settings.lora,
    objective: settings.objective,
    maxLength: settings.maxLength,
    frozen: frozen.tensor,
  };
  const model = compileModel(graphs, parts, settings.optimizer, start, options);
  try {
    const loop = createLoop(job, { model, rows, shape, key, checkpoints, start }, options);
    emit({
      type: 'started',
      totalSteps: loop.totalSteps,
      doneSteps: start.step,
      rows: rows.train.length,
      leftOut: rows.leftOut,
      parameters: { trained: layout.size, total: modelSize(shape) + (settings.lora === false ? 0 : layout.size) },
      memoryBytes,
      environment: options.environment,
    });
    const end = await loop.run();
    if (end.reason !== 'cancelled') await writeResult(job, layout, end.weights);
    emit({
      type: 'finished',
      step: end.step,
      reason: end.reason,
      wallMs: performance.now() - startedMs,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    });
  } finally {
    await model.close();
    await rm(graphs, { recursive: true, force: true });
  }
}

const modelSize = (shape: ModelConfig) =>
  modelParameters(shape).reduce((sum, one) => sum + one.shape.reduce((a, b) => a * b, 1), 0);
