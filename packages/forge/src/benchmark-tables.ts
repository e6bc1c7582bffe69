import type { BenchmarkReport, Equivalence, LoadCurve, MatrixCell } from './benchmark-report.ts';
import {
  amount,
  bare,
  bytes,
  duration,
  durationInterval,
  figureInterval,
  percent,
  percentInterval,
  plain,
  pValue,
  timesInterval,
} from './benchmark-wording.ts';
import { formatCount } from './lib/format.ts';
import type { Arrivals, LoadPoint } from './load-point.ts';
import type { Estimate } from './statistics/estimate.ts';

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Column<Item> {
  readonly title: string;
  /** '' where there is nothing to tell. */
  of(item: Item): string;
}

const or = <T>(value: T | null, text: (value: T) => string) => (value === null ? '' : text(value));

/** A table without the columns that tell nothing. */
function tableOf<Item>(title: string, items: readonly Item[], columns: readonly Column<Item>[]): Table {
  const used = columns.filter(({ of }) => items.some((item) => of(item) !== ''));
  return {
    title,
    header: used.map((column) => column.title),
    rows: items.map((item) => used.map(({ of }) => of(item))),
  };
}

const cellColumn: Column<MatrixCell> = {
  title: 'method / optimisation',
  of: ({ method, optimisation }) => `${method} / ${optimisation}`,
};

/** Speed and latency of each cell. */
export function speedTable({ cells, baseline }: BenchmarkReport): Table {
  return tableOf('Speed', cells, [
    cellColumn,
    { title: 'examples/s', of: ({ examplesPerSecond }) => figureInterval(examplesPerSecond) },
    {
      title: 'times as fast',
      of: ({ speedUp, optimisation }) => (optimisation === baseline ? '1' : or(speedUp, timesInterval)),
    },
    { title: 'latency p50', of: ({ latencyP50Ms }) => or(latencyP50Ms, durationInterval) },
    { title: 'p95', of: ({ latencyP95Ms }) => or(latencyP95Ms, ({ value }) => duration(value)) },
    { title: 'tokens/s', of: ({ completionTokensPerSecond }) => formatCount(completionTokensPerSecond.value) },
    { title: 'prompt tokens', of: ({ promptTokensPerExample }) => formatCount(promptTokensPerExample) },
    { title: 'not prefilled again', of: ({ cachedPromptShare }) => percent(cachedPromptShare) },
    { title: 'cached answers', of: ({ responseHitRate }) => (responseHitRate === 0 ? '' : percent(responseHitRate)) },
  ]);
}

const signedInterval = ({ value, low, high }: Estimate) =>
  `${value > 0 ? '+' : ''}${bare(value)} [${bare(low)}, ${bare(high)}]`;

const flipText = ({ flipRate, flips }: Equivalence) =>
  `${percentInterval(flipRate)}, ${flips.toRight} to right, ${flips.toWrong} to wrong`;

/** Accuracy of each cell, and what became of the answers against the baseline. */
export function answerTable({ cells }: BenchmarkReport): Table {
  const equivalence = (of: (found: Equivalence) => string) => (cell: MatrixCell) => or(cell.equivalence, of);
  return tableOf('Answers', cells, [
    cellColumn,
    { title: 'n', of: ({ n }) => formatCount(n) },
    { title: 'accuracy', of: ({ accuracy }) => percentInterval(accuracy) },
    { title: 'difference, points', of: equivalence(({ difference }) => signedInterval(difference)) },
    { title: 'verdict', of: equivalence(({ verdict }) => verdict) },
    { title: 'TOST (Holm)', of: equivalence(({ adjustedPValue }) => pValue(adjustedPValue)) },
    { title: 'changed sides', of: equivalence(flipText) },
    { title: 'another text', of: equivalence(({ changedRate }) => percent(changedRate.value)) },
    { title: 'failed', of: ({ failed }) => (failed === 0 ? '' : formatCount(failed)) },
  ]);
}

/** Memory, energy and cost of the cells for which there is one of them. */
export function resourceTable({ cells }: BenchmarkReport): Table {
  const told = cells.filter(
    (cell) => cell.peakMemoryBytes !== null || cell.joulesPerExample !== null || cell.costPerThousand !== null,
  );
  return tableOf('Memory, energy, cost', told, [
    cellColumn,
    { title: 'peak memory', of: ({ peakMemoryBytes }) => or(peakMemoryBytes, bytes) },
    { title: 'J per example', of: ({ joulesPerExample }) => or(joulesPerExample, plain) },
    { title: 'USD per 1,000', of: ({ costPerThousand }) => or(costPerThousand, amount) },
    { title: 'USD per right answer', of: ({ costPerCorrect }) => or(costPerCorrect, amount) },
  ]);
}

