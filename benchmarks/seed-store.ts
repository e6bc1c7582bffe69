import type { ExperimentSpec, VariantSpec } from '../packages/forge/src/load-experiment.ts';
import { readFinding } from '../packages/forge/src/read-finding.ts';
import type { ExampleResult, Provenance, RunStatus } from '../packages/forge/src/run.ts';
import type { RunRecord, Store } from '../packages/forge/src/store.ts';
import { exampleCall, exampleProvenance } from '../packages/forge/src/testing/example-results.ts';

export interface SeedSize {
  readonly experiments: number;
  /** Results in all. A tenth of them are in one run, two hundredths in the two runs of another experiment. */
  readonly rows: number;
  /** Called now and then with the number of rows that are stored. */
  readonly progress?: (rows: number) => void;
}

export interface Seeded {
  /** The experiment of one long run. */
  readonly long: { readonly experimentId: string; readonly runId: string; readonly rows: number };
  /** The experiment of two runs over the same examples. */
  readonly pair: { readonly experimentId: string; readonly runIds: readonly string[]; readonly rows: number };
  /** A finished experiment of 1,000 rows in two runs (fewer where there are not enough). */
  readonly short: { readonly experimentId: string };
}

const methods = ['naive', 'few-shot', 'chain-of-thought', 'self-consistency', 'react', 'tree-of-thoughts'];
const models = ['qwen3-0.6b', 'qwen3-4b', 'llama-3.2-1b', 'gemma-3-1b', 'smollm2-360m'];
const engines = ['llama-cpp', 'openai-compatible'];
const datasets = ['gsm8k', 'squad', 'hotpotqa', 'boolq', 'lab-world'];
const statuses: readonly RunStatus[] = [
  'finished',
  'finished',
  'finished',
  'finished',
  'cancelled',
  'failed',
  'running',
];
const words =
  'the a train leaves station with apples and pears costs twice as much when it rains how many people are there left if each of them has given half away before noon on Sunday in March who wrote it first'.split(
    ' ',
  );

/** The same numbers every time: mulberry32. */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomSource(20_260_101);
const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
const sentence = (length: number) =>
  Array.from({ length }, () => pick(words, Math.floor(random() * words.length))).join(' ');

const estimate = (value: number, n: number) => ({ value, low: value - 0.03, high: value + 0.03, n, level: 0.95 });

function summaryOf(rows: number): unknown {
  const tokens = { prompt: rows * 412, cachedPrompt: rows * 300, completion: rows * 96 };
  return {
    n: rows,
    failed: { total: Math.floor(rows / 50), byKind: { timeout: Math.floor(rows / 50) } },
    flags: { 'cut-off': Math.floor(rows / 20) },
    metrics: Object.fromEntries(metrics.map((name) => [name, estimate(random(), rows)])),
    latencyMs: Object.fromEntries(['p50', 'p95', 'p99', 'mean'].map((name) => [name, estimate(900 * random(), rows)])),
    throughput: { examplesPerSecond: 4.2, completionTokensPerSecond: 403.2 },
    tokens: { ...tokens, promptPerExample: 412, cachedPromptPerExample: 300, completionPerExample: 96 },
    computeSeconds: { total: rows * 0.8, perCorrect: 1.4 },
    cost: { total: null, perCorrect: null },
    calls: rows * 2,
    cachedCalls: 0,
    retries: 3,
    liveExamples: rows,
    wallMs: rows * 240,
  };
}

const metrics = ['exact-match', 'f1', 'contains', 'numeric-match'];

function specOf(i: number, variant: number): VariantSpec {
  const name = `${pick(methods, i + variant)}-${variant}`;
  return {
    variant: name,
    group: name,
    method: { name: pick(methods, i + variant), options: { shots: variant, template: sentence(250) } },
    engine: { name: pick(engines, i), options: { model: pick(models, i), threads: 4 } },
    dataset: { name: pick(datasets, i), options: { limit: 1000, split: 'test' } },
    metrics: metrics.map((metric) => ({ name: metric, options: {} })),
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 512, stop: [] },
    sample: null,
    sampleSeed: '0',
    seed: i,
    cache: true,
  };
}

