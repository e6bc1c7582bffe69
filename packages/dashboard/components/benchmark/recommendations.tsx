import type { BenchmarkReport, MatrixCell } from '../../lib/api.ts';
import { money, pointName, rateText } from '../../lib/benchmark-figures.ts';
import { cellLink } from '../../lib/cell-link.ts';
import { duration } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import { Section } from '../parts.tsx';

type Recommendation = BenchmarkReport['recommendations'][number];

function figuresOf(cell: MatrixCell): [string, string][] {
  const { accuracy, latencyP95Ms, examplesPerSecond, costPerThousand } = cell;
  return [
    ['Accuracy', `${(100 * accuracy.value).toFixed(1)} %`],
    ...(latencyP95Ms === null ? [] : ([['Latency p95', duration(latencyP95Ms.value)]] as [string, string][])),
    ['Examples/s', rateText(examplesPerSecond.value)],
    ...(costPerThousand === null ? [] : ([['Per thousand', money(costPerThousand)]] as [string, string][])),
  ];
}

function Card({
  recommendation,
  cell,
  experimentId,
}: {
  recommendation: Recommendation;
  cell: MatrixCell | undefined;
  experimentId: string;
}) {
  const { title, choice, reason } = recommendation;
  return (
    <article className="flex min-w-0 flex-col gap-3 rounded-md border border-line p-4">
      <h3 className="text-muted">{title}</h3>
      {choice === null ? (
        <p className="text-lg font-semibold text-warning">None fulfils it</p>
      ) : (
        <p className="text-lg font-semibold break-words">
          {cell === undefined ? (
            pointName(choice)
          ) : (
            <PageLink href={cellLink(experimentId, cell)} className="text-accent hover:underline">
              {pointName(choice)}
            </PageLink>
          )}
        </p>
      )}
      {cell === undefined ? null : (
        <dl className="flex flex-wrap gap-x-5 gap-y-2 tabular-nums">
          {figuresOf(cell).map(([name, value]) => (
            <div key={name}>
              <dt className="text-xs text-muted">{name}</dt>
              <dd className="font-medium">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className="break-words">{reason}</p>
    </article>
  );
}

/** What to take for which use. */
export function Recommendations({ report, experimentId }: { report: BenchmarkReport; experimentId: string }) {
  if (report.recommendations.length === 0) return null;
  return (
    <Section title="Recommendations">
      <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
        {report.recommendations.map((recommendation) => {
          const { useCase, choice } = recommendation;
          const cell = report.cells.find(
            ({ method, optimisation }) => method === choice?.method && optimisation === choice.optimisation,
          );
          return <Card key={useCase} recommendation={recommendation} cell={cell} experimentId={experimentId} />;
        })}
      </div>
    </Section>
  );
}
