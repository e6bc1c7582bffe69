import type { Feed } from '../../autodiff/session.ts';
import { TrainerError } from '../../errors.ts';
import { learningRateFactor } from '../../lib/learning-rate.ts';
import type { ModelConfig } from '../../lib/model-config.ts';
import type { TrainJob, TrainStep, Validation } from '../../trainer.ts';
import { lineLength, microBatch, type Reference, totalsOf } from './batches.ts';
import { type TrainingState, writeCheckpoint } from './checkpoint.ts';
import type { CompiledModel } from './compiled-model.ts';
import { dropoutFeeds } from './dropout.ts';
import { type EncodedRow, type Rows, tokensOf } from './encode-rows.ts';
import { preferenceFigures, referenceOf } from './figures.ts';
import { planSteps, type StepRows } from './plan-steps.ts';
import type { TrainOptions } from './protocol.ts';
import { referenceLogprobs } from './reference-logprobs.ts';

export interface LoopParts {
  readonly model: CompiledModel;
  readonly rows: Rows;
  readonly shape: ModelConfig;
  readonly key: string;
  readonly checkpoints: string;
  readonly start: TrainingState;
}

interface LoopEnd {
  readonly step: number;
  readonly reason: 'completed' | 'early-stop' | 'cancelled';
  readonly weights: Float32Array;
}

/** Lets the process hear that it should stop: a run of ONNX Runtime keeps its thread. */
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Steps from where `start` left off to the end, with looks at the validation rows and checkpoints. */
export function createLoop(job: TrainJob, parts: LoopParts, options: TrainOptions) {
  const { settings } = job;
  const { model, rows, shape, start } = parts;
  const { emit } = options;
  const { objective, optimizer } = settings;
  const plan = planSteps(rows.train.map(lineLength), settings);
  const batchSettings = {
    packed: settings.batch.packTokens !== undefined,
    sftWeight: objective.name === 'dpo' ? objective.sftWeight : 0,
  };
  let reference: { train: Reference; validation: Reference };
  let best = start.best;

  const batchOf = (
    indices: readonly number[],
    from: readonly EncodedRow[],
    known: Reference,
    members: readonly EncodedRow[],
  ) => microBatch(indices, from, referenceOf(known, indices), totalsOf(members), batchSettings);

  async function trainStep(step: number, epoch: number, stepRows: StepRows): Promise<TrainStep> {
    const startedMs = performance.now();
    const members = stepRows.flat();
    const rowsOfStep = members.map((index) => rows.train[index] as EncodedRow);
    let loss = 0;
    const answers = { chosen: [] as number[], rejected: [] as number[] };
    for (const [i, indices] of stepRows.entries()) {
      const batch = batchOf(indices, rows.train, reference.train, rowsOfStep);
      const dropout: Record<string, Feed> = dropoutFeeds(settings, shape, batch.size, `${settings.seed} ${step} ${i}`);
      const found = await model.accumulate(batch, dropout);
      loss += found.loss;
      answers.chosen.push(...found.answers.chosen);
      answers.rejected.push(...found.answers.rejected);
      await breathe();
    }
    const factor = learningRateFactor(step, plan.totalSteps, optimizer);
    const learningRate = optimizer.learningRate * factor;
    const gradientNorm = await model.update({ learningRate, muonRate: optimizer.muonLearningRate * factor, step });
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw new TrainerError(
        `step ${step}: the loss is ${loss} and the gradient norm ${gradientNorm}: lower optimizer.learningRate, or look for odd rows`,
      );
    const tokens = rowsOfStep.reduce((sum, row) => sum + tokensOf(row), 0);
    const head = { type: 'step', step, epoch, loss, learningRate, gradientNorm, tokens } as const;
    const figures = objective.name !== 'dpo' ? {} : { preference: figuresOf(answers, reference.train, members) };
    return { ...head, tookMs: performance.now() - startedMs, ...figures };
  }

  function figuresOf(answers: { chosen: number[]; rejected: number[] }, known: Reference, members: readonly number[]) {
    const beta = objective.name === 'dpo' ? objective.beta : 0;
    const values = { chosen: Float32Array.from(answers.chosen), rejected: Float32Array.from(answers.rejected) };
    return preferenceFigures(values, referenceOf(known, members), beta);
  }

  async function validate(step: number, weights?: Float32Array): Promise<Validation> {
    const all = rows.validation;
    let loss = 0;
    const answers = { chosen: [] as number[], rejected: [] as number[] };
    const members = all.map((_, i) => i);
    for (let at = 0; at < all.length; at += settings.batch.size) {
      const batch = batchOf(members.slice(at, at + settings.batch.size), all, reference.validation, all);
      const found = await model.evaluate(batch, weights);
      loss += found.loss;
      answers.chosen.push(...found.answers.chosen);
      answers.rejected.push(...found.answers.rejected);
      await breathe();
    }
    const figures = objective.name !== 'dpo' ? {} : { preference: figuresOf(answers, reference.validation, members) };
    return { type: 'validation', step, n: all.length, loss, ...figures };
  }

  const checkpoint = async (step: number) => {
    const state = { step, ...model.state(), ...(best === undefined ? {} : { best }) };
    await writeCheckpoint(parts.checkpoints, parts.key, state);
    emit({ type: 'checkpoint', step });
  };

  /** Whether the validation loss has not fallen for too long. */
  function hopeless(loss: number): boolean {
    const { earlyStop } = settings;
    if (earlyStop === undefined) return false;
    if (best === undefined || loss < best.loss - earlyStop.minDelta)
      best = { loss, misses: 0, weights: Float32Array.from(model.state().weights) };
    else best = { ...best, misses: best.misses + 1 };
    return best.misses >= earlyStop.patience;
  }

  async function run(): Promise<LoopEnd> {
    reference = await referenceLogprobs(job, model, rows, batchSettings, emit);
    const looks = rows.validation.length > 0;
    if (looks && start.step === 0) emit(await validate(0));
    if (settings.evaluateEvery === undefined) await model.closeEvaluation();
    let step = start.step;
    let early = settings.earlyStop !== undefined && (best?.misses ?? 0) >= settings.earlyStop.patience;
    for (const planned of plan.steps(start.step)) {
      if (early || options.stopped()) break;
      step = planned.step;
      emit(await trainStep(step, planned.epoch, planned.rows));
      const due = settings.evaluateEvery !== undefined && step % settings.evaluateEvery === 0;
      if (looks && (due || step === plan.totalSteps)) {
        const seen = await validate(step);
        emit(seen);
        early = due && hopeless(seen.loss);
      }
      if (step % settings.checkpointEvery === 0 || step === plan.totalSteps || early) await checkpoint(step);
    }
    const reason = early ? 'early-stop' : step === plan.totalSteps ? 'completed' : 'cancelled';
    if (reason === 'cancelled') await checkpoint(step);
    const weights = early && best !== undefined ? best.weights : model.state().weights;
    return { step, reason, weights };
  }

  return { totalSteps: plan.totalSteps, run };
}
