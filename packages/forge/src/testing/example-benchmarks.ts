import type { CellUse } from '../benchmark-record.ts';
import type { BenchmarkReport, Equivalence, MatrixCell, ParetoPoint } from '../benchmark-report.ts';
import type { Arrivals, LatencyQuantiles, LoadMeasurement, LoadPoint } from '../load-point.ts';
import type { Estimate } from '../statistics/estimate.ts';

/** A benchmark with figures of a plausible shape, for tests of what stores, sends or draws them. None of them was measured. */

const repetitions = 2;
const examples = 200;
const baseline = 'sequential';

/** Examples per second one by one, accuracy, prompt tokens per example. */
const methods = [
  { name: 'naive', rate: 12, accuracy: 0.21, prompt: 60 },
  { name: 'chain-of-thought', rate: 3.1, accuracy: 0.58, prompt: 420 },
  { name: 'rag', rate: 4, accuracy: 0.44, prompt: 650 },
  { name: 'react', rate: 1.4, accuracy: 0.52, prompt: 900 },
] as const;

/** How many times as fast, what it does to accuracy, how sure that is, share of prompt tokens from the cache. */
const optimisations = [
  { name: baseline, speedUp: 1, change: 0, half: 0.02, cached: 0.1, megabytes: 310 },
  { name: 'batching', speedUp: 3.2, change: -0.005, half: 0.02, cached: 0.85, megabytes: 420 },
  { name: 'server', speedUp: 2.4, change: 0.005, half: 0.06, cached: 0.7, megabytes: 460 },
  { name: 'response-cache', speedUp: 96, change: 0, half: 0.01, cached: 0, megabytes: 330 },
  { name: 'q4', speedUp: 0.9, change: -0.08, half: 0.03, cached: 0.1, megabytes: 180 },
] as const;

type Method = (typeof methods)[number];
type Optimisation = (typeof optimisations)[number];

const around = (value: number, half: number, n: number): Estimate => ({
  value,
  low: value - half,
  high: value + half,
  n,
  level: 0.95,
  method: 't',
});
const near = (value: number, n = repetitions) => around(value, 0.08 * value, n);

/** In the order in which they run, as the variants of the experiment. */
export const exampleCells = Array.from({ length: repetitions }, (_, i) => i + 1).flatMap((repetition) =>
  methods.flatMap((method) =>
    optimisations.map((optimisation) => ({ method: method.name, optimisation: optimisation.name, repetition })),
  ),
);

const arrivals: readonly Arrivals[] = [
  ...[1, 2, 4, 8, 16].map((concurrency) => ({ kind: 'closed' as const, concurrency })),
  ...[1, 2, 4, 8, 16].map((perSecond) => ({ kind: 'poisson' as const, perSecond })),
  { kind: 'trace', atMs: [0, 250, 400, 1000] },
];

/** As in a resolved benchmark file. */
const load = {
  optimisations: [baseline, 'batching', 'server'],
  method: 'chain-of-thought',
  requests: 200,
  warmUp: 8,
  arrivals,
  repetitions,
  objective: { ttftMs: 500, totalMs: 2000 },
};

/** As createBenchmark takes it. */
export function exampleBenchmark(name: string, experimentId: string) {
  const config = {
    name,
    description: `How much faster, and are the answers the same? ${name}`,
    methods: methods.map((method) => method.name),
    optimisations: optimisations.map((optimisation) => ({
      name: optimisation.name,
      description: '',
      server: optimisation.name === 'server' ? 'llama' : null,
      rerun: optimisation.name === 'response-cache',
    })),
    baseline,
    repetitions,
    cells: exampleCells,
    servers: {},
    load,
    compare: { metric: 'numeric-match', alpha: 0.05, margin: 0.05 },
    pricing: { inputPerMillion: 0, outputPerMillion: 0, computePerHour: 0.4 },
    goal: { optimisation: 'batching', speedUp: 4 },
    useCases: { interactive: { latencyP95Ms: 500 }, cheapest: { accuracyAtLeast: 0.5 } },
  };
  return {
    name,
    source: `version: 1\nname: ${name}\noptimisations: {}\n`,
    config,
    configHash: 'h',
    experimentId,
  };
}

export const exampleUse = (wallMs: number): CellUse => ({
  wallMs,
  peakMemoryBytes: 4.2e8,
  peakGpuMemoryBytes: null,
  energyJoules: null,
  notes: ['no RAPL on this machine'],
});

