import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../errors.ts';
import { type ModelConfig, readModelConfig } from '../../lib/model-config.ts';
import { languageObjective } from '../../lib/objective-kind.ts';
import { openSafetensors } from '../../lib/safetensors.ts';
import type { TrainJob } from '../../trainer.ts';
import type { LanguageObjective } from '../../training-settings.ts';
import { lineLength } from './batches.ts';
import { encodeRows, openTokenizer, type Rows } from './encode-rows.ts';
import { type FrozenWeights, freezeWeights } from './frozen-weights.ts';
import { newAdapter, newModel, storedAdapter, storedModel } from './initial-weights.ts';
import { createLanguageLearner } from './language-learner.ts';
import { checkMemory } from './memory.ts';
import { languageGraphs } from './objective-graphs.ts';
import { adapterParameters, elementsOf, type Layout, layoutOf, modelParameters } from './parameters.ts';
import type { TrainOptions } from './protocol.ts';
import { type PreparedJob, trainJob } from './train-job.ts';
import { writeResult } from './write-result.ts';

async function readRows(
  job: TrainJob,
  objective: LanguageObjective,
  shape: ModelConfig,
  emit: TrainOptions['emit'],
): Promise<Rows> {
  const { settings, model, rows } = job;
  const { maxLength, chat } = settings;
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
async function freeze(folder: string, job: TrainJob, shape: ModelConfig): Promise<FrozenWeights> {
  const { lora, objective } = job.settings;
  if (lora === false && objective.name !== 'dpo')
    return {
      tensor(_, name) {
        throw new Error(`${name} is not frozen`);
      },
    };
  const weights = await openSafetensors(job.model.path);
  try {
    return await freezeWeights(folder, weights, modelParameters(shape), job.model.reference);
  } finally {
    await weights.close();
  }
}

async function prepare(job: TrainJob, { emit }: TrainOptions): Promise<PreparedJob> {
  const { settings } = job;
  const { lora, maxLength } = settings;
  const objective = languageObjective(settings.objective, 'native');
  const shape = await readModelConfig(job.model.path);
  const layout = layoutOf(lora === false ? modelParameters(shape) : adapterParameters(shape, lora));
  const rows = await readRows(job, objective, shape, emit);
  const longest = rows.train.reduce((most, row) => Math.max(most, lineLength(row)), 0);
  return {
    layout,
    rows: rows.train.length,
    leftOut: rows.leftOut,
    totalParameters: modelSize(shape) + (lora === false ? 0 : layout.size),
    memoryBytes: checkMemory(settings, shape, layout, longest),
    startVector: () => startVector(job, layout, shape),
    async graphs(folder) {
      const { tensor: frozen } = await freeze(folder, job, shape);
      return languageGraphs({ shape, layout, lora, objective, maxLength, frozen });
    },
    learner: (model) => createLanguageLearner(job, model, { objective, rows, shape }, emit),
    writeResult: (weights) => writeResult(job, layout, weights),
  };
}

/** Trains a language model. Throws ConfigError and TrainerError. */
export const trainModel = (job: TrainJob, options: TrainOptions): Promise<void> => trainJob(job, prepare, options);

const modelSize = (shape: ModelConfig) => modelParameters(shape).reduce((sum, one) => sum + elementsOf(one.shape), 0);
