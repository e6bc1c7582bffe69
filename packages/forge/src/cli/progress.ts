import type { Notice } from '../definition.ts';
import { formatCount, formatDuration } from '../lib/format.ts';
import type { RunEvent } from '../run.ts';

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface RunProgress {
  variant: string;
  total: number;
  /** Done before this attempt. */
  before: number;
  done: number;
  failed: number;
  scoreSum: number;
  isShare: boolean;
  startedMs: number;
  lastLineMs: number;
}

const barWidth = 16;
const redrawEveryMs = 100;
const plainLineEveryMs = 10_000;

/**
 * Draws the progress of runs on a stream: one line redrawn in place on a terminal, a plain line every ten seconds
 * elsewhere. Runs that go on together take turns in it. `metric` names the score whose running mean is shown.
 */
export function createProgress(stream: Stream, metric: () => string, monotonic: () => number) {
  const runs = new Map<string, RunProgress>();
  const inPlace = stream.isTTY === true;

  function line(progress: RunProgress): string {
    const { variant, total, done, before, failed, scoreSum } = progress;
    const seconds = (monotonic() - progress.startedMs) / 1000;
    const fresh = done - before;
    const rate = seconds > 0 ? fresh / seconds : 0;
    const eta = rate > 0 ? formatDuration(((total - done) / rate) * 1000) : '?';
    const filled = total === 0 ? barWidth : Math.round((barWidth * done) / total);
    const bar = inPlace ? `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ` : '';
    const mean = progress.isShare ? `${((100 * scoreSum) / fresh).toFixed(1)} %` : (scoreSum / fresh).toFixed(2);
    const accuracy = fresh > 0 ? `  ${metric()} ${mean}` : '';
    const failures = failed > 0 ? `  ${failed} failed` : '';
    return `${variant}  ${bar}${formatCount(done)}/${formatCount(total)}  ${rate.toFixed(1)}/s  ETA ${eta}${accuracy}${failures}`;
  }

  function draw(text: string): void {
    stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 100) - 1)}`);
  }

  return {
    event(event: RunEvent): void {
      const now = monotonic();
      if (event.type === 'run-started') {
        const run = {
          variant: event.variant,
          total: event.total,
          before: event.alreadyDone,
          done: event.alreadyDone,
          failed: 0,
          scoreSum: 0,
          isShare: true,
          startedMs: now,
          lastLineMs: now,
        };
        runs.set(event.runId, run);
        if (inPlace) draw(line(run));
        else stream.write(`${line(run)}\n`);
        return;
      }
      const run = runs.get(event.runId);
      if (run === undefined) return;
      if (event.type === 'example-finished') {
        run.done++;
        if (event.result.failure !== undefined) run.failed++;
        const score = event.result.scores[metric()] ?? 0;
        run.scoreSum += score;
        // Lengths and log-probabilities are no shares of 1.
        if (score < 0 || score > 1) run.isShare = false;
        if (now - run.lastLineMs >= (inPlace ? redrawEveryMs : plainLineEveryMs)) {
          run.lastLineMs = now;
          if (inPlace) draw(line(run));
          else stream.write(`${line(run)}\n`);
        }
        return;
      }
      if (inPlace) draw(`${line(run)}\n`);
      else stream.write(`${line(run)}  ${event.status}\n`);
      runs.delete(event.runId);
    },
    notice(notice: Notice): void {
      if (notice.level !== 'progress') {
        stream.write(`${inPlace ? '\r\x1b[2K' : ''}${notice.level}: ${notice.message}\n`);
        return;
      }
      const share =
        notice.total === undefined || notice.done === undefined
          ? ''
          : ` ${((100 * notice.done) / notice.total).toFixed(0)} %`;
      if (inPlace)
        draw(`${notice.message}${share}${notice.done !== undefined && notice.done === notice.total ? '\n' : ''}`);
      else if (notice.done === undefined || notice.done === notice.total) stream.write(`${notice.message}${share}\n`);
    },
  };
}
