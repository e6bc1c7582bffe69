import { TrainerError } from '../../errors.ts';
import { learningRateFactor } from '../../lib/learning-rate.ts';
import type { PreferenceFigures, TrainJob, TrainStep, Validation } from '../../trainer.ts';
import { type TrainingState, writeCheckpoint } from './checkpoint.ts';
import type { CompiledModel } from './compiled-model.ts';
import { planSteps, type StepRows } from './plan-steps.ts';
import type { TrainOptions } from './protocol.ts';

/** What a model says of rows: a mean over them. */
export interface Outcome {
  readonly loss: number;
  readonly preference?: PreferenceFigures;
}

/** How the rows of a job go through its model. */
export interface Learner {
  /** Tokens of each training row on its line. */
  readonly lengths: readonly number[];
  readonly validationRows: number;
  /** What must be known before the first step. */
  prepare(): Promise<void>;
  /** Sums up the gradient of a step. */
  learn(step: number, rows: StepRows): Promise<Outcome & { readonly tokens: number }>;
  /** All validation rows. */
  validate(): Promise<Outcome>;
}

export interface LoopParts {
  readonly model: CompiledModel;
  readonly learner: Learner;
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
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Steps from where `start` left off to the end, with looks at the validation rows and checkpoints. */
export function createLoop({ settings }: TrainJob, parts: LoopParts, options: TrainOptions) {
  const { model, learner, start } = parts;
  const { emit } = options;
  const { optimizer } = settings;
  const plan = planSteps(learner.lengths, settings);
  let best = start.best;

  async function trainStep(step: number, epoch: number, rows: StepRows): Promise<TrainStep> {
    const startedMs = performance.now();
    const { loss, tokens, preference } = await learner.learn(step, rows);
    const factor = learningRateFactor(step, plan.totalSteps, optimizer);
    const learningRate = optimizer.learningRate * factor;
    const gradientNorm = await model.update({ learningRate, muonRate: optimizer.muonLearningRate * factor, step });
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw new TrainerError(
        `step ${step}: the loss is ${loss} and the gradient norm ${gradientNorm}: lower optimizer.learningRate, or look for odd rows`,
      );
    const head = { type: 'step', step, epoch, loss, learningRate, gradientNorm, tokens } as const;
    return { ...head, tookMs: performance.now() - startedMs, ...(preference === undefined ? {} : { preference }) };
  }

  const validate = async (step: number): Promise<Validation> => ({
    type: 'validation',
    step,
    n: learner.validationRows,
    ...(await learner.validate()),
  });

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
    await learner.prepare();
    const looks = learner.validationRows > 0;
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
