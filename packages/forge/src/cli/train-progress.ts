import type { TrainingEvent } from '../execute-training.ts';
import { formatCount, formatDuration } from '../lib/format.ts';
import type { TrainEvent, TrainStep } from '../trainer.ts';
import { dataLines } from '../training-text.ts';
import { createProgress } from './progress.ts';

type Stream = Parameters<typeof createProgress>[0];

const barWidth = 16;
const redrawEveryMs = 100;
const plainLineEveryMs = 10_000;
/** Steps whose pace the estimate of the rest rests on. */
const paceSteps = 20;

interface RunState {
  readonly variant: string;
  total: number;
  step: number;
  /** Durations of the latest steps, ms. */
  readonly pace: number[];
  tokens: number;
  tookMs: number;
  lastLineMs: number;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Draws the progress of a training on a stream: one line redrawn in place on a terminal, plain lines elsewhere. */
export function createTrainProgress(stream: Stream, monotonic: () => number) {
  const inPlace = stream.isTTY === true;
  let metric = '';
  const evaluation = createProgress(stream, () => metric, monotonic);
  let run: RunState | undefined;

  const say = (text: string) => stream.write(`${inPlace ? '\r\x1b[2K' : ''}${text}\n`);
  const draw = (text: string) => stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 100) - 1)}`);

  function line(state: RunState, step: TrainStep): string {
    const { variant, total, pace, tokens, tookMs } = state;
    const filled = total === 0 ? barWidth : Math.round((barWidth * step.step) / total);
    const bar = inPlace ? `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ` : '';
    const { preference } = step;
    const pairs =
      preference === undefined
        ? ''
        : `  margin ${preference.margin.toFixed(3)}  accuracy ${(100 * preference.accuracy).toFixed(0)} %`;
    const rate = tookMs > 0 ? `  ${formatCount((1000 * tokens) / tookMs)} tokens/s` : '';
    return `${variant}  ${bar}${formatCount(step.step)}/${formatCount(total)}  loss ${step.loss.toFixed(4)}${pairs}${rate}  ETA ${formatDuration((total - step.step) * mean(pace))}`;
  }

  function trained(state: RunState, event: TrainEvent): void {
    const now = monotonic();
    if (event.type === 'started') {
      state.total = event.totalSteps;
      const memory = event.memoryBytes === null ? '' : `, about ${(event.memoryBytes / 1e9).toFixed(1)} GB of memory`;
      const leftOut = event.leftOut === 0 ? '' : `, ${formatCount(event.leftOut)} too long and left out`;
      const resumed = event.doneSteps === 0 ? '' : `, going on after step ${formatCount(event.doneSteps)}`;
      say(
        `${state.variant}: ${formatCount(event.totalSteps)} steps over ${formatCount(event.rows)} rows${leftOut}; ${formatCount(event.parameters.trained)} of ${formatCount(event.parameters.total)} parameters are trained${memory}${resumed}`,
      );
    } else if (event.type === 'preparing') {
      const share = event.total === 0 ? '' : ` ${((100 * event.done) / event.total).toFixed(0)} %`;
      if (inPlace) draw(`${state.variant}  ${event.stage}${share}`);
    } else if (event.type === 'step') {
      state.pace.push(event.tookMs);
      if (state.pace.length > paceSteps) state.pace.shift();
      state.tokens += event.tokens;
      state.tookMs += event.tookMs;
      const isLast = event.step === state.total;
      if (!isLast && now - state.lastLineMs < (inPlace ? redrawEveryMs : plainLineEveryMs)) return;
      state.lastLineMs = now;
      if (inPlace) draw(line(state, event));
      else stream.write(`${line(state, event)}\n`);
    } else if (event.type === 'validation') {
      const { preference } = event;
      const pairs =
        preference === undefined
          ? ''
          : `, margin ${preference.margin.toFixed(3)}, accuracy ${(100 * preference.accuracy).toFixed(1)} %`;
      say(`${state.variant}: step ${formatCount(event.step)}: validation loss ${event.loss.toFixed(4)}${pairs}`);
    } else if (event.type === 'warning') say(`warning: ${state.variant}: ${event.message}`);
    else if (event.type === 'finished')
      say(`${state.variant}: ${event.reason} at step ${formatCount(event.step)} after ${formatDuration(event.wallMs)}`);
  }

  return {
    event(event: TrainingEvent): void {
      if (event.type === 'data') for (const text of dataLines(event.data)) say(`data: ${text}`);
      else if (event.type === 'stage') {
        if (event.stage !== 'training') say(`${event.stage}: ${event.label}`);
      } else if (event.type === 'training-run-started')
        run = { variant: event.variant, total: 0, step: 0, pace: [], tokens: 0, tookMs: 0, lastLineMs: monotonic() };
      else if (event.type === 'train') {
        if (run !== undefined) trained(run, event.event);
      } else if (event.type === 'evaluation') {
        metric = event.metric;
        evaluation.event(event.event);
      }
    },
    notice: evaluation.notice,
  };
}
