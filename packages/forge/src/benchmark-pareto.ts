import { type CellFigures, costOf, isReplay, timedRepetitions } from './benchmark-figures.ts';
import type { BenchmarkReport, ParetoPoint } from './benchmark-report.ts';
import type { CellRows, ExampleIndex } from './benchmark-rows.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { amount, cellLabel, duration, percent, plain } from './benchmark-wording.ts';
import { clusterKeys } from './statistics/estimate.ts';
import { type Better, type DrawnPoint, frontierProbabilities, paretoPlaces } from './statistics/pareto.ts';

type Pareto = BenchmarkReport['pareto'];
type Pricing = BenchmarkSpec['pricing'];

/** Accuracy, latency, cost. */
const better: readonly Better[] = ['higher', 'lower', 'lower'];

/** Draws; fewer where there is so much to look at that a report would take minutes. */
const mostResamples = 2000;
const fewestResamples = 200;
const budget = 400_000_000;

const costPerExample = (cell: CellFigures, pricing: Pricing) =>
  pricing === null ? 1 / cell.examplesPerSecond.value : (cell.costPerThousand as number);

/** Latencies of all repetitions, ascending, each with its example and repetition: the median of a draw is where half of its weight is passed. */
function sortedLatencies({ repetitions }: CellRows) {
  const entries = repetitions.flatMap((one, r) =>
    [...one.latencies].flatMap((ms, place) => (Number.isNaN(ms) ? [] : [{ ms, place, r }])),
  );
  entries.sort((a, b) => a.ms - b.ms);
  return {
    ms: Float64Array.from(entries, (entry) => entry.ms),
    places: Uint32Array.from(entries, (entry) => entry.place),
    repetitions: Uint32Array.from(entries, (entry) => entry.r),
  };
}

/** The objectives of a cell under a draw of examples and repetitions. */
function drawnPoint(cell: CellRows, pricing: Pricing): DrawnPoint {
  const timed = new Set(timedRepetitions(cell));
  const costs = cell.repetitions.map((one) => {
    if (!timed.has(one)) return null;
    if (pricing === null) return one.wallMs / 1000 / (one.n - one.failed);
    return (1000 * costOf(one, pricing)) / one.n;
  });
  const latencies = sortedLatencies(cell);

  // Plain loops: they run for every example in every draw.
  function median(examples: Uint32Array, times: Uint32Array): number | null {
    const { ms, places, repetitions } = latencies;
    let total = 0;
    for (let i = 0; i < ms.length; i++)
      total += (times[repetitions[i] as number] as number) * (examples[places[i] as number] as number);
    let passed = 0;
    for (let i = 0; i < ms.length && total > 0; i++) {
      passed += (times[repetitions[i] as number] as number) * (examples[places[i] as number] as number);
      if (2 * passed >= total) return ms[i] as number;
    }
    return null;
  }

  function accuracy(examples: Uint32Array, times: Uint32Array): number | null {
    let [sum, n] = [0, 0];
    for (const [r, { scores }] of cell.repetitions.entries()) {
      let [drawnSum, drawnN] = [0, 0];
      for (let place = 0; place < scores.length && times[r] !== 0; place++) {
        const value = scores[place] as number;
        if (Number.isNaN(value)) continue;
        const count = examples[place] as number;
        drawnSum += count * value;
        drawnN += count;
      }
      sum += (times[r] as number) * drawnSum;
      n += (times[r] as number) * drawnN;
    }
    return n === 0 ? null : sum / n;
  }

  function cost(times: Uint32Array): number | null {
    let [sum, n] = [0, 0];
    for (const [r, value] of costs.entries()) {
      if (value === null) continue;
      sum += (times[r] as number) * value;
      n += times[r] as number;
    }
    return n === 0 ? null : sum / n;
  }

  return (examples, drawn) => {
    // Repetitions are drawn by their number: a cell may lack one.
    const times = Uint32Array.from(cell.repetitions, ({ repetition }) => drawn[repetition - 1] ?? 0);
    const values = [accuracy(examples, times), median(examples, times), cost(times)];
    return values.every((value) => value !== null) ? values : null;
  };
}