/** Answered requests per second at most. */
const capacities: Readonly<Record<string, number>> = { [baseline]: 3.1, batching: 10.5, server: 7.6 };

/** A queue: latency grows as the load nears what the engine can do. */
function loaded(optimisation: string, sent: Arrivals) {
  const capacity = capacities[optimisation] ?? 3.1;
  const alone = 330;
  if (sent.kind === 'closed') {
    const perSecond = capacity * (1 - Math.exp((-sent.concurrency * 1000) / alone / capacity));
    return { perSecond, totalMs: (1000 * sent.concurrency) / perSecond, saturated: false };
  }
  const asked = sent.kind === 'trace' ? 4 : sent.perSecond;
  const use = Math.min(0.985, asked / capacity);
  return { perSecond: Math.min(asked, capacity), totalMs: alone / (1 - use), saturated: asked > capacity };
}

const quantiles = (p50: number): LatencyQuantiles => ({ mean: 1.1 * p50, p50, p95: 1.9 * p50, p99: 2.6 * p50 });

export function exampleMeasurement(optimisation: string, sent: Arrivals): LoadMeasurement {
  const { perSecond, totalMs, saturated } = loaded(optimisation, sent);
  return {
    requests: load.requests,
    failed: 0,
    seconds: load.requests / perSecond,
    requestsPerSecond: perSecond,
    completionTokensPerSecond: 64 * perSecond,
    promptTokensPerSecond: 420 * perSecond,
    goodputPerSecond: saturated ? 0 : 0.95 * perSecond,
    ttftMs: quantiles(0.3 * totalMs),
    interTokenMs: quantiles(totalMs / 90),
    tpotMs: quantiles(totalMs / 95),
    totalMs: quantiles(totalMs),
    cachedPromptShare: 0.8,
    lateMs: sent.kind === 'closed' ? null : quantiles(0.2),
    saturated,
  };
}

/** Every load of the benchmark, in the order in which they are measured. */
export const exampleLoads = arrivals.flatMap((sent, index) =>
  load.optimisations.map((optimisation) => ({ optimisation, arrivals: sent, index })),
);

function loadPoint(optimisation: string, sent: Arrivals): LoadPoint {
  const { requestsPerSecond, ...measured } = exampleMeasurement(optimisation, sent);
  const p50 = (of: LatencyQuantiles | null) => (of === null ? null : near(of.p50));
  const p95 = (of: LatencyQuantiles | null) => (of === null ? null : near(of.p95));
  return {
    arrivals: sent,
    repetitions,
    requests: repetitions * measured.requests,
    requestsPerSecond: near(requestsPerSecond),
    completionTokensPerSecond: near(measured.completionTokensPerSecond),
    goodputPerSecond: measured.goodputPerSecond === null ? null : near(measured.goodputPerSecond),
    ttftP50Ms: p50(measured.ttftMs),
    ttftP95Ms: p95(measured.ttftMs),
    tpotP50Ms: p50(measured.tpotMs),
    interTokenP95Ms: p95(measured.interTokenMs),
    totalP50Ms: p50(measured.totalMs),
    totalP95Ms: p95(measured.totalMs),
    cachedPromptShare: measured.cachedPromptShare,
    failed: 0,
    saturated: measured.saturated,
  };
}

function equivalence({ change, half }: Optimisation): Equivalence {
  const verdict = change + half < 0 ? 'worse' : Math.abs(change) + half < 0.05 ? 'equivalent' : 'undecided';
  const pValue = { worse: 0.99, equivalent: 0.0004, undecided: 0.08 }[verdict];
  return {
    difference: around(change, half, examples),
    margin: 0.05,
    pValue,
    adjustedPValue: Math.min(1, 4 * pValue),
    verdict,
    flipRate: around(0.03 + Math.abs(change), 0.02, examples),
    flips: { toRight: 3, toWrong: 3 + Math.round(examples * Math.abs(change)) },
    changedRate: around(0.12, 0.04, examples),
  };
}

