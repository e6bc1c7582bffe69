'use client';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type ExperimentDetail, type Run } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { useLiveExperiment } from '../../lib/live.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { CostSentence } from '../cost-sentence.tsx';
import { Folded } from '../folded.tsx';
import { IntervalPlot } from '../interval-plot.tsx';
import { LatencyHistogram } from '../latency-histogram.tsx';
import { Choice, ErrorState, PageTitle, Section, StateBadge } from '../parts.tsx';
import { NotThere } from '../record-page.tsx';
import { ResultsTable } from '../results-table.tsx';
import { VerdictCard } from '../verdict-card.tsx';
import { Actions } from './actions.tsx';
import { FaithfulnessBars } from './faithfulness-bars.tsx';
import { FiguresTable } from './figures-table.tsx';
import { FlipLinks } from './flip-links.tsx';
import { Progress } from './progress.tsx';
import { ToolSection } from './tool-section.tsx';

const ongoing = (state: string) => state === 'running' || state === 'queued';

function Findings({ experiment }: { experiment: ExperimentDetail }) {
  const { set } = useUrlState();
  // Runs that have finished are compared while others go on, but each further one changes the correction for the family.
  const isOngoing = ongoing(experiment.state);
  if (isOngoing || experiment.comparisons.length === 0) {
    const reason = isOngoing
      ? 'A verdict comes when the runs are finished: looking before the end would find differences that are not there.'
      : 'A verdict needs two finished variants.';
    return <p className="text-muted">{reason}</p>;
  }
  return (
    <>
      {experiment.comparisons.map((comparison) => (
        <VerdictCard
          key={comparison.candidate}
          comparison={comparison}
          flips={
            <>
              <CostSentence comparison={comparison} latency={experiment.latency} tokens={experiment.tokens} />
              <FlipLinks
                comparison={comparison}
                runs={experiment.runs}
                onOpen={(run, example) => set({ run, example, step: undefined })}
              />
            </>
          }
        />
      ))}
    </>
  );
}

function Pictures({
  experiment,
  run,
  onRun,
}: {
  experiment: ExperimentDetail;
  run: Run | undefined;
  onRun: (id: string) => void;
}) {
  const metrics = [...new Set(experiment.runs.flatMap((one) => one.spec.metrics.map((metric) => metric.name)))];
  const [metric, setMetric] = useState(experiment.metric);
  const measured = experiment.runs.flatMap((one) => {
    const estimate = one.summary?.metrics[metric];
    return estimate === undefined ? [] : [{ label: one.variant, estimate }];
  });
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Section
        title={ongoing(experiment.state) ? 'Scores so far' : 'Scores'}
        actions={
          <Choice
            label="Metric"
            value={metric}
            values={metrics.map((name) => [name, name] as const)}
            onChange={setMetric}
          />
        }
      >
        {measured.length === 0 ? (
          <p className="text-muted">Nothing is measured yet.</p>
        ) : (
          <IntervalPlot metric={metric} runs={measured} />
        )}
      </Section>
      <Section
        title="Latency"
        actions={
          <Choice
            label="Run"
            value={run?.id ?? ''}
            values={experiment.runs.map((one) => [one.id, one.variant] as const)}
            onChange={onRun}
          />
        }
      >
        {run?.summary?.latencyMs == null ? (
          <p className="text-muted">Nothing is measured yet.</p>
        ) : (
          <LatencyHistogram latency={run.summary.latencyMs} label={run.variant} />
        )}
      </Section>
    </div>
  );
}

/** Only where answers were held against passages. */
function Faithfulness({ runs }: { runs: readonly Run[] }) {
  const measured = runs.flatMap((one) => {
    const estimate = one.summary?.metrics.faithfulness;
    return estimate === undefined ? [] : [{ label: one.variant, estimate }];
  });
  if (measured.length === 0) return null;
  return (
    <Section title="Faithfulness">
      <FaithfulnessBars runs={measured} />
    </Section>
  );
}

function Origin({ experiment, run }: { experiment: ExperimentDetail; run: Run | undefined }) {
  return (
    <Section title="Origin">
      <Folded title="Configuration (YAML)">{experiment.source}</Folded>
      {run === undefined ? null : (
        <Folded title={`Provenance of ${run.variant}`}>
          {run.provenance === null ? 'not started' : JSON.stringify({ ...run.provenance, spec: run.spec }, null, 2)}
        </Folded>
      )}
    </Section>
  );
}

function Content({ experiment }: { experiment: ExperimentDetail }) {
  const { get, set } = useUrlState();
  const live = useLiveExperiment(experiment.id, ongoing(experiment.state));
  const run = experiment.runs.find((one) => one.id === get('run')) ?? experiment.runs[0];
  const failures = experiment.runs.filter((one) => one.error !== null);
  const chooseRun = (id: string) => set({ run: id, example: undefined, step: undefined });
  return (
    <>
      <PageTitle actions={<Actions experiment={experiment} />}>
        <span className="wrap-anywhere">{experiment.name}</span>{' '}
        <StateBadge state={live.progress?.state ?? experiment.state} />
      </PageTitle>
      <p className="mb-4 max-w-prose break-words text-muted">
        {experiment.description} <span className="whitespace-nowrap">Created {moment(experiment.createdAt)}.</span>
      </p>
      <div className="grid gap-4">
        {failures.map((one) => (
          <ErrorState key={one.id} error={`${one.variant}: ${one.error}`} />
        ))}
        {ongoing(experiment.state) ? <Progress experiment={experiment} live={live} /> : null}
        <Section title="Finding">
          <Findings experiment={experiment} />
        </Section>
        <Pictures experiment={experiment} run={run} onRun={chooseRun} />
        <Faithfulness runs={experiment.runs} />
        <ToolSection runs={experiment.runs} />
        <Section title={ongoing(experiment.state) ? 'Figures so far' : 'Figures'}>
          <FiguresTable runs={experiment.runs} baseline={experiment.baseline} />
        </Section>
        {run === undefined ? null : (
          <Section
            id="examples"
            title="Examples"
            actions={
              <Choice
                label="Run"
                value={run.id}
                values={experiment.runs.map((one) => [one.id, one.variant] as const)}
                onChange={chooseRun}
              />
            }
          >
            <ResultsTable key={run.id} run={run} metric={experiment.metric} />
          </Section>
        )}
        <Origin experiment={experiment} run={run} />
      </div>
    </>
  );
}

export function ExperimentPage() {
  const { get } = useUrlState();
  const id = get('id');
  const { data, error, refetch } = useQuery({
    queryKey: ['experiment', id],
    queryFn: ({ signal }) => api.experiment(id, { signal }),
    enabled: id !== '',
    placeholderData: (before) => (before?.id === id ? before : undefined),
  });
  if (data !== undefined) return <Content key={data.id} experiment={data} />;
  const retry = () => void refetch();
  return (
    <NotThere title="Experiment" path="/experiment" id={id} error={error} retry={retry} heights={[180, 280, 600]} />
  );
}
