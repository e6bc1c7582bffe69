import type { ExperimentDetail, ProgressEvent } from '../../lib/api.ts';
import { count, duration } from '../../lib/format.ts';
import type { Live } from '../../lib/live.ts';
import { Section, StateBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';

type RunProgress = ProgressEvent['runs'][number];

function Bar({ run }: { run: RunProgress }) {
  // A run that has finished may have stopped before its last example.
  const share = run.status === 'finished' ? 1 : run.total === null || run.total === 0 ? 0 : run.done / run.total;
  const text = run.total === null ? 'waits' : `${count(run.done)} of ${count(run.total)}`;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 sm:grid-cols-[12rem_minmax(0,1fr)_auto]">
      <span className="truncate" title={run.variant}>
        {run.variant}
      </span>
      <ProgressBar
        label={`Progress of ${run.variant}`}
        share={share}
        text={text}
        className="order-last col-span-2 sm:order-none sm:col-span-1"
      />
      <span className="flex items-center gap-2 tabular-nums">
        <span className="text-muted">
          {text}
          {run.failed > 0 ? `, ${count(run.failed)} failed` : ''}
        </span>
        <StateBadge state={run.status} />
      </span>
    </div>
  );
}

/** How far the runs are, while they go on. */
export function Progress({ experiment, live }: { experiment: ExperimentDetail; live: Live }) {
  const { progress } = live;
  const runs: readonly RunProgress[] =
    progress?.runs ??
    experiment.runs.map(({ id, variant, status, total, done, failed }) => ({
      runId: id,
      variant,
      status,
      total,
      done,
      failed,
    }));
  const rate = progress?.examplesPerSecond;
  const eta = progress?.etaMs;
  return (
    <Section
      title="Progress"
      actions={
        <span className="text-muted tabular-nums" aria-live="off">
          {live.connected ? '' : progress === null ? 'connecting · ' : 'reconnecting · '}
          {rate == null ? '' : `${rate.toFixed(1)} examples/s`}
          {eta == null ? '' : ` · about ${duration(eta)} left`}
        </span>
      }
    >
      <div className="grid gap-3">
        {runs.map((run) => (
          <Bar key={run.runId} run={run} />
        ))}
        {progress?.notice == null ? null : <p className="text-muted">{progress.notice}</p>}
      </div>
    </Section>
  );
}
