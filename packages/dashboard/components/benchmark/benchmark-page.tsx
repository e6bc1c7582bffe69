'use client';
import { useQuery } from '@tanstack/react-query';
import { api, type BenchmarkDetail } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { useUrlState } from '../../lib/url-state.ts';
import { Folded } from '../folded.tsx';
import { ErrorState, PageTitle, Section, StateBadge } from '../parts.tsx';
import { NotThere } from '../record-page.tsx';
import { AskedSection } from './asked.tsx';
import { CellTable } from './cell-table.tsx';
import { LoadCurves } from './load-curves.tsx';
import { Measuring } from './measuring.tsx';
import { ParetoSection } from './pareto-section.tsx';
import { Recommendations } from './recommendations.tsx';
import { SpeedMatrix } from './speed-matrix.tsx';

const noFinding: Record<BenchmarkDetail['state'], string> = {
  pending: 'Nothing has been measured yet.',
  running: 'What was found comes when every cell and load is measured.',
  loading: 'Every cell is measured; now the engines are put under load.',
  reporting: 'Everything is measured; the report is being made.',
  cancelled: 'Stopped before everything was measured; forge bench --resume goes on with it.',
  finished: 'The report holds no finding.',
};

function Finding({ benchmark }: { benchmark: BenchmarkDetail }) {
  const findings = benchmark.report?.findings ?? [];
  const notes = benchmark.report?.notes ?? [];
  return (
    <Section title="Findings">
      {findings.length === 0 ? <p className="text-muted">{noFinding[benchmark.state]}</p> : null}
      <ul className="grid max-w-prose list-disc gap-2 ps-5">
        {findings.map((sentence) => (
          <li key={sentence} className="break-words">
            {sentence}
          </li>
        ))}
      </ul>
      {notes.length === 0 ? null : (
        <div className="mt-4 text-muted">
          <h3 className="font-medium">How it was measured, and what could not be</h3>
          <ul className="mt-1 grid max-w-prose list-disc gap-1 ps-5">
            {notes.map((sentence) => (
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

function Content({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { report, experimentId } = benchmark;
  return (
    <>
      <PageTitle>
        <span className="wrap-anywhere">{benchmark.name}</span> <StateBadge state={benchmark.state} />
      </PageTitle>
      <p className="mb-4 max-w-prose break-words text-muted">
        {benchmark.description} <span className="whitespace-nowrap">Created {moment(benchmark.createdAt)}.</span>
      </p>
      <div className="grid gap-4">
        <AskedSection benchmark={benchmark} />
        {report === null ? (
          <>
            <Finding benchmark={benchmark} />
            <Measuring benchmark={benchmark} />
          </>
        ) : (
          <>
            <Recommendations report={report} experimentId={experimentId} />
            {report.cells.length === 0 ? null : <SpeedMatrix report={report} experimentId={experimentId} />}
            <Finding benchmark={benchmark} />
            <LoadCurves report={report} />
            <ParetoSection report={report} />
            {report.cells.length === 0 ? null : <CellTable report={report} experimentId={experimentId} />}
          </>
        )}
        <Section title="Origin">
          <Folded title="Configuration (YAML)">{benchmark.source}</Folded>
        </Section>
      </div>
    </>
  );
}

/** Between looks at a benchmark that is not finished. */
const pollMs = 2000;

export function BenchmarkPage() {
  const { get } = useUrlState();
  const id = get('id');
  const { data, error, refetch } = useQuery({
    queryKey: ['benchmark', id],
    queryFn: ({ signal }) => api.benchmark(id, { signal }),
    enabled: id !== '',
    refetchInterval: ({ state }) => (state.data === undefined || state.data.state === 'finished' ? false : pollMs),
  });
  if (data !== undefined) {
    return (
      <>
        {error === null ? null : <ErrorState error={error} retry={() => void refetch()} />}
        <Content key={data.id} benchmark={data} />
      </>
    );
  }
  const retry = () => void refetch();
  return <NotThere title="Benchmark" path="/benchmark" id={id} error={error} retry={retry} heights={[220, 220, 420]} />;
}