type Point = Omit<ParetoPoint, 'onFrontier' | 'probability' | 'explanation'>;

function costPhrase(winner: Point, loser: Point, unit: Pareto['costUnit']): string {
  const figures =
    unit === 'usd-per-thousand'
      ? `${amount(winner.cost)} against ${amount(loser.cost)} USD per 1,000 examples`
      : `${amount(winner.cost)} against ${amount(loser.cost)} s per example`;
  if (winner.cost === loser.cost) return `costs the same (${amount(winner.cost)})`;
  return `costs ${plain(loser.cost / winner.cost)} times less (${figures})`;
}

/** What a dominating point is better in, with figures. */
function explain(winner: Point, loser: Point, unit: Pareto['costUnit']): string {
  const gained = winner.accuracy - loser.accuracy;
  const speed =
    winner.latencyMs === loser.latencyMs
      ? `as fast (${duration(winner.latencyMs)})`
      : `${plain(loser.latencyMs / winner.latencyMs)} times as fast (median ${duration(winner.latencyMs)} against ${duration(loser.latencyMs)})`;
  const accuracy =
    gained === 0
      ? `at the same accuracy (${percent(winner.accuracy)})`
      : `at a higher accuracy (${percent(winner.accuracy)} against ${percent(loser.accuracy)})`;
  return `${cellLabel(winner)} is ${speed} and ${costPhrase(winner, loser, unit)} ${accuracy}`;
}

/** Of the points that beat one: the one that a reader would take, so of the frontier, of the same method, and by far. */
function plainestWinner(loser: Point, winners: readonly Point[]): Point {
  const lead = (one: Point) => (loser.latencyMs / one.latencyMs) * (loser.cost / one.cost);
  const own = winners.filter((one) => one.method === loser.method);
  return (own.length > 0 ? own : winners).reduce((best, one) => (lead(one) > lead(best) ? one : best));
}

/**
 * The trade-off between accuracy, median latency and cost over the cells that have a latency of their own (cells that mostly repeat what
 * the response cache holds have none). `pairs` are the cells with their rows.
 */
export function paretoOf(
  pairs: readonly { figures: CellFigures; rows: CellRows }[],
  index: ExampleIndex,
  pricing: Pricing,
  repetitions: number,
): Pareto {
  const costUnit = pricing === null ? ('seconds-per-example' as const) : ('usd-per-thousand' as const);
  const shown = pairs.filter(
    ({ figures }) => figures.latencyP50Ms !== null && !isReplay(figures) && figures.examplesPerSecond.value > 0,
  );
  const points = shown.map(({ figures }) => ({
    method: figures.method,
    optimisation: figures.optimisation,
    accuracy: figures.accuracy.value,
    latencyMs: figures.latencyP50Ms?.value as number,
    cost: costPerExample(figures, pricing),
  }));
  const places = paretoPlaces(
    points.map(({ accuracy, latencyMs, cost }) => [accuracy, latencyMs, cost]),
    better,
  );
  const looked = shown.reduce((sum, { rows }) => sum + 2 * rows.repetitions.length * index.clusters.length, 1);
  const clusters = clusterKeys(index.clusters);
  const probabilities = frontierProbabilities(
    shown.map(({ rows }) => drawnPoint(rows, pricing)),
    better,
    {
      examples: index.clusters.length,
      ...(clusters === null ? {} : { clusters }),
      repetitions,
      resamples: Math.max(fewestResamples, Math.min(mostResamples, Math.floor(budget / looked))),
      seed: 0,
    },
  );
  return {
    costUnit,
    points: points.map((point, i) => {
      const place = places[i] as (typeof places)[number];
      const winners = place.dominatedBy.filter((j) => places[j]?.onFrontier).map((j) => points[j] as Point);
      const probability = probabilities[i] as number;
      return {
        ...point,
        onFrontier: place.onFrontier,
        probability: Number.isNaN(probability) ? 0 : probability,
        explanation: place.onFrontier ? null : explain(plainestWinner(point, winners), point, costUnit),
      };
    }),
  };
}
