'use client';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { api, type ComparedRuns } from '../../lib/api.ts';
import { useTypedText, useUrlState } from '../../lib/url-state.ts';
import { CostSentence } from '../cost-sentence.tsx';
import { PageLink } from '../page-link.tsx';
import { Button, ErrorState, inputClass, Loading, PageTitle, Section } from '../parts.tsx';
import { VerdictCard } from '../verdict-card.tsx';
import { Flips } from './flips.tsx';
import { ForestPlot } from './forest-plot.tsx';
import { MetricsTable } from './metrics-table.tsx';
import { RunPicker } from './run-picker.tsx';
import { TradeoffPlot } from './tradeoff-plot.tsx';

function CopyLink() {
  const [copied, setCopied] = useState(false);
  return (
    <Button
      onClick={async () => {
        await navigator.clipboard.writeText(window.location.href);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      }}
    >
      {copied ? 'Copied' : 'Copy link'}
    </Button>
  );
}

/** What decides: the baseline, the metric, the smallest difference that matters. All of it is in the address. */
function Settings({ compared, runs }: { compared: ComparedRuns; runs: readonly string[] }) {
  const { get, set } = useUrlState();
  const settle = useCallback((text: string) => set({ minimumEffect: text }), [set]);
  const [effect, setEffect] = useTypedText(get('minimumEffect'), settle, 500);
  return (
    <div className="flex flex-wrap items-end gap-4">
      <label className="grid gap-1 text-xs text-muted">
        Baseline
        <select
          className={inputClass}
          value={compared.runs[0]?.id}
          onChange={({ target }) =>
            set({ runs: [target.value, ...runs.filter((id) => id !== target.value)].join(',') })
          }
        >
          {compared.runs.map((run) => (
            <option key={run.id} value={run.id}>
              {run.label}
            </option>
          ))}
        </select>
      </label>
      <label className="grid gap-1 text-xs text-muted">
        Metric that decides
        <select className={inputClass} value={compared.metric} onChange={({ target }) => set({ metric: target.value })}>
          {compared.metrics.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="grid gap-1 text-xs text-muted">
        Smallest difference that matters
        <input
          className={`${inputClass} w-40`}
          type="number"
          min="0.001"
          max="1"
          step="0.01"
          placeholder="0.05"
          value={effect}
          onChange={({ target }) => setEffect(target.value)}
        />
      </label>
    </div>
  );
}

function Runs({ compared }: { compared: ComparedRuns }) {
  return (
    <ul className="flex flex-wrap gap-x-6 gap-y-1">
      {compared.runs.map((run, i) => (
        <li key={run.id}>
          <PageLink href={`/experiment?id=${run.experimentId}&run=${run.id}`} className="text-accent hover:underline">
            {run.label}
          </PageLink>{' '}
          <span className="text-muted">
            {run.experimentName}
            {i === 0 ? ', baseline' : ''}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Content({ compared, runs }: { compared: ComparedRuns; runs: readonly string[] }) {
  return (
    <div className="grid gap-4">
      <Section title="Runs">
        <div className="grid gap-4">
          <Runs compared={compared} />
          <Settings compared={compared} runs={runs} />
        </div>
      </Section>
      <Section title="Verdict">
        {compared.comparisons.map((comparison) => (
          <VerdictCard
            key={comparison.candidate}
            comparison={comparison}
            flips={
              <>
                <CostSentence comparison={comparison} latency={compared.latency} tokens={compared.tokens} />
                <Flips comparison={comparison} compared={compared} />
              </>
            }
          />
        ))}
      </Section>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Section title="Differences">
          <ForestPlot compared={compared} />
        </Section>
        <Section title="Accuracy against latency">
          <TradeoffPlot compared={compared} />
        </Section>
      </div>
      <Section title="Figures">
        <MetricsTable compared={compared} />
      </Section>
    </div>
  );
}

export function ComparePage() {
  const { get, set } = useUrlState();
  const runs = get('runs')
    .split(',')
    .filter((id) => id !== '');
  const metric = get('metric');
  const minimumEffect = get('minimumEffect');
  const { data, error, refetch } = useQuery({
    queryKey: ['compare', runs, metric, minimumEffect],
    queryFn: ({ signal }) =>
      api.compare(
        { runs, ...(metric === '' ? {} : { metric }), ...(minimumEffect === '' ? {} : { minimumEffect }) },
        { signal },
      ),
    enabled: runs.length > 0,
    placeholderData: (before) => before,
  });
  const choose = () => set({ runs: undefined, metric: undefined, minimumEffect: undefined });
  if (runs.length === 0) {
    return (
      <>
        <PageTitle>Compare</PageTitle>
        <RunPicker onCompare={(chosen) => set({ runs: chosen.join(',') })} />
      </>
    );
  }
  return (
    <>
      <PageTitle
        actions={
          <div className="flex gap-2">
            <CopyLink />
            <Button onClick={choose}>Choose other runs</Button>
          </div>
        }
      >
        Compare
      </PageTitle>
      {error === null ? null : (
        <div className="mb-4">
          <ErrorState error={error} retry={() => void refetch()} />
        </div>
      )}
      {data === undefined ? error === null ? <Loading height={700} /> : null : <Content compared={data} runs={runs} />}
    </>
  );
}
