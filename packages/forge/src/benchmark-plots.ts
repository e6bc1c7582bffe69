import type { BenchmarkReport, LoadCurve, MatrixCell } from './benchmark-report.ts';
import { loadLabel, verdictMarks } from './benchmark-tables.ts';
import { amount, cellLabel, duration, percent, plain, timesInterval } from './benchmark-wording.ts';
import { type HeatCell, heatMapSvg } from './lib/heat-map-svg.ts';
import { type PlotPoint, type PlotSeries, plotSvg } from './lib/plot-svg.ts';
import type { Arrivals, LoadPoint } from './load-point.ts';

const tick = (value: number) => (value >= 1000 ? `${value / 1000} s` : `${Number(value.toPrecision(3))} ms`);

/** `8`, `8/s`, `trace`. */
const shortLabel = (arrivals: Arrivals) => {
  if (arrivals.kind === 'closed') return String(arrivals.concurrency);
  return arrivals.kind === 'trace' ? 'trace' : `${Number(arrivals.perSecond.toPrecision(3))}/s`;
};

function loadPoint(point: LoadPoint, optimisation: string): PlotPoint[] {
  const { arrivals, requestsPerSecond, totalP95Ms, saturated } = point;
  if (totalP95Ms === null || requestsPerSecond.value <= 0) return [];
  const kept = arrivals.kind === 'closed' ? '' : saturated ? ', not kept up' : ', kept up';
  return [
    {
      x: requestsPerSecond.value,
      y: totalP95Ms.value,
      xRange: [requestsPerSecond.low, requestsPerSecond.high],
      label: shortLabel(arrivals),
      title: `${optimisation}, ${loadLabel(arrivals)}${kept}: ${plain(requestsPerSecond.value)} requests/s, 95 % of answers within ${duration(totalP95Ms.value)}`,
      hollow: saturated,
    },
  ];
}

/** Closed loops of an optimisation are a curve; open ones have a rate of their own and stand beside it. */
function loadSeries({ optimisation, points }: LoadCurve, look: number): PlotSeries[] {
  const of = (closed: boolean) =>
    points
      .filter(({ arrivals }) => (arrivals.kind === 'closed') === closed)
      .flatMap((point) => loadPoint(point, optimisation));
  return [
    { name: optimisation, look, line: 'solid' as const, points: of(true) },
    { name: optimisation, look, line: 'none' as const, points: of(false) },
  ].filter((series) => series.points.length > 0);
}

/** Throughput against latency under load; null where no load was measured. */
export function loadPlot({ load }: BenchmarkReport): string | null {
  const series = load.flatMap(loadSeries);
  if (series.length === 0) return null;
  return plotSvg({
    title: 'Throughput against latency under load',
    description: `95th percentile of the time of a whole answer over requests per second. Numbers beside points: requests at once, or the rate at which they came; hollow: a rate that was not kept up. ${series.flatMap(({ points }) => points.map(({ title }) => title)).join('. ')}.`,
    x: { title: 'requests per second', scale: 'linear', format: String },
    y: { title: '95 % of answers within', scale: 'log', format: tick },
    series,
  });
}

function heatCell(cell: MatrixCell | undefined, baseline: string): HeatCell {
  if (cell === undefined) return { ratio: null, lines: ['-'], title: 'not measured' };
  const label = cellLabel(cell);
  const rate = `${plain(cell.examplesPerSecond.value)}/s`;
  if (cell.optimisation === baseline) return { ratio: 1, lines: ['1', rate], title: `${label}: the baseline, ${rate}` };
  if (cell.speedUp === null) return { ratio: null, lines: ['-', rate], title: `${label}: no ratio, ${rate}` };
  const verdict = cell.equivalence?.verdict;
  const mark = verdict === undefined ? '' : ` ${verdictMarks[verdict]}`;
  const interval = cell.speedUp.n < 2 ? rate : timesInterval(cell.speedUp).replace(/^.*\[(.*), (.*)\]$/, '$1 to $2');
  return {
    ratio: cell.speedUp.value,
    lines: [`${plain(cell.speedUp.value)}${mark}`, interval],
    title: `${label}: ${timesInterval(cell.speedUp)} times as fast, ${rate}, answers ${verdict ?? 'not compared'}`,
  };
}

/** How many times as fast as the baseline: methods down, optimisations across; null without a cell. */
export function speedPlot({ methods, optimisations, baseline, cells }: BenchmarkReport): string | null {
  if (cells.length === 0) return null;
  const rows = methods.map((method) =>
    optimisations.map((optimisation) =>
      heatCell(
        cells.find((one) => one.method === method && one.optimisation === optimisation),
        baseline,
      ),
    ),
  );
  return heatMapSvg({
    title: 'Times as fast as the baseline',
    description: `${rows.flatMap((row) => row.map(({ title }) => title)).join('. ')}.`,
    rows: methods,
    columns: optimisations,
    cells: rows,
    footnote: `Answers against the baseline: ${Object.entries(verdictMarks)
      .map(([verdict, mark]) => `${mark} ${verdict}`)
      .join(', ')}`,
  });
}

/** Accuracy over median latency, each point as sure as it is to be on the frontier; null without a point. */
export function paretoPlot({ methods, cells, pareto }: BenchmarkReport): string | null {
  const { points, costUnit } = pareto;
  if (points.length === 0) return null;
  const unit = costUnit === 'usd-per-thousand' ? 'USD per 1,000' : 's per example';
  const series = methods.flatMap((method, look) => {
    const own = points.filter((point) => point.method === method);
    return own.length === 0 ? [] : [{ name: method, look, line: 'none' as const, points: own.map(toPoint) }];
  });
  function toPoint(point: (typeof points)[number]): PlotPoint {
    const cell = cells.find(
      ({ method, optimisation }) => method === point.method && optimisation === point.optimisation,
    );
    const { accuracy, latencyP50Ms } = cell ?? { accuracy: null, latencyP50Ms: null };
    const probability = point.probability.toFixed(2);
    return {
      x: point.latencyMs,
      y: point.accuracy,
      ...(latencyP50Ms === null ? {} : { xRange: [latencyP50Ms.low, latencyP50Ms.high] as const }),
      ...(accuracy === null ? {} : { yRange: [accuracy.low, accuracy.high] as const }),
      ...(point.onFrontier ? { label: `${point.optimisation} ${probability}` } : {}),
      weight: point.probability,
      hollow: !point.onFrontier,
      title: `${cellLabel(point)}: ${percent(point.accuracy)}, median ${duration(point.latencyMs)}, ${amount(point.cost)} ${unit}; on the frontier with probability ${probability}`,
    };
  }
  return plotSvg({
    title: 'Accuracy against median latency',
    description: `Filled points are on the frontier of accuracy, median latency and cost; the size tells the probability of being there, whiskers are 95 % intervals. ${series.flatMap((one) => one.points.map(({ title }) => title)).join('. ')}.`,
    x: { title: 'median latency of an example', scale: 'log', format: tick },
    y: { title: 'accuracy', scale: 'linear', format: (value) => `${Math.round(100 * value)} %` },
    series,
  });
}
