import type { BenchmarkDetail, Quantity } from '../../lib/api.ts';
import { count, duration } from '../../lib/format.ts';
import { PageLink } from '../page-link.tsx';
import { Section } from '../parts.tsx';

type Asked = BenchmarkDetail['asked'];

function objectiveText(load: NonNullable<Asked['load']>): string {
  const { ttftMs, tpotMs, totalMs } = load.objective;
  const parts = [
    ttftMs === undefined ? [] : `first token within ${duration(ttftMs)}`,
    tpotMs === undefined ? [] : `${duration(tpotMs)} per further token`,
    totalMs === undefined ? [] : `whole answer within ${duration(totalMs)}`,
  ].flat();
  return parts.length === 0 ? '' : `; a good answer: ${parts.join(', ')}`;
}

function factsOf({ methods, optimisations, repetitions, baseline, compare, load }: Asked): [string, string][] {
  return [
    [
      'Matrix',
      `${methods.length} methods × ${optimisations.length} optimisations, ${repetitions === 1 ? 'once' : `${repetitions} times each`}`,
    ],
    ['Baseline', baseline],
    ['Accuracy', `${compare.metric}; differences under ${(100 * compare.margin).toFixed(1)} points do not matter`],
    ...(load === null
      ? []
      : ([
          [
            'Load',
            `${load.arrivals.length} loads on ${load.optimisations.join(', ')}, ${count(load.requests)} requests with the prompts of ${load.method}${objectiveText(load)}`,
          ],
        ] as [string, string][])),
  ];
}

const reached = ({ value }: Quantity, target: number) => value >= target;

function Goal({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { asked, report } = benchmark;
  if (report !== null && report.goal.length > 0) {
    return (
      <ul className="grid gap-2">
        {report.goal.map(({ method, target, ratio, sentence }) => (
          <li key={method} className="flex items-baseline gap-2">
            <span
              className={`rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${reached(ratio, target) ? 'bg-correct-soft text-correct' : 'bg-warning-soft text-warning'}`}
            >
              {reached(ratio, target) ? '✓ reached' : '✗ missed'}
            </span>
            <span className="min-w-0 font-medium break-words">{sentence}</span>
          </li>
        ))}
      </ul>
    );
  }
  if (asked.goal === null) return null;
  return (
    <p className="font-medium">
      Aim: {asked.goal.optimisation} at least {asked.goal.speedUp} times as fast as {asked.baseline}.
    </p>
  );
}

/** What the file asked for, and whether its aim is reached. */
export function AskedSection({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { asked, experimentId } = benchmark;
  const described = asked.optimisations.filter(
    ({ description, server, rerun }) => description !== '' || server !== null || rerun,
  );
  return (
    <Section
      title="Question"
      actions={
        <PageLink href={`/experiment?id=${experimentId}`} className="text-accent hover:underline">
          Every run and example
        </PageLink>
      }
    >
      <div className="grid gap-4">
        <Goal benchmark={benchmark} />
        <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
          {factsOf(asked).map(([name, value]) => (
            <div key={name} className="min-w-0">
              <dt className="text-xs text-muted">{name}</dt>
              <dd className="break-words">{value}</dd>
            </div>
          ))}
        </dl>
        {described.length === 0 ? null : (
          <details>
            <summary className="text-accent">What the optimisations are</summary>
            <dl className="mt-2 grid gap-2">
              {described.map(({ name, description, server, rerun }) => (
                <div key={name}>
                  <dt className="font-medium">{name}</dt>
                  <dd className="max-w-prose break-words text-muted">
                    {[
                      description,
                      server === null ? '' : `Runs on the server "${server}".`,
                      rerun ? 'Measured on a second pass over the same examples.' : '',
                    ]
                      .filter((part) => part !== '')
                      .join(' ')}
                  </dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </div>
    </Section>
  );
}
