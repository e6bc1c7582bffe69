import type { TrainingRun } from '../../lib/api.ts';
import { count, duration } from '../../lib/format.ts';
import type { LiveTraining } from '../../lib/live-training.ts';
import { bytes } from '../../lib/training-figures.ts';
import { noSeries, type RunSeries, timeLeft, tokensPerSecond } from '../../lib/training-series.ts';
import { StateBadge } from '../parts.tsx';
import { ProgressBar } from '../progress-bar.tsx';

/** A run with what is known of it by now. */
interface Standing {
  readonly run: TrainingRun;
  readonly series: RunSeries;
}

function Progress({ run, series }: Standing) {
  const { totalSteps, step } = run;
  if (totalSteps === null) {
    const waits = run.status === 'pending' ? 'waits' : 'prepares';
    return <span className="text-muted">{run.status === 'running' || run.status === 'pending' ? waits : '–'}</span>;
  }
  const text = `${count(step)} of ${count(totalSteps)} steps`;
  const left = run.status === 'running' ? timeLeft(series, totalSteps) : null;
  return (
    <span className="grid gap-1">
      <ProgressBar
        label={`Progress of ${run.variant}`}
        share={totalSteps === 0 ? 1 : Math.min(1, step / totalSteps)}
        text={text}
        className="w-full md:w-40"
      />
      <span className="text-xs text-muted">
        {text}
        {left === null ? '' : ` · about ${duration(left)} left`}
      </span>
    </span>
  );
}

const number = (value: number | null | undefined, text: (value: number) => string) =>
  value === null || value === undefined ? '–' : text(value);
const percent = (value: number) => `${(100 * value).toFixed(0)} %`;

/** Of the validation rows where they were looked at, else of the last training step. */
function latest({ series }: Standing) {
  const checked = series.validations.at(-1);
  const step = series.steps.at(-1);
  const from = checked ?? step;
  return { from, isValidation: checked !== undefined, speed: step === undefined ? null : tokensPerSecond(step) };
}

function Figures(standing: Standing) {
  const { from, isValidation, speed } = latest(standing);
  const preference = from?.preference;
  const figures: [string, string][] = [
    ['Loss', number(from?.loss, (value) => value.toFixed(4))],
    ...(preference === undefined
      ? []
      : ([
          ['Margin', number(preference.margin, (value) => value.toFixed(3))],
          ['Accuracy', number(preference.accuracy, percent)],
        ] as [string, string][])),
    ['Tokens/s', number(speed, count)],
  ];
  return (
    <>
      <dl className="flex gap-x-4">
        {figures.map(([name, value]) => (
          <div key={name} className="min-w-13 whitespace-nowrap">
            <dt className="text-xs text-muted">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {from === undefined ? null : (
        <span className="text-xs text-muted">{isValidation ? 'on the validation rows' : 'in the last step'}</span>
      )}
    </>
  );
}

/** How long it has taken: what is stored of ended attempts, or the steps of one that goes on. */
function took({ run, series }: Standing): string {
  const ms = run.wallMs > 0 ? run.wallMs : series.steps.reduce((sum, step) => sum + step.tookMs, 0);
  return ms === 0 ? '–' : duration(ms);
}

function Notes({ run, series }: Standing) {
  const { started, warnings, checkpoints } = series;
  const facts = [
    ...(started === null
      ? []
      : [
          `${count(started.rows)} rows${started.leftOut > 0 ? `, ${count(started.leftOut)} left out as too long` : ''}`,
          `${count(started.parameters.trained)} of ${count(started.parameters.total)} weights trained`,
          ...(started.doneSteps > 0 ? [`went on after step ${count(started.doneSteps)}`] : []),
          ...(started.memoryBytes === null ? [] : [`about ${bytes(started.memoryBytes)} of memory`]),
        ]),
    ...(checkpoints.length > 0 ? [`${checkpoints.length} checkpoints`] : []),
  ];
  return (
    <>
      {facts.length > 0 ? <p className="text-xs text-muted">{facts.join(' · ')}</p> : null}
      {run.error === null ? null : <p className="max-w-prose break-words text-wrong">{run.error}</p>}
      {warnings.length === 0 ? null : (
        <ul className="mt-1 grid max-w-prose gap-0.5 text-warning">
          {warnings.map((warning) => (
            <li key={warning} className="break-words">
              {warning}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const fewRuns = 6;
const ranks: Partial<Record<TrainingRun['status'], number>> = { running: 0, failed: 1 };

/** Every run, of many those first that need an eye, in a part of the page that scrolls. */
export function RunTable({ runs, live }: { runs: readonly TrainingRun[]; live: LiveTraining }) {
  if (runs.length <= fewRuns) return <Table runs={runs} live={live} />;
  const sorted = runs.toSorted((a, b) => (ranks[a.status] ?? 2) - (ranks[b.status] ?? 2));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="All runs" className="relative max-h-96 overflow-y-auto">
      <Table runs={sorted} live={live} />
    </section>
  );
}

/** Where a run stands and what it measures. A table from 768 px, cards below. */
function Table({ runs, live }: { runs: readonly TrainingRun[]; live: LiveTraining }) {
  const stands = new Map(live.progress?.runs.map((one) => [one.runId, one]));
  return (
    <table className="block w-full tabular-nums md:table">
      <thead className="hidden text-left text-xs text-muted md:table-header-group">
        <tr className="border-b border-line">
          {['Run', 'Progress', 'Figures now', 'Time'].map((name) => (
            <th key={name} scope="col" className="py-2 pe-4 font-medium">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody className="block divide-y divide-line md:table-row-group">
        {runs.map((stored) => {
          const run = { ...stored, ...stands.get(stored.id) };
          const standing = { run, series: live.series.get(run.id) ?? noSeries };
          return (
            <tr key={run.id} className="block py-3 align-top md:table-row">
              <th scope="row" className="block pe-4 text-start font-normal md:table-cell md:py-3">
                <span className="flex flex-wrap items-center gap-2">
                  <span className="min-w-0 font-medium break-words">{run.variant}</span>
                  <StateBadge state={run.status} />
                </span>
                <Notes {...standing} />
              </th>
              <td className="mt-2 block pe-4 md:mt-0 md:table-cell md:py-3">
                <Progress {...standing} />
              </td>
              <td className="mt-2 block pe-4 md:mt-0 md:table-cell md:py-3">
                <Figures {...standing} />
              </td>
              <td className="mt-1 block whitespace-nowrap text-muted md:mt-0 md:table-cell md:py-3">
                {took(standing)}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
