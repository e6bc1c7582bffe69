'use client';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, type Experiment, type Overview } from '../../lib/api.ts';
import { ago, count } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import {
  buttonClass,
  EmptyState,
  ErrorState,
  Loading,
  PageTitle,
  Section,
  StateBadge,
  VerdictBadge,
} from '../parts.tsx';
import { ScoreBar } from '../score-bar.tsx';
import { May } from '../signed-in.tsx';

/** Wall clock, ms; 0 until the page has hydrated. */
function useNow(): number {
  const [now, setNow] = useState(0);
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

const experimentLink = (id: string) => `/experiment?id=${id}`;

function Totals({ totals }: { totals: Overview['totals'] }) {
  const figures = [
    ['Experiments', totals.experiments],
    ['Runs', totals.runs],
    ['Examples', totals.examples],
    ['Model calls', totals.calls],
    ['Prompt tokens', totals.promptTokens],
    ['Completion tokens', totals.completionTokens],
  ] as const;
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
      {figures.map(([name, value]) => (
        <div key={name} className="rounded-lg border border-line bg-surface px-4 py-3">
          <dt className="text-xs text-muted">{name}</dt>
          <dd className="text-lg font-semibold tabular-nums">{count(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Name({ experiment }: { experiment: Experiment }) {
  return (
    <PageLink href={experimentLink(experiment.id)} className="font-medium break-words text-accent hover:underline">
      {experiment.name}
    </PageLink>
  );
}

function Active({ experiments }: { experiments: readonly Experiment[] }) {
  if (experiments.length === 0) return <p className="text-muted">Nothing runs at the moment.</p>;
  return (
    <ul className="divide-y divide-line">
      {experiments.map((experiment) => (
        <li key={experiment.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2 first:pt-0 last:pb-0">
          <Name experiment={experiment} />
          <StateBadge state={experiment.state} />
          <span className="text-muted">
            {experiment.runs.filter((run) => run.status === 'finished').length} of {count(experiment.runs.length)} runs
            finished
          </span>
        </li>
      ))}
    </ul>
  );
}

function Findings({ experiments, now }: { experiments: readonly Experiment[]; now: number }) {
  if (experiments.length === 0) {
    return <p className="text-muted">A finding needs two finished variants of one experiment.</p>;
  }
  return (
    <ul className="divide-y divide-line">
      {experiments.map((experiment) => (
        <li key={experiment.id} className="grid gap-1 py-3 first:pt-0 last:pb-0">
          <span className="flex flex-wrap items-baseline gap-x-3">
            <Name experiment={experiment} />
            <span className="text-xs text-muted">{now === 0 ? '' : ago(experiment.createdAt, now)}</span>
          </span>
          {experiment.headline.slice(0, 3).map((line) => (
            <span key={line.candidate} className="flex items-baseline gap-2">
              <VerdictBadge verdict={line.verdict} />
              <span className="min-w-0 break-words">{line.sentence}</span>
            </span>
          ))}
          {experiment.headline.length > 3 ? (
            <span className="text-xs text-muted">and {count(experiment.headline.length - 3)} more comparisons</span>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function Recent({ experiments, now }: { experiments: readonly Experiment[]; now: number }) {
  return (
    <ul className="divide-y divide-line">
      {experiments.map((experiment) => (
        <li key={experiment.id} className="grid gap-1.5 py-3 first:pt-0 last:pb-0">
          <span className="flex flex-wrap items-center gap-x-3">
            <Name experiment={experiment} />
            <StateBadge state={experiment.state} />
            <span className="text-xs text-muted">{now === 0 ? '' : ago(experiment.createdAt, now)}</span>
          </span>
          <span className="grid gap-x-4 gap-y-1 sm:grid-cols-[minmax(0,12rem)_1fr]">
            {experiment.runs
              .filter((run) => run.score !== null)
              .slice(0, 4)
              .map((run) => (
                <span key={run.id} className="contents">
                  <span className="truncate text-muted" title={run.variant}>
                    {run.variant}
                  </span>
                  {run.score === null ? null : <ScoreBar estimate={run.score} />}
                </span>
              ))}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Welcome() {
  return (
    <Section title="Nothing is stored yet">
      <EmptyState title="Start with an experiment">
        <p className="mb-4">
          An experiment compares methods, models or settings over the same examples. On the command line the first one
          is <code className="rounded bg-raised px-1 font-mono">npm run forge -- run experiments/quickstart.yaml</code>
        </p>
        <May atLeast="editor">
          <PageLink href="/experiments/new?example=quickstart" className={buttonClass('primary')}>
            New experiment
          </PageLink>
        </May>
      </EmptyState>
    </Section>
  );
}

export function Home() {
  const now = useNow();
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => api.overview({ signal }),
    refetchInterval: (query) => ((query.state.data?.active.length ?? 0) > 0 ? 3000 : 15_000),
  });
  const { data, error, refetch } = overview;
  return (
    <>
      <PageTitle>Laboratory</PageTitle>
      <div className="grid gap-4">
        {error !== null && data === undefined ? <ErrorState error={error} retry={() => void refetch()} /> : null}
        {data === undefined ? error === null ? <Skeleton /> : null : <Content overview={data} now={now} />}
      </div>
    </>
  );
}

function Skeleton() {
  return (
    <>
      <Loading height={70} />
      <Loading height={110} />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Loading height={420} />
        <Loading height={420} />
      </div>
    </>
  );
}

function Content({ overview, now }: { overview: Overview; now: number }) {
  if (overview.totals.experiments === 0) return <Welcome />;
  return (
    <>
      <Totals totals={overview.totals} />
      <Section title="Running now">
        <Active experiments={overview.active} />
      </Section>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Section title="Latest findings">
          <Findings experiments={overview.findings} now={now} />
        </Section>
        <Section
          title="Recent experiments"
          actions={
            <PageLink href="/experiments" className="text-accent hover:underline">
              All experiments
            </PageLink>
          }
        >
          <Recent experiments={overview.recent} now={now} />
        </Section>
      </div>
    </>
  );
}
