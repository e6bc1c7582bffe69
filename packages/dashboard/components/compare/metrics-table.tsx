import type { ReactNode } from 'react';
import type { ComparedRuns, RunSummary } from '../../lib/api.ts';
import { count, dollars, duration, scoreDifference, scoreText } from '../../lib/format.ts';
import type { ToolFigures } from '../../lib/tool-use.ts';

type ComparedRun = ComparedRuns['runs'][number];

interface Figure {
  readonly name: string;
  /** null: not measured. */
  readonly value: (summary: RunSummary) => number | null;
  readonly text: (summary: RunSummary) => string;
  readonly difference: (delta: number) => string;
  /** Whether more is better; null where neither is. */
  readonly moreIsBetter: boolean | null;
}

const signed = (text: string, delta: number) => (delta > 0 ? `+${text}` : text);

/** Of agents, per example; other methods have none. */
function toolFigure(name: string, of: (tools: ToolFigures) => number): Figure {
  const value = ({ tools }: RunSummary) => (tools == null ? null : of(tools) / tools.examples);
  return {
    name,
    value,
    text: (summary) => value(summary)?.toFixed(2) ?? '–',
    difference: (delta) => signed(delta.toFixed(2), delta),
    moreIsBetter: false,
  };
}

function figuresOf(compared: ComparedRuns): Figure[] {
  const priced = compared.runs.some((run) => run.summary?.cost.total != null);
  const latency = (name: 'p50' | 'p95'): Figure => ({
    name: `Latency ${name}`,
    value: ({ latencyMs }) => latencyMs?.[name].value ?? null,
    text: ({ latencyMs }) => (latencyMs === null ? '–' : duration(latencyMs[name].value)),
    difference: (delta) => signed(duration(delta), delta),
    moreIsBetter: false,
  });
  return [
    ...compared.metrics.map((name): Figure => {
      const unit = compared.runs[0]?.summary?.metrics[name]?.unit;
      return {
        name,
        value: ({ metrics }) => metrics[name]?.value ?? null,
        text: ({ metrics }) => (metrics[name] === undefined ? '–' : scoreText(metrics[name])),
        difference: (delta) => scoreDifference(delta, unit),
        // Of lengths neither more nor less is better.
        moreIsBetter: unit === undefined || unit === 'nats' ? true : null,
      };
    }),
    latency('p50'),
    latency('p95'),
    {
      name: 'Completion tokens per example',
      value: ({ tokens }) => tokens.completionPerExample,
      text: ({ tokens }) => tokens.completionPerExample.toFixed(1),
      difference: (delta) => signed(delta.toFixed(1), delta),
      moreIsBetter: false,
    },
    {
      name: 'Tokens per correct answer',
      value: ({ tokens }) => tokens.perCorrect ?? null,
      text: ({ tokens }) => (tokens.perCorrect == null ? '–' : count(tokens.perCorrect)),
      difference: (delta) => signed(count(delta), delta),
      moreIsBetter: false,
    },
    ...(compared.runs.some((run) => run.summary?.tools != null)
      ? [
          toolFigure('Turns per example', ({ turns }) => turns),
          toolFigure('Tool calls per example', ({ calls }) => calls),
          toolFigure('Failed calls per example', ({ failed }) => failed),
        ]
      : []),
    {
      name: 'Compute-seconds per correct answer',
      value: ({ computeSeconds }) => computeSeconds.perCorrect,
      text: ({ computeSeconds }) => computeSeconds.perCorrect?.toFixed(3) ?? '–',
      difference: (delta) => signed(delta.toFixed(3), delta),
      moreIsBetter: false,
    },
    ...(priced
      ? [
          {
            name: 'Cost per correct answer',
            value: ({ cost }: RunSummary) => cost.perCorrect,
            text: ({ cost }: RunSummary) => (cost.perCorrect === null ? '–' : dollars(cost.perCorrect)),
            difference: (delta: number) => signed(delta.toPrecision(2), delta),
            moreIsBetter: false,
          },
        ]
      : []),
    {
      name: 'Failed',
      value: ({ failed }) => failed.total,
      text: ({ failed }) => count(failed.total),
      difference: (delta) => signed(count(delta), delta),
      moreIsBetter: false,
    },
    {
      name: 'Examples',
      value: ({ n }) => n,
      text: ({ n }) => count(n),
      difference: (delta) => signed(count(delta), delta),
      moreIsBetter: null,
    },
  ];
}

/** Against the baseline: a sign, a colour and a word. Whether it is more than chance, the verdict says. */
function Difference({ figure, delta }: { figure: Figure; delta: number }): ReactNode {
  // What rounds to nothing is no difference.
  if (!/[1-9]/.test(figure.difference(delta)) || figure.moreIsBetter === null) return null;
  const better = delta > 0 === figure.moreIsBetter;
  return (
    <span className={`block text-xs whitespace-nowrap ${better ? 'text-correct' : 'text-wrong'}`}>
      <span aria-hidden="true">{better ? '▲' : '▼'} </span>
      {figure.difference(delta)} <span className="sr-only">{better ? '(improvement)' : '(regression)'}</span>
    </span>
  );
}

function Cell({ figure, run, baseline }: { figure: Figure; run: ComparedRun; baseline: ComparedRun }) {
  if (run.summary === null) return <>–</>;
  const value = figure.value(run.summary);
  const reference = baseline.summary === null ? null : figure.value(baseline.summary);
  return (
    <>
      {figure.text(run.summary)}
      {run === baseline || value === null || reference === null ? null : (
        <Difference figure={figure} delta={value - reference} />
      )}
    </>
  );
}

/** The figures of each run beside those of the baseline, which is the first. */
export function MetricsTable({ compared }: { compared: ComparedRuns }) {
  const baseline = compared.runs[0] as ComparedRun;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Figures side by side" className="relative overflow-x-auto">
      <table className="w-full border-collapse">
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            <th scope="col" className="sticky start-0 bg-surface py-2 pe-4 text-start font-medium">
              Figure
            </th>
            {compared.runs.map((run) => (
              <th key={run.id} scope="col" className="px-3 py-2 text-start font-medium">
                {run.label}
                {run === baseline ? <span className="block font-normal">baseline</span> : null}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tabular-nums">
          {figuresOf(compared).map((figure) => (
            <tr key={figure.name} className="border-b border-line align-top last:border-0">
              <th
                scope="row"
                className="sticky start-0 max-w-40 bg-surface py-1.5 pe-4 text-start font-normal text-muted"
              >
                {figure.name}
              </th>
              {compared.runs.map((run) => (
                <td key={run.id} className="px-3 py-1.5 whitespace-nowrap">
                  <Cell figure={figure} run={run} baseline={baseline} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