function matrixCell(method: Method, optimisation: Optimisation, runIds: readonly string[]): MatrixCell {
  const isBaseline = optimisation.name === baseline;
  const perSecond = method.rate * optimisation.speedUp;
  const accuracy = Math.max(0.02, method.accuracy + optimisation.change);
  const isLive = optimisation.name !== 'response-cache';
  const latency = (1000 / method.rate) * (isBaseline || !isLive ? 1 : 1.6);
  return {
    method: method.name,
    optimisation: optimisation.name,
    runIds,
    n: examples,
    failed: 0,
    accuracy: around(accuracy, 0.068, examples),
    latencyP50Ms: isLive ? near(latency, examples) : null,
    latencyP95Ms: isLive ? near(1.7 * latency, examples) : null,
    examplesPerSecond: near(perSecond),
    completionTokensPerSecond: near(64 * perSecond),
    speedUp: isBaseline ? null : around(optimisation.speedUp, 0.1 * optimisation.speedUp, repetitions),
    promptTokensPerExample: method.prompt,
    cachedPromptShare: optimisation.cached,
    responseHitRate: isLive ? 0 : 1,
    peakMemoryBytes: 1e6 * optimisation.megabytes,
    joulesPerExample: null,
    costPerThousand: (0.4 / 3600 / perSecond) * 1000,
    costPerCorrect: 0.4 / 3600 / perSecond / accuracy,
    equivalence: isBaseline ? null : equivalence(optimisation),
  };
}

function paretoPoint(cell: MatrixCell, cells: readonly MatrixCell[]): ParetoPoint {
  const place = ({ accuracy, latencyP50Ms, costPerThousand, method, optimisation }: MatrixCell) => ({
    method,
    optimisation,
    accuracy: accuracy.value,
    latencyMs: latencyP50Ms?.value ?? 0,
    cost: costPerThousand ?? 0,
  });
  const own = place(cell);
  const better = cells
    .map(place)
    .find((one) => one.accuracy >= own.accuracy && one.latencyMs < own.latencyMs && one.cost < own.cost);
  return {
    ...own,
    onFrontier: better === undefined,
    probability: better === undefined ? 0.93 : better.accuracy - own.accuracy < 0.01 ? 0.31 : 0.02,
    explanation:
      better === undefined
        ? null
        : `${better.method} / ${better.optimisation} is at least as accurate and ${(own.latencyMs / better.latencyMs).toFixed(1)} times as fast.`,
  };
}

/** `runIds`: by the place in exampleCells. */
export function exampleBenchmarkReport(runIds: readonly string[]): BenchmarkReport {
  const cells = methods.flatMap((method) =>
    optimisations.map((optimisation) => {
      const own = runIds.filter(
        (_, i) => exampleCells[i]?.method === method.name && exampleCells[i]?.optimisation === optimisation.name,
      );
      return matrixCell(method, optimisation, own);
    }),
  );
  // Answers from the response cache have no latency of their own.
  const live = cells.filter(({ latencyP50Ms }) => latencyP50Ms !== null);
  return {
    methods: methods.map(({ name }) => name),
    optimisations: optimisations.map(({ name }) => name),
    baseline,
    cells,
    load: load.optimisations.map((optimisation) => ({
      optimisation,
      points: arrivals.map((sent) => loadPoint(optimisation, sent)),
      sustainedPerSecond: optimisation === baseline ? 2 : optimisation === 'batching' ? 8 : 4,
    })),
    pareto: { costUnit: 'usd-per-thousand', points: live.map((cell) => paretoPoint(cell, live)) },
    recommendations: [
      {
        useCase: 'interactive',
        title: 'Interactive: 95 % of answers within 500 ms',
        choice: { method: 'rag', optimisation: baseline },
        reason: 'The most accurate of those whose 95th percentile is within 500 ms: 425 ms at 44.0 %.',
      },
      {
        useCase: 'batch',
        title: 'Batch: most right answers per second',
        choice: { method: 'chain-of-thought', optimisation: 'batching' },
        reason: '9.9 examples per second at 57.5 %: 5.7 right answers per second without a response cache.',
      },
      {
        useCase: 'cheapest',
        title: 'Cheapest with at least 50 % right',
        choice: null,
        reason: 'No point is surely at least 50 % right: the interval of the best one begins at 51.2 % only.',
      },
    ],
    goal: methods.slice(0, 2).map(({ name }) => ({
      method: name,
      target: 4,
      ratio: around(3.2, 0.32, repetitions),
      sentence: `${name}: batching is 3.2 times as fast as sequential [2.9, 3.5], 0.8 less than the 4 aimed at: two cores are busy from batch 4 on.`,
    })),
    findings: [
      'Batching is 3.2 times as fast as sequential for every method, with equivalent answers.',
      'Negative: q4 is slower than sequential (0.9 times) and loses 8.0 points.',
    ],
    notes: ['Energy: no RAPL on this machine.', 'Memory: the most that the processes of a cell held together (PSS).'],
  };
}
