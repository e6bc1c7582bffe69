import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../lib/canonical-json.ts';
import type { TrainJob } from '../../trainer.ts';
import { newestCheckpoint, type TrainingState } from './checkpoint.ts';
import { type CompiledModel, compileModel } from './compiled-model.ts';
import type { Layout } from './parameters.ts';
import type { TrainOptions } from './protocol.ts';
import type { ModelGraphs } from './training-graphs.ts';
import { createLoop, type Learner } from './training-loop.ts';

/** A job whose model and rows are known. */
export interface PreparedJob {
  readonly layout: Layout;
  readonly rows: number;
  readonly leftOut: number;
  /** Weights of the whole model, trained or not. */
  readonly totalParameters: number;
  readonly memoryBytes: number;
  /** Weights to begin with where no checkpoint has any. */
  startVector(): Promise<Float32Array<ArrayBuffer>>;
  /** `folder`: where graphs lie, and weights that they map. */
  graphs(folder: string): Promise<ModelGraphs>;
  learner(model: CompiledModel): Learner;
  writeResult(weights: Float32Array): Promise<void>;
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
export async function trainJob(
  job: TrainJob,
  prepare: (job: TrainJob, options: TrainOptions) => Promise<PreparedJob>,
  options: TrainOptions,
): Promise<void> {
  const startedMs = performance.now();
  const { emit } = options;
  const { settings, folder } = job;
  const prepared = await prepare(job, options);
  const { layout } = prepared;
  const key = await jobKey(job, layout);
  const warn = (message: string) => emit({ type: 'warning', message });
  const checkpoints = join(folder, 'checkpoints');
  const saved = await newestCheckpoint(checkpoints, key, warn);
  const empty = () => new Float32Array(layout.size);
  const start: TrainingState = saved ?? {
    step: 0,
    weights: await prepared.startVector(),
    first: empty(),
    second: empty(),
  };
  const graphs = join(folder, 'graphs');
  const model = compileModel(graphs, await prepared.graphs(graphs), settings.optimizer, start, options);
  try {
    const learner = prepared.learner(model);
    const loop = createLoop(job, { model, learner, key, checkpoints, start }, options);
    emit({
      type: 'started',
      totalSteps: loop.totalSteps,
      doneSteps: start.step,
      rows: prepared.rows,
      leftOut: prepared.leftOut,
      parameters: { trained: layout.size, total: prepared.totalParameters },
      memoryBytes: prepared.memoryBytes,
      environment: options.environment,
    });
    const end = await loop.run();
    if (end.reason !== 'cancelled') await prepared.writeResult(end.weights);
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
