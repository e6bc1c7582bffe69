import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readInitializers } from '../../autodiff/onnx-model.ts';
import { ConfigError } from '../../errors.ts';
import { encoderObjective } from '../../lib/objective-kind.ts';
import type { TrainJob } from '../../trainer.ts';
import type { EncoderObjective } from '../../training-settings.ts';
import type { CompiledModel } from '../native/compiled-model.ts';
import { newModel } from '../native/initial-weights.ts';
import { checkMemory } from '../native/memory.ts';
import { type Layout, layoutOf } from '../native/parameters.ts';
import type { TrainOptions } from '../native/protocol.ts';
import { type PreparedJob, trainJob } from '../native/train-job.ts';
import type { ModelGraphs } from '../native/training-graphs.ts';
import { breathe, type Learner } from '../native/training-loop.ts';
import { encoderFeeds } from './batches.ts';
import { type EncodedRow, encodeRows, longestOf, openPairTokenizer, sequencesOf, tokensOf } from './encode-rows.ts';
import { encoderParameters } from './encoder.ts';
import { type EncoderConfig, labelsOf, readEncoderConfig } from './encoder-config.ts';
import { encoderLoss } from './objectives.ts';
import { writeEncoder } from './write-encoder.ts';

/** What encoders are not trained with. Throws ConfigError. */
function refuse({ settings, model }: TrainJob, context: number): void {
  const { batch, objective } = settings;
  if (settings.lora !== false) throw new ConfigError('lora: encoders are trained whole; set lora: false');
  if (settings.chat) throw new ConfigError('chat: encoders have no chat template; leave chat out');
  if (batch.packTokens !== undefined)
    throw new ConfigError('batch.packTokens: rows of encoders are not packed; set batch.size');
  if (objective.name === 'contrastive' && batch.accumulate !== 1)
    throw new ConfigError(
      `batch.accumulate: ${batch.accumulate} is not allowed for contrastive: a query chooses among the texts that are computed together; set it to 1 and batch.size to the rows of a step`,
    );
  if (settings.maxLength > context)
    throw new ConfigError(
      `maxLength: ${settings.maxLength} is not allowed: model ${model.reference} has a context of ${context}: lower maxLength`,
    );
}

interface Rows {
  readonly train: readonly EncodedRow[];
  readonly validation: readonly EncodedRow[];
  readonly leftOut: number;
}

async function readRows(job: TrainJob, objective: EncoderObjective, emit: TrainOptions['emit']): Promise<Rows> {
  const { model, rows, settings } = job;
  const tokenizer = await openPairTokenizer(model.path, model.reference);
  const options = { objective, maxLength: settings.maxLength };
  const train = await encodeRows(rows.train, tokenizer, options, (done) =>
    emit({ type: 'preparing', stage: 'tokenizing', done, total: rows.trainCount }),
  );
  const validation =
    rows.validation === null
      ? { rows: [], leftOut: 0 }
      : await encodeRows(rows.validation, tokenizer, options, () => {});
  if (train.rows.length === 0)
    throw new ConfigError(
      `no training row is left: ${train.leftOut} of ${rows.trainCount} have texts over maxLength (${settings.maxLength}) or fewer negatives than the objective wants`,
    );
  return { train: train.rows, validation: validation.rows, leftOut: train.leftOut + validation.leftOut };
}

/** Weights to begin with: random ones, over them those of the model where the objective says so. Throws ConfigError. */
async function startVector(
  { model, settings }: TrainJob,
  objective: EncoderObjective,
  { shape, labels }: EncoderConfig,
  layout: Layout,
): Promise<Float32Array<ArrayBuffer>> {
  const vector = newModel(layout, shape.layers, settings.seed);
  if (objective.start === 'random') return vector;
  const file = join(model.path, 'onnx', 'model.onnx');
  const known = readInitializers(
    await readFile(file).catch(() => {
      throw new ConfigError(
        `model ${model.reference}: has no onnx/model.onnx to begin with; set objective.start to random`,
      );
    }),
  );
  const sameHead = labelsOf(objective).join('\n') === labels.join('\n');
  for (const { name, shape: size, offset } of layout.parameters) {
    if (name.startsWith('head.') && !sameHead) continue;
    const found = known.get(name);
    if (found?.shape.join(' ') !== size.join(' '))
      throw new ConfigError(
        `model ${model.reference}: its onnx/model.onnx has no weight ${name} of ${size.join(' x ')}; set objective.start to random`,
      );
    vector.set(found.values, offset);
  }
  return vector;
}

/** Rows through an encoder. */
function createLearner(job: TrainJob, objective: EncoderObjective, rows: Rows, model: CompiledModel): Learner {
  return {
    lengths: rows.train.map(tokensOf),
    validationRows: rows.validation.length,
    async prepare() {},
    async learn(_, stepRows) {
      const count = stepRows.reduce((sum, indices) => sum + indices.length, 0);
      let [loss, tokens] = [0, 0];
      for (const indices of stepRows) {
        const members = indices.map((index) => rows.train[index] as EncodedRow);
        loss += (await model.accumulate(encoderFeeds(members, objective, count))).loss;
        for (const member of members) tokens += tokensOf(member);
        await breathe();
      }
      return { loss, tokens };
    },
    async validate() {
      const { size } = job.settings.batch;
      let loss = 0;
      for (let at = 0; at < rows.validation.length; at += size) {
        const members = rows.validation.slice(at, at + size);
        loss += (await model.evaluate(encoderFeeds(members, objective, rows.validation.length))).loss;
        await breathe();
      }
      return { loss };
    },
  };
}

async function prepare(job: TrainJob, { emit }: TrainOptions): Promise<PreparedJob> {
  const { settings, model, folder } = job;
  const objective = encoderObjective(settings.objective, 'native-encoder');
  const config = await readEncoderConfig(model.path, model.reference);
  const { shape } = config;
  refuse(job, shape.context);
  const labels = labelsOf(objective);
  const layout = layoutOf(encoderParameters(shape, labels.length));
  const rows = await readRows(job, objective, emit);
  const graphs: ModelGraphs = {
    layout,
    isPreference: false,
    loss: (graph, trained) =>
      encoderLoss(
        graph,
        { shape, maxLength: settings.maxLength, weight: (name) => trained.get(name) as never },
        objective,
      ),
    reference: () => {
      throw new Error('an encoder has no reference model');
    },
  };
  const texts = rows.train.reduce((most, row) => Math.max(most, sequencesOf(row).length), 0);
  const longest = rows.train.reduce((most, row) => Math.max(most, longestOf(row)), 0);
  return {
    layout,
    rows: rows.train.length,
    leftOut: rows.leftOut,
    totalParameters: layout.size,
    memoryBytes: checkMemory(
      { batch: { ...settings.batch, size: settings.batch.size * texts } },
      shape,
      layout,
      longest,
    ),
    startVector: () => startVector(job, objective, config, layout),
    graphs: async () => graphs,
    learner: (compiled) => createLearner(job, objective, rows, compiled),
    writeResult: (weights) => writeEncoder(join(folder, 'model'), model.path, { shape, labels }, layout, weights),
  };
}

/** Trains an encoder. Throws ConfigError and TrainerError. */
export const trainEncoder = (job: TrainJob, options: TrainOptions): Promise<void> => trainJob(job, prepare, options);
