'use client';
import { useQuery } from '@tanstack/react-query';
import { api, type Queue } from '../../lib/api.ts';
import { ago, moment } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import { EmptyState, ErrorState, Loading, Section } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';
import { PlainTable } from './plain-table.tsx';

const refreshMs = 2000;

type Looks = 'good' | 'busy' | 'plain' | 'warning' | 'wrong';
const looksClass: Record<Looks, string> = {
  good: 'bg-correct-soft text-correct',
  busy: 'bg-accent-soft text-accent',
  plain: 'bg-raised text-muted',
  warning: 'bg-warning-soft text-warning',
  wrong: 'bg-wrong-soft text-wrong',
};

function Badge({ looks, text }: { looks: Looks; text: string }) {
  return (
    <span
      className={`inline-block rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${looksClass[looks]}`}
    >
      {text}
    </span>
  );
}

function WorkerState({ alive, state }: Queue['workers'][number]) {
  if (!alive) return <Badge looks="wrong" text="lost" />;
  return state === 'draining' ? <Badge looks="warning" text="stops" /> : <Badge looks="good" text="works" />;
}

function Workers({ workers }: { workers: Queue['workers'] }) {
  const now = Date.now();
  return (
    <Section title="Workers">
      {workers.length === 0 ? (
        <EmptyState title="No worker has come">
          This server executes experiments itself. More machines can help where there is a Postgres:
          <code className="mt-2 block rounded-md bg-raised px-3 py-2 font-mono text-xs break-words">
            DATABASE_URL=postgres://... forge worker
          </code>
        </EmptyState>
      ) : (
        <PlainTable
          caption="Workers"
          columns={['Name', 'State', 'Shards', 'Jobs', 'GPU', 'Version', 'Last heard of']}
          rows={workers.map((worker) => ({
            key: worker.id,
            cells: [
              <span key="name" className="font-mono text-xs break-all">
                {worker.name}
                {worker.kind === 'server' ? ' (server)' : ''}
              </span>,
              <WorkerState key="state" {...worker} />,
              worker.shards,
              worker.jobs,
              worker.gpu ? 'yes' : 'no',
              worker.version,
              <span key="seen" className="whitespace-nowrap text-muted">
                {ago(worker.seenAt, now)}
              </span>,
            ],
          }))}
        />
      )}
    </Section>
  );
}

function QueuedExperiment({ name, shards }: Queue['queue'][number]) {
  const { waiting, claimed, done } = shards;
  const total = waiting + claimed + done;
  const text = `${done} of ${total} shards, ${claimed} under way`;
  return (
    <span className="grid min-w-40 gap-1.5">
      <span className="tabular-nums">{total === 0 ? 'to be planned' : text}</span>
      <ProgressBar label={`Progress of ${name}`} share={done / Math.max(1, total)} text={text} />
    </span>
  );
}

const jobLooks: Record<Queue['jobs'][number]['state'], Looks> = {
  waiting: 'plain',
  claimed: 'busy',
  done: 'good',
  failed: 'wrong',
  cancelled: 'warning',
};

function JobState({ state, paused, endedAt, error }: Queue['jobs'][number]) {
  const isPaused = paused && endedAt === null;
  const text = state === 'claimed' ? 'under way' : state;
  return (
    <span className="grid gap-1">
      <span>
        <Badge looks={isPaused ? 'warning' : jobLooks[state]} text={isPaused ? 'paused' : text} />
      </span>
      {error === null ? null : <span className="max-w-md break-words text-wrong">{error}</span>}
    </span>
  );
}

function jobName({ kind, subject, name }: Queue['jobs'][number]) {
  if (kind === 'ingestion')
    return (
      <span className="break-words">
        {name} <span className="font-mono text-xs text-muted">{subject}</span>
      </span>
    );
  return (
    <PageLink href={`/${kind}?id=${subject}`} className="break-words text-accent hover:underline">
      {name}
    </PageLink>
  );
}

/** What workers do, as it is now. */
export function WorkerQueue() {
  const found = useQuery({
    queryKey: ['workers'],
    queryFn: ({ signal }) => api.queue({ signal }),
    refetchInterval: refreshMs,
  });
  if (found.isPending) return <Loading height={240} label="Loading workers" />;
  if (found.data === undefined) return <ErrorState error={found.error} retry={() => void found.refetch()} />;
  const { workers, queue, jobs, limits } = found.data;
  return (
    <>
      {found.error === null ? null : <ErrorState error={found.error} retry={() => void found.refetch()} />}
      <Workers workers={workers} />
      {queue.length === 0 ? null : (
        <Section title="Experiments of workers">
          <PlainTable
            caption="Experiments, in the order in which they are worked on"
            columns={['Experiment', 'Progress', 'Priority', 'State']}
            rows={queue.map((entry) => ({
              key: entry.experimentId,
              cells: [
                <PageLink
                  key="name"
                  href={`/experiment?id=${entry.experimentId}`}
                  className="break-words text-accent hover:underline"
                >
                  {entry.name}
                </PageLink>,
                <QueuedExperiment key="progress" {...entry} />,
                entry.priority,
                <Badge
                  key="state"
                  looks={entry.paused ? 'warning' : 'busy'}
                  text={entry.paused ? 'paused' : entry.planned ? 'queued' : 'to be planned'}
                />,
              ],
            }))}
          />
        </Section>
      )}
      {jobs.length === 0 ? null : (
        <Section title="Jobs">
          <PlainTable
            caption="Trainings, benchmarks and ingestions of workers"
            columns={['Job', 'Kind', 'State', 'Priority', 'Worker', 'Asked for']}
            rows={jobs.map((job) => ({
              key: job.id,
              cells: [
                jobName(job),
                job.kind,
                <JobState key="state" {...job} />,
                job.priority,
                <span key="worker" className="font-mono text-xs break-all text-muted">
                  {job.worker ?? ''}
                </span>,
                <span key="created" className="whitespace-nowrap text-muted">
                  {moment(job.createdAt)}
                </span>,
              ],
            }))}
          />
        </Section>
      )}
      {limits.length === 0 ? null : (
        <Section title="Limits">
          <PlainTable
            caption="Calls at once, on all machines together"
            columns={['Engine or host', 'At most', 'Held now']}
            rows={limits.map(({ key, max, held }) => ({ key, cells: [key, max, held] }))}
          />
        </Section>
      )}
    </>
  );
}