function resultOf(index: number, withCall: boolean): ExampleResult {
  const right = random() < 0.6;
  const failed = random() < 0.02;
  const score = right && !failed ? 1 : 0;
  return {
    exampleId: `test-${index}`,
    index,
    question: sentence(40),
    targets: [String(index % 97)],
    answer: failed ? '' : String(right ? index % 97 : index % 89),
    steps: [{ kind: 'reason', text: sentence(25) }],
    flags: random() < 0.05 ? ['cut-off'] : [],
    ...(failed ? { failure: { kind: 'timeout', message: 'no answer within 60 s' } } : {}),
    scores: { 'exact-match': score, f1: score === 1 ? 1 : random() / 2 },
    latencyMs: 200 + Math.round(random() * 1e6) / 1e3,
    calls: withCall ? [exampleCall(0, { prompt: sentence(60), output: sentence(25) })] : [],
    finishedAt: 1_790_000_000_000 + index * 240,
  };
}

/** How many rows each run has, by experiment. */
function plan({ experiments, rows }: SeedSize): readonly (readonly number[])[] {
  const long = Math.floor(rows / 10);
  const pair = Math.floor(rows / 100);
  const short = Math.min(500, pair);
  const others = experiments - 3;
  const left = rows - long - 2 * pair - 2 * short;
  const each = Math.floor(left / others / 2);
  // The first of the others has what the division leaves over.
  const rest = Array.from({ length: others }, (_, i) => [i === 0 ? left - each * (2 * others - 1) : each, each]);
  return [[long], [pair, pair], [short, short], ...rest];
}

/** Calls are stored with the long run's and the pair's rows only: no list reads them, and they take most of the time. */
async function fill(store: Store, run: RunRecord, rows: number, status: RunStatus, withCalls: boolean): Promise<void> {
  const provenance: Provenance = { ...exampleProvenance, machine: { cpu: sentence(8), cores: 8, memoryGb: 64 } };
  await store.startRun(run.id, { total: rows, provenance, startedAt: run.createdAt });
  for (let from = 0; from < rows; from += 500) {
    const length = Math.min(500, rows - from);
    await store.addResults(
      run.id,
      Array.from({ length }, (_, i) => resultOf(from + i, withCalls)),
    );
  }
  if (status === 'running') return;
  const end = { status, wallMs: rows * 240, finishedAt: run.createdAt + rows * 240, summary: summaryOf(rows) };
  await store.finishRun(run.id, status === 'failed' ? { ...end, error: 'the server is gone' } : end);
}

/** Fills a store as its users would: through createExperiment, addResults, finishRun. The same content every time. */
export async function seedStore(store: Store, size: SeedSize): Promise<Seeded> {
  const made: (readonly RunRecord[])[] = [];
  let stored = 0;
  for (const [i, counts] of plan(size).entries()) {
    const name = `${pick(methods, i)} on ${pick(datasets, i * 7)} ${(i * 7919) % 1000}`;
    const description = `Does ${pick(methods, i)} help ${pick(models, i)}? ${sentence(20)}`;
    const template = sentence(300);
    const specs = counts.map((_, v) => specOf(i, v));
    const compare = { baseline: specs[0]?.variant ?? '', metric: 'exact-match', alpha: 0.05, minimumEffect: 0.05 };
    const config: ExperimentSpec = { name, description, variants: specs, compare };
    const { experiment, runs } = await store.createExperiment({
      name,
      source: `version: 1\nname: ${name}\ndescription: ${description}\ntemplate: ${template}\n`,
      config,
      configHash: `hash-${i}`,
      runs: specs.map((spec) => ({ variant: spec.variant, spec })),
    });
    made.push(runs);
    for (const [v, run] of runs.entries()) {
      const rows = counts[v] ?? 0;
      await fill(store, run, rows, i < 3 ? 'finished' : pick(statuses, i + v), i < 2);
      stored += rows;
    }
    if (i % 20 === 0) size.progress?.(stored);
    // As at the end of a run: the finding is computed and kept.
    await readFinding(store, experiment);
  }
  const [[long], pair, short] = made as [[RunRecord], RunRecord[], RunRecord[]];
  return {
    long: { experimentId: long.experimentId, runId: long.id, rows: Math.floor(size.rows / 10) },
    pair: {
      experimentId: pair[0]?.experimentId ?? '',
      runIds: pair.map(({ id }) => id),
      rows: Math.floor(size.rows / 100),
    },
    short: { experimentId: short[0]?.experimentId ?? '' },
  };
}
