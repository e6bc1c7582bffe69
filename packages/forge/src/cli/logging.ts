import type { Notice } from '../definition.ts';
import type { BenchmarkEvent } from '../execute-benchmark.ts';
import type { TrainingEvent } from '../execute-training.ts';
import { createLog, type Log, type LogLevel, secretsIn } from '../lib/log.ts';
import type { RunEvent } from '../run.ts';
import type { TrainEvent } from '../trainer.ts';
import type { createProgress } from './progress.ts';

export interface LogChoice {
  readonly logFormat?: 'human' | 'json';
  readonly logLevel?: LogLevel;
}

type Progress = ReturnType<typeof createProgress>;

/** To stderr, without what the environment holds of secrets. People get sentences from `warn` up, programs from `info` up. */
export function openLog(
  { logFormat = 'human', logLevel }: LogChoice,
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): Log {
  return createLog({
    format: logFormat,
    level: logLevel ?? (logFormat === 'json' ? 'info' : 'warn'),
    write: (line) => process.stderr.write(line),
    now: Date.now,
    secrets: [...secretsIn(env), ...more],
  });
}

const progressEveryMs = 10_000;

/** The progress of runs as log entries: their beginnings, their ends, and where they stand every ten seconds. */
export function logProgress(log: Log, monotonic: () => number): Progress {
  const runs = new Map<string, { done: number; failed: number; lastMs: number }>();
  return {
    event(event: RunEvent): void {
      const { runId } = event;
      const run = runs.get(runId) ?? { done: 0, failed: 0, lastMs: monotonic() };
      if (event.type === 'run-started') {
        const { variant, total, alreadyDone } = event;
        runs.set(runId, { ...run, done: alreadyDone });
        log.info('run started', { runId, variant, total, alreadyDone });
      } else if (event.type === 'example-finished') {
        const { exampleId, failure } = event.result;
        run.done++;
        if (failure !== undefined) {
          run.failed++;
          log.debug('example failed', { runId, exampleId, kind: failure.kind });
        }
        if (monotonic() - run.lastMs < progressEveryMs) return;
        run.lastMs = monotonic();
        log.info('run progress', { runId, done: run.done, failed: run.failed });
      } else {
        const { status, error, wallMs } = event;
        const { done, failed } = run;
        runs.delete(runId);
        const fields = { runId, status, done, failed, wallMs: Math.round(wallMs) };
        if (status === 'failed') log.error('run failed', { ...fields, error });
        else log.info('run finished', fields);
      }
    },
    notice({ level, message, done: step, total }: Notice): void {
      if (level === 'progress') {
        // Of a download, its beginning and end.
        if (step === undefined || step === total) log.info(message);
      } else log.warn(message);
    },
  };
}

function logTrain(log: Log, variant: string, monotonic: () => number): (event: TrainEvent) => void {
  let total = 0;
  let lastMs = monotonic();
  return (event) => {
    if (event.type === 'started') {
      total = event.totalSteps;
      const { totalSteps, doneSteps, rows, leftOut, memoryBytes } = event;
      log.info('training run started', { variant, totalSteps, doneSteps, rows, leftOut, memoryBytes });
    } else if (event.type === 'step') {
      if (event.step !== total && monotonic() - lastMs < progressEveryMs) return;
      lastMs = monotonic();
      const { step, loss, tokens, tookMs } = event;
      const tokensPerSecond = tookMs > 0 ? Math.round((1000 * tokens) / tookMs) : null;
      log.info('training progress', { variant, step, total, loss, tokensPerSecond });
    } else if (event.type === 'validation') {
      log.info('training validation', { variant, step: event.step, loss: event.loss });
    } else if (event.type === 'warning') log.warn(event.message, { variant });
    else if (event.type === 'finished')
      log.info('training run finished', {
        variant,
        reason: event.reason,
        step: event.step,
        wallMs: Math.round(event.wallMs),
      });
  };
}

/** A training as log entries: its stages, steps every ten seconds, and the runs that measure it. */
export function logTraining(log: Log, monotonic: () => number) {
  const evaluation = logProgress(log, monotonic);
  let trained = logTrain(log, '', monotonic);
  return {
    event(event: TrainingEvent): void {
      if (event.type === 'stage') log.info(`training stage: ${event.stage}`, { label: event.label });
      else if (event.type === 'training-run-started') trained = logTrain(log, event.variant, monotonic);
      else if (event.type === 'train') trained(event.event);
      else if (event.type === 'training-run-finished' && event.status === 'failed')
        log.error('training run failed', { runId: event.runId, error: event.error });
      else if (event.type === 'evaluation') evaluation.event(event.event);
    },
    notice: evaluation.notice,
  };
}

/** A benchmark as log entries: its stages, cells as runs, and what each load measured. */
export function logBenchmark(log: Log, monotonic: () => number) {
  const cells = logProgress(log, monotonic);
  let load = {};
  return {
    event(event: BenchmarkEvent): void {
      if (event.type === 'stage') log.info(`benchmark stage: ${event.stage}`, { label: event.label });
      else if (event.type === 'cell-started') log.info('cell started', { index: event.index, total: event.total });
      else if (event.type === 'cell') cells.event(event.event);
      else if (event.type === 'load-started')
        load = { optimisation: event.optimisation, label: event.label, index: event.index, total: event.total };
      else if (event.type === 'load-measured') {
        const { requestsPerSecond, completionTokensPerSecond, failed, saturated } = event.measured;
        log.info('load measured', { ...load, requestsPerSecond, completionTokensPerSecond, failed, saturated });
      }
    },
    notice: cells.notice,
  };
}
