import type { BenchmarkEvent } from '../execute-benchmark.ts';
import { formatDuration } from '../lib/format.ts';
import type { LoadMeasurement } from '../load-point.ts';
import type { RunEvent } from '../run.ts';
import { createProgress } from './progress.ts';

type Stream = Parameters<typeof createProgress>[0];

/** How far the matrix or the loads are, and how long the rest takes at the pace so far. */
function createPace(monotonic: () => number) {
  let first: { index: number; atMs: number } | undefined;
  return (index: number, total: number): string => {
    first ??= { index, atMs: monotonic() };
    const done = index - first.index;
    const eta = done === 0 ? '' : `, ETA ${formatDuration(((total - index) * (monotonic() - first.atMs)) / done)}`;
    return `[${index + 1}/${total}${eta}]`;
  };
}

function loadLine({
  requestsPerSecond,
  completionTokensPerSecond,
  ttftMs,
  failed,
  saturated,
}: LoadMeasurement): string {
  const first =
    ttftMs === null ? '' : `, first token after ${formatDuration(ttftMs.p50)} (p95 ${formatDuration(ttftMs.p95)})`;
  const trouble = `${failed > 0 ? `, ${failed} failed` : ''}${saturated ? ', saturated' : ''}`;
  return `${requestsPerSecond.toFixed(1)} requests/s, ${completionTokensPerSecond.toFixed(0)} tokens/s${first}${trouble}`;
}

/** Draws the progress of a benchmark on a stream: cells as runs, each with its place among all; a line for each load. */
export function createBenchProgress(stream: Stream, metric: string, monotonic: () => number) {
  const cells = createProgress(stream, () => metric, monotonic);
  const cellPace = createPace(monotonic);
  const loadPace = createPace(monotonic);
  const say = (text: string) => stream.write(`${text}\n`);
  let place = '';
  const withPlace = (event: RunEvent): RunEvent =>
    event.type === 'run-started' ? { ...event, variant: `${place} ${event.variant}` } : event;

  return {
    event(event: BenchmarkEvent): void {
      if (event.type === 'stage') say(`${event.stage}: ${event.label}`);
      else if (event.type === 'cell-started') place = cellPace(event.index, event.total);
      else if (event.type === 'cell') cells.event(withPlace(event.event));
      else if (event.type === 'load-started')
        place = `${loadPace(event.index, event.total)} ${event.optimisation}, ${event.label}`;
      else if (event.type === 'load-measured') say(`${place}: ${loadLine(event.measured)}`);
    },
    notice: cells.notice,
  };
}
