import type { ReactNode } from 'react';
import type { Run, RunSummary } from '../../lib/api.ts';
import { count, dollars, duration } from '../../lib/format.ts';
import { failedCallsText, limitsText, perExample, type ToolFigures } from '../../lib/tool-use.ts';
import { ScoreBar } from '../score-bar.tsx';

type Figure = readonly [name: string, value: (summary: RunSummary, run: Run) => ReactNode];

/** `24 of 200` where the scores stopped the run. */
const examples: Figure[1] = ({ n }, { status, total }) =>
  status === 'finished' && total !== null && n < total ? `${count(n)} of ${count(total)}` : count(n);

/** Of agents; other methods have none. */
function toolFigures(): Figure[] {
  const figures: [string, (tools: ToolFigures) => string][] = [
    ['Turns per example', (tools) => perExample(tools.turns, tools)],
    ['Tool calls per example', (tools) => perExample(tools.calls, tools)],
    ['Failed calls', failedCallsText],
    ['Ended by a limit', limitsText],
  ];
  return figures.map(([name, text]) => [name, ({ tools }) => (tools == null ? '–' : text(tools))]);
}

function figuresOf(runs: readonly Run[]): Figure[] {
  const metrics = [...new Set(runs.flatMap((run) => run.spec.metrics.map((metric) => metric.name)))];
  const summaries = runs.flatMap((run) => (run.summary === null ? [] : [run.summary]));
  const some = (has: (summary: RunSummary) => boolean) => summaries.some(has);
  const latency = (name: 'p50' | 'p95' | 'p99'): Figure => [
    `Latency ${name}`,
    ({ latencyMs }) => {
      if (latencyMs === null) return '–';
      const { value, low, high } = latencyMs[name];
      return `${duration(value)} [${duration(low)}, ${duration(high)}]`;
    },
  ];
  const flags = [...new Set(summaries.flatMap((summary) => Object.keys(summary.flags)))];
  return [
    ['Examples', examples],
    ...metrics.map(
      (name): Figure => [
        name,
        ({ metrics: found }) => (found[name] === undefined ? '–' : <ScoreBar estimate={found[name]} />),
      ],
    ),
    latency('p50'),
    latency('p95'),
    latency('p99'),
    [
      'Tokens in / out per example',
      ({ tokens }) => `${tokens.promptPerExample.toFixed(1)} / ${tokens.completionPerExample.toFixed(1)}`,
    ],
    ...(some(({ tokens }) => tokens.cachedPrompt > 0)
      ? [
          [
            'Prompt tokens reused',
            ({ tokens }) =>
              tokens.prompt === 0 ? '–' : `${((100 * tokens.cachedPrompt) / tokens.prompt).toFixed(0)} %`,
          ] as Figure,
        ]
      : []),
    ['Tokens per correct answer', ({ tokens }) => (tokens.perCorrect == null ? '–' : count(tokens.perCorrect))],
    ...(some(({ tools }) => tools != null) ? toolFigures() : []),
    [
      'Examples per second',
      ({ throughput }) => (throughput.examplesPerSecond > 0 ? throughput.examplesPerSecond.toFixed(1) : '–'),
    ],
    ['Compute-seconds per correct answer', ({ computeSeconds }) => computeSeconds.perCorrect?.toFixed(3) ?? '–'],
    ...(some(({ cost }) => cost.total !== null)
      ? ([
          ['Cost', ({ cost }) => (cost.total === null ? '–' : dollars(cost.total))],
          ['Cost per correct answer', ({ cost }) => (cost.perCorrect === null ? '–' : dollars(cost.perCorrect))],
        ] as Figure[])
      : []),
    [
      'Failed (scored 0)',
      ({ failed }) =>
        failed.total === 0
          ? '0'
          : `${count(failed.total)}: ${Object.entries(failed.byKind)
              .map(([kind, n]) => `${kind} ${count(n)}`)
              .join(', ')}`,
    ],
    ...flags.map((flag): Figure => [flag, (summary) => count(summary.flags[flag] ?? 0)]),
    ['Calls from the cache', ({ cachedCalls, calls }) => `${count(cachedCalls)} of ${count(calls)}`],
    ...(some(({ retries }) => retries > 0) ? [['Retries', ({ retries }) => count(retries)] as Figure] : []),
  ];
}

/** Every figure of every run, side by side. */
export function FiguresTable({ runs, baseline }: { runs: readonly Run[]; baseline: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Figures of the runs" className="relative overflow-x-auto">
      <table className="w-full border-collapse">
        <thead>
          <tr className="border-b border-line text-start text-xs text-muted">
            <th scope="col" className="sticky start-0 bg-surface py-2 pe-4 text-start font-medium">
              Figure
            </th>
            {runs.map((run) => (
              <th key={run.id} scope="col" className="px-3 py-2 text-start font-medium whitespace-nowrap">
                {run.variant}
                {run.spec.group === baseline ? <span className="ms-1 font-normal">(baseline)</span> : null}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums">
          {figuresOf(runs).map(([name, value]) => (
            <tr key={name} className="border-b border-line last:border-0">
              <th
                scope="row"
                className="sticky start-0 max-w-40 bg-surface py-1.5 pe-4 text-start font-normal text-muted"
              >
                {name}
              </th>
              {runs.map((run) => (
                <td key={run.id} className="px-3 py-1.5 whitespace-nowrap">
                  {run.summary === null ? '–' : value(run.summary, run)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