/** What stands beside a ratio for what became of the answers. */
export const verdictMarks: Readonly<Record<Equivalence['verdict'], string>> = {
  equivalent: '=',
  better: '+',
  worse: '-',
  undecided: '?',
};

/** Methods down, optimisations across: how many times as fast as the baseline. `shade` is put before each ratio. */
export function matrixTable(
  { methods, optimisations, baseline, cells }: BenchmarkReport,
  shade: (ratio: number) => string = () => '',
): Table {
  const ratio = (method: string, optimisation: string) => {
    const cell = cells.find((one) => one.method === method && one.optimisation === optimisation);
    if (cell === undefined) return '';
    if (optimisation === baseline) return '1';
    if (cell.speedUp === null) return '';
    const mark = cell.equivalence === null ? '' : ` ${verdictMarks[cell.equivalence.verdict]}`;
    return `${shade(cell.speedUp.value)}${plain(cell.speedUp.value)}${mark}`;
  };
  return {
    title: 'Times as fast as the baseline',
    header: ['method', ...optimisations],
    rows: methods.map((method) => [method, ...optimisations.map((optimisation) => ratio(method, optimisation))]),
  };
}

/** `8 at once`, `20/s poisson`. */
export function loadLabel(arrivals: Arrivals): string {
  if (arrivals.kind === 'closed') return `${arrivals.concurrency} at once`;
  if (arrivals.kind === 'trace') return `trace of ${formatCount(arrivals.atMs.length)}`;
  return `${Number(arrivals.perSecond.toPrecision(3))}/s ${arrivals.kind}`;
}

/** A t interval of few repetitions may reach below what a rate can be. */
const rateInterval = (rate: Estimate) => figureInterval({ ...rate, low: Math.max(0, rate.low) });

/** Throughput and latencies of each load. */
export function loadTable(load: readonly LoadCurve[]): Table {
  const points = load.flatMap(({ optimisation, points: measured }) =>
    measured.map((point) => ({ ...point, optimisation })),
  );
  const time = (of: (point: LoadPoint) => Estimate | null) => (point: LoadPoint) =>
    or(of(point), ({ value }) => duration(value));
  return tableOf<LoadPoint & { readonly optimisation: string }>('Under load', points, [
    { title: 'optimisation, load', of: ({ optimisation, arrivals }) => `${optimisation}, ${loadLabel(arrivals)}` },
    { title: 'requests/s', of: ({ requestsPerSecond }) => rateInterval(requestsPerSecond) },
    { title: 'tokens/s', of: ({ completionTokensPerSecond }) => formatCount(completionTokensPerSecond.value) },
    { title: 'goodput/s', of: ({ goodputPerSecond }) => or(goodputPerSecond, ({ value }) => plain(value)) },
    { title: 'first token p50', of: time((point) => point.ttftP50Ms) },
    { title: 'p95', of: time((point) => point.ttftP95Ms) },
    { title: 'per token p50', of: time((point) => point.tpotP50Ms) },
    { title: 'between tokens p95', of: time((point) => point.interTokenP95Ms) },
    { title: 'answer p50', of: time((point) => point.totalP50Ms) },
    { title: 'answer p95', of: time((point) => point.totalP95Ms) },
    { title: 'not prefilled again', of: ({ cachedPromptShare }) => percent(cachedPromptShare) },
    { title: 'failed', of: ({ failed }) => (failed === 0 ? '' : formatCount(failed)) },
    { title: 'kept up', of: ({ saturated, arrivals }) => (arrivals.kind === 'closed' ? '' : saturated ? 'no' : 'yes') },
  ]);
}

/** The frontier, the surest points first. */
export function frontierTable({ pareto: { points, costUnit } }: BenchmarkReport): Table {
  const frontier = points.filter(({ onFrontier }) => onFrontier).toSorted((a, b) => b.probability - a.probability);
  return tableOf('Frontier of accuracy, median latency and cost', frontier, [
    { title: 'method / optimisation', of: ({ method, optimisation }) => `${method} / ${optimisation}` },
    { title: 'accuracy', of: ({ accuracy }) => percent(accuracy) },
    { title: 'latency p50', of: ({ latencyMs }) => duration(latencyMs) },
    {
      title: costUnit === 'usd-per-thousand' ? 'USD per 1,000' : 's per example',
      of: ({ cost }) => amount(cost),
    },
    { title: 'probability', of: ({ probability }) => probability.toFixed(2) },
  ]);
}
