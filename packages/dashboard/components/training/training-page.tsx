'use client';
import { useQuery } from '@tanstack/react-query';
import { api, type TrainingDetail } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { goesOn, type LiveTraining, useTrainingSeries } from '../../lib/live-training.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { Folded } from '../folded.tsx';
import { ErrorState, PageTitle, Section, StateBadge, VerdictBadge } from '../parts.tsx';
import { NotThere } from '../record-page.tsx';
import { AblationGrid } from './ablation-grid.tsx';
import { Curves } from './curves.tsx';
import { Lineage } from './lineage.tsx';
import { RunTable } from './run-table.tsx';
import { TradeoffTable } from './tradeoff-table.tsx';

const noFinding: Record<TrainingDetail['state'], string> = {
  pending: 'Nothing has been trained yet.',
  running: 'A verdict comes when every run is trained and evaluated.',
  evaluating: 'Every run is trained; the models before and after are being compared.',
  finished: 'The report holds no verdict.',
  cancelled: 'Stopped before there was a verdict; forge train goes on with it.',
  failed: 'A run failed before there was a verdict.',
};

function Finding({ training }: { training: TrainingDetail }) {
  const negatives = training.report?.negatives ?? [];
  return (
    <Section title="Finding">
      {training.verdicts.length === 0 ? <p className="text-muted">{noFinding[training.state]}</p> : null}
      <ul className="grid gap-3">
        {training.verdicts.map(({ sentence, kind }) => (
          <li key={sentence} className="flex items-baseline gap-2">
            <VerdictBadge verdict={kind} />
            <span className="min-w-0 font-medium break-words">{sentence}</span>
          </li>
        ))}
      </ul>
      {negatives.length === 0 ? null : (
        <div className="mt-4 rounded-md bg-warning-soft px-3 py-2 text-warning">
          <h3 className="font-medium">What did not work</h3>
          <ul className="mt-1 grid list-disc gap-1 ps-5">
            {negatives.map((sentence) => (
              <li key={sentence} className="break-words">
                {sentence}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

function textOf(value: unknown): string {
  if (value === null || typeof value !== 'object') {
    return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : String(value);
  }
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${textOf(inner)}`)
    .join(', ');
}

function Facts({ title, facts }: { title: string; facts: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(facts);
  if (entries.length === 0) return null;
  return (
    <div className="min-w-0">
      <h3 className="mb-2 font-medium">{title}</h3>
      <dl className="grid gap-1">
        {entries.map(([name, value]) => (
          <div key={name} className="flex flex-wrap gap-x-3">
            <dt className="min-w-36 text-muted">{name}</dt>
            <dd className="min-w-0 break-words tabular-nums">{textOf(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Data({ training }: { training: TrainingDetail }) {
  const data = training.report?.data;
  if (data == null) return null;
  return (
    <Section title="Data">
      <div className="grid gap-6 md:grid-cols-2 xl:grid-cols-3">
        <Facts title="Found in two places" facts={data.leakage} />
        <Facts title="Lengths in tokens" facts={data.lengths} />
        <Facts
          title="Files, sha256"
          facts={Object.fromEntries(Object.entries(data.files).map(([split, digest]) => [split, digest.slice(0, 16)]))}
        />
      </div>
    </Section>
  );
}

function Origin({ training }: { training: TrainingDetail }) {
  return (
    <Section title="Origin">
      <Folded title="Configuration (YAML)">{training.source}</Folded>
      {training.runs.map(({ id, variant, folder, provenance, outcome, spec }) => (
        <Folded key={id} title={`Settings and provenance of ${variant}`}>
          {JSON.stringify({ folder, provenance, outcome, settings: spec }, null, 2)}
        </Folded>
      ))}
    </Section>
  );
}

function connection(live: LiveTraining): string {
  if (live.connected) return 'live';
  return live.progress === null ? 'connecting' : 'reconnecting';
}

function Content({ training }: { training: TrainingDetail }) {
  const live = useTrainingSeries(training);
  const { report, runs } = training;
  const isLive = goesOn(training.state);
  const about = [training.objective, training.trainer, training.model].filter((part) => part !== '').join(' · ');
  return (
    <>
      <PageTitle>
        <span className="wrap-anywhere">{training.name}</span>{' '}
        <StateBadge state={live.progress?.state ?? training.state} />
      </PageTitle>
      <p className="mb-4 max-w-prose break-words text-muted">
        {training.description}
        <span className="block text-xs">
          {about} · created {moment(training.createdAt)}
        </span>
      </p>
      <div className="grid gap-4">
        {live.error === null ? null : <ErrorState error={live.error} />}
        <Finding training={training} />
        <Section title="Runs" actions={isLive ? <span className="text-muted">{connection(live)}</span> : undefined}>
          <RunTable runs={runs} live={live} />
        </Section>
        <Curves runs={runs} live={live} />
        {report === null ? null : (
          <>
            <TradeoffTable report={report} />
            <AblationGrid report={report} />
          </>
        )}
        <Lineage training={training} />
        <Data training={training} />
        <Origin training={training} />
      </div>
    </>
  );
}

export function TrainingPage() {
  const { get } = useUrlState();
  const id = get('id');
  const { data, error, refetch } = useQuery({
    queryKey: ['training', id],
    queryFn: ({ signal }) => api.training(id, { signal }),
    enabled: id !== '',
    placeholderData: (before) => (before?.id === id ? before : undefined),
    // One that stopped may be gone on with from a terminal.
    refetchInterval: ({ state }) =>
      state.data === undefined || state.data.state === 'finished' || goesOn(state.data.state) ? false : 5000,
  });
  if (data !== undefined) return <Content key={data.id} training={data} />;
  const retry = () => void refetch();
  return <NotThere title="Training" path="/training" id={id} error={error} retry={retry} heights={[120, 220, 620]} />;
}
