import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CellUse } from './benchmark-record.ts';
import type { CellRun } from './benchmark-rows.ts';
import { type BenchmarkInput, reportBenchmark } from './report-benchmark.ts';
import type { ExampleResult, RunStatus } from './run.ts';
import type { Estimate } from './statistics/estimate.ts';
import type { Store } from './store.ts';
import { openStore } from './stores/index.ts';
import { embedded } from './testing/database-template.ts';
import { exampleBenchmarkReport } from './testing/example-benchmarks.ts';
import { exampleCall, exampleProvenance, exampleResult } from './testing/example-results.ts';

let dir: string;
let store: Store;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-report-'));
  store = await openStore(embedded(join(dir, 'db')));
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

interface Cell {
  readonly method?: string;
  readonly optimisation: string;
  readonly repetition?: number;
  readonly wallMs?: number;
  readonly use?: Partial<CellUse>;
  readonly status?: RunStatus;
  readonly n: number;
  readonly right: (i: number) => boolean;
  readonly change?: (i: number) => Partial<ExampleResult>;
}

const score = (right: boolean) => ({ 'exact-match': right ? 1 : 0 });

/** Stores runs as a benchmark does. */
async function stored(cells: readonly Cell[]): Promise<CellRun[]> {
  const { runs } = await store.createExperiment({
    name: 'matrix',
    source: '',
    config: {},
    configHash: 'c',
    runs: cells.map(({ optimisation }) => ({ variant: optimisation, spec: {} })),
  });
  const result: CellRun[] = [];
  for (const [position, cell] of cells.entries()) {
    const {
      method = 'naive',
      optimisation,
      repetition = 1,
      wallMs = 1000,
      n,
      right,
      change,
      status = 'finished',
    } = cell;
    const id = runs[position]?.id as string;
    await store.startRun(id, { total: n, provenance: exampleProvenance, startedAt: 1 });
    const rows = Array.from({ length: n }, (_, i) =>
      exampleResult(i, { scores: score(right(i)), answer: right(i) ? 'right' : 'wrong', ...change?.(i) }),
    );
    await store.addResults(id, rows);
    await store.finishRun(id, { status, wallMs, finishedAt: 2, summary: null });
    const run = await store.getRun(id);
    if (run === null) throw new Error('no run');
    const nothing = { peakMemoryBytes: null, peakGpuMemoryBytes: null, energyJoules: null, notes: [] };
    const use = cell.use === undefined ? null : { wallMs, ...nothing, ...cell.use };
    result.push({ method, optimisation, repetition, run, use });
  }
  return result;
}

function specOf(cells: readonly CellRun[], changed: Partial<BenchmarkInput['spec']> = {}): BenchmarkInput['spec'] {
  const optimisations = [...new Set(cells.map((one) => one.optimisation))];
  return {
    methods: [...new Set(cells.map((one) => one.method))],
    optimisations: optimisations.map((name) => ({ name, description: '', server: null, rerun: false })),
    baseline: 'sequential',
    repetitions: Math.max(...cells.map((one) => one.repetition)),
    compare: { metric: 'exact-match', alpha: 0.05, margin: 0.1 },
    pricing: null,
    goal: null,
    useCases: { interactive: { latencyP95Ms: null }, cheapest: { accuracyAtLeast: null } },
    ...changed,
  };
}

async function report(cells: readonly Cell[], changed: Partial<BenchmarkInput['spec']> = {}) {
  const runs = await stored(cells);
  const found = await reportBenchmark({ spec: specOf(runs, changed), cells: runs, load: [] }, { store });
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  const cell = (optimisation: string, method = 'naive') => {
    const one = found.cells.find((other) => other.optimisation === optimisation && other.method === method);
    if (one === undefined) throw new Error(`no cell ${optimisation}`);
    return one;
  };
  return { ...found, runs, cell };
}

function expectEstimate(estimate: Estimate | null | undefined, value: number, low: number, high: number) {
  expect(estimate?.value).toBeCloseTo(value, 9);
  expect(estimate?.low).toBeCloseTo(low, 9);
  expect(estimate?.high).toBeCloseTo(high, 9);
}

// Golden values: statsmodels 0.15.0 (ttost_paired, multipletests, proportion_confint) and SciPy 1.17.1 (t.interval).
describe('reportBenchmark: figures', () => {
  const baseline = (i: number) => i % 3 !== 0;
  const flipped = (flips: (i: number) => boolean) => (i: number) => baseline(i) !== flips(i);
  const few = (i: number) => i % 20 === 7;
  const more = (i: number) => few(i) || i % 15 === 4;
  const quarter = (i: number) => i % 4 === 1;
  const cells: Cell[] = [
    ...[10, 11, 12].map((s, r) => ({
      optimisation: 'sequential',
      repetition: r + 1,
      wallMs: 1000 * s,
      right: baseline,
    })),
    { optimisation: 'batching', repetition: 1, wallMs: 4000, right: flipped(few) },
    { optimisation: 'batching', repetition: 2, wallMs: 5000, right: flipped(more) },
    { optimisation: 'quantised', repetition: 1, wallMs: 9000, right: flipped(quarter) },
    { optimisation: 'quantised', repetition: 2, wallMs: 9000, right: flipped((i) => quarter(i) || i === 0) },
  ].map((cell) => ({ ...cell, n: 60 }));

  it('averages examples over repetitions, tests equivalence by pairs, corrects over the optimisations', async () => {
    const { cell } = await report(cells);
    expectEstimate(cell('sequential').accuracy, 40 / 60, 0.5405686645211968, 0.7727073847647731);
    expect(cell('sequential')).toMatchObject({ equivalence: null, speedUp: null, n: 60 });
    expectEstimate(cell('batching').accuracy, 0.6166666666666667, 0.49455502468592394, 0.7387783086474095);
    const { equivalence } = cell('batching');
    expectEstimate(equivalence?.difference, -0.05, -0.11598949718917748, 0.01598949718917747);
    expect(equivalence?.pValue).toBeCloseTo(0.06741104476176102, 9);
    expect(equivalence?.adjustedPValue).toBeCloseTo(0.13482208952352204, 9);
    expect(cell('quantised').equivalence?.pValue).toBeCloseTo(0.35074373052938856, 9);
    expect(equivalence?.verdict).toBe('undecided');
    // 3 of 60 flip in both repetitions, 4 more in the second; the baseline is right on 2 of 3.
    expectEstimate(equivalence?.flipRate, 5 / 60, 0.0196701927288621, 0.14699647393780457);
    expect(equivalence?.flips).toEqual({ toRight: 1, toWrong: 6 });
    expect(equivalence?.changedRate).toEqual(equivalence?.flipRate);
  });

  it('compares speeds by repetition on the log scale', async () => {
    const third: Cell = { optimisation: 'batching', repetition: 3, wallMs: 4500, n: 60, right: flipped(more) };
    const { cell, findings } = await report([...cells, third]);
    expectEstimate(cell('batching').speedUp, 2.447806820683321, 1.9193381309658408, 3.121783564195977);
    expectEstimate(cell('batching').examplesPerSecond, 13.444444444444445, 9.71057865688171, 17.17831023200718);
    expect(findings).toContain(
      'batching is faster, times the speed of the baseline: naive 2.45 [1.92, 3.12] (13.4 against 5.48 examples per second)',
    );
    // The repetitions that both have: 10 against 9 and 11 against 9.
    expect(cell('quantised').speedUp?.value).toBeCloseTo(Math.sqrt((10 / 9) * (11 / 9)), 12);
  });
});

const always = () => true;
const none = () => false;

describe('reportBenchmark: verdicts on the answers', () => {
  it('tells equivalent, worse, better and undecided apart, Wilson intervals of flips', async () => {
    const right = (share: number) => (i: number) => i % 100 < share;
    const { cell, findings } = await report([
      { optimisation: 'sequential', n: 400, right: right(70) },
      { optimisation: 'same', n: 400, right: right(69) },
      { optimisation: 'worse', n: 400, right: right(50) },
      { optimisation: 'better', n: 400, right: right(95) },
    ]);
    expect(cell('same').equivalence).toMatchObject({ verdict: 'equivalent', flips: { toRight: 0, toWrong: 4 } });
    // statsmodels: proportion_confint(4, 400, method='wilson')
    expectEstimate(cell('same').equivalence?.flipRate, 0.01, 0.0038954837949909896, 0.02542656465261959);
    expect(cell('worse').equivalence?.verdict).toBe('worse');
    expect(cell('better').equivalence?.verdict).toBe('better');
    // What a reader must not overlook comes first.
    expect(findings.find((one) => one.startsWith('worse makes answers worse: naive -20.0 points ['))).toMatch(
      /80 to wrong/,
    );
    expect(findings.findIndex((one) => one.startsWith('worse'))).toBeLessThan(
      findings.findIndex((one) => one.startsWith('same keeps')),
    );
    const few = await report([
      { optimisation: 'sequential', n: 20, right: right(70) },
      { optimisation: 'same', n: 20, right: right(70) },
    ]);
    expect(few.cell('same').equivalence?.verdict).toBe('undecided');
    expect(few.findings.join('\n')).toMatch(
      /^same is shown neither to keep the accuracy within 10 points nor to change it: naive 0\.0 points .*n = 20; none changed sides, 0\.0 % are another text\)/m,
    );
  });

  it('sees that a long answer changed only at its end, without reading short ones whole', async () => {
    const end = (text: string) => ({ answer: `${'x'.repeat(400)}${text}` });
    const asked: string[] = [];
    const runs = await stored([
      { optimisation: 'sequential', n: 10, right: always, change: (i) => (i < 4 ? end('a') : {}) },
      { optimisation: 'batching', n: 10, right: always, change: (i) => (i < 4 ? end(i < 3 ? 'b' : 'a') : {}) },
    ]);
    const counting = {
      scoredRows: store.scoredRows,
      listTableRows: store.listTableRows,
      getResult: (runId: string, exampleId: string) => {
        asked.push(exampleId);
        return store.getResult(runId, exampleId);
      },
    };
    const { cells } = await reportBenchmark({ spec: specOf(runs), cells: runs, load: [] }, { store: counting });
    expect(cells[1]?.equivalence?.changedRate.value).toBeCloseTo(0.3, 12);
    expect(cells[1]?.equivalence?.flipRate.value).toBe(0);
    expect(asked).toHaveLength(8);
  });

  it('says which answers move by themselves', async () => {
    const answers = (text: string) => (i: number) => (i < 5 ? { answer: text } : {});
    const { notes } = await report([
      { optimisation: 'sequential', n: 20, right: always, repetition: 1, change: answers('a') },
      { optimisation: 'sequential', n: 20, right: always, repetition: 2, change: answers('b') },
    ]);
    expect(notes).toContain(
      'naive with sequential: its own repetitions gave different answers to 25.0 % of the examples',
    );
    expect(notes).toContain('only 2 repetitions: intervals of speeds are very wide');
  });

  it('clusters where examples are', async () => {
    const cluster = (i: number) => ({ cluster: `c${i % 50}` });
    const { cell, notes } = await report([
      { optimisation: 'sequential', n: 200, right: (i) => i % 2 === 0, change: cluster },
      { optimisation: 'batching', n: 200, right: (i) => i % 50 !== 0 && i % 2 === 0, change: cluster },
    ]);
    expect(cell('batching').equivalence?.difference).toMatchObject({ method: 'clustered-t', n: 50 });
    expect(notes.join()).not.toContain('clusters');
  });
});

describe('reportBenchmark: what is not measured', () => {
  const cached = { calls: [exampleCall(0, { cached: true })] };

  it('never passes a latency of the response cache off as measured', async () => {
    const pricing = { inputPerMillion: 10, outputPerMillion: 0, computePerHour: 0 };
    const { cell, notes, pareto, recommendations } = await report(
      [
        { optimisation: 'sequential', n: 40, right: always, wallMs: 4000 },
        {
          optimisation: 'half',
          n: 40,
          right: always,
          wallMs: 2000,
          change: (i) => (i < 10 ? cached : { latencyMs: 50 }),
        },
        { optimisation: 'again', n: 40, right: always, wallMs: 100, change: () => cached },
      ],
      { pricing },
    );
    expect(cell('again')).toMatchObject({
      responseHitRate: 1,
      latencyP50Ms: null,
      latencyP95Ms: null,
      costPerCorrect: 0,
    });
    expect(cell('again').speedUp?.value).toBeCloseTo(40, 9);
    expect(cell('again').completionTokensPerSecond.value).toBe(0);
    expect(cell('half').latencyP50Ms).toMatchObject({ value: 50, n: 30 });
    // 12 prompt tokens a call, 10 USD a million; a quarter was not paid again.
    expect(cell('sequential').costPerThousand).toBeCloseTo(0.12, 12);
    expect(cell('half').costPerThousand).toBeCloseTo(0.09, 12);
    expect(pareto.points.map(({ optimisation }) => optimisation)).toEqual(['sequential', 'half']);
    expect(recommendations.every(({ choice }) => choice?.optimisation !== 'again')).toBe(true);
    expect(notes.join('\n')).toMatch(
      /again: 100\.0 % of its calls were answered from the response cache: it has no latency/,
    );
  });

  it('leaves out what did not finish, or was interrupted, and says so', async () => {
    const { notes, cell } = await report([
      { optimisation: 'sequential', n: 10, right: always, repetition: 1 },
      { optimisation: 'sequential', n: 10, right: always, repetition: 2, change: (i) => ({ finishedAt: i * 1000 }) },
      { optimisation: 'batching', n: 10, right: always, status: 'cancelled' },
    ]);
    expect(cell('sequential').examplesPerSecond).toMatchObject({ n: 1, value: 10 });
    expect(notes).toContain('not measured: naive with batching');
    expect(notes).toContain('left out, as not finished: naive with batching #1 (cancelled)');
    expect(notes.join()).toContain(
      'repetition 2 was interrupted, so its wall time is not known; its speed is left out',
    );
  });

  it('adds up memory and energy, and keeps the notes of cells', async () => {
    const use = { peakMemoryBytes: 3e8, energyJoules: 50, notes: ['energy: RAPL package-0'] };
    const { cell, notes } = await report([
      { optimisation: 'sequential', n: 10, right: always, use, repetition: 1 },
      {
        optimisation: 'sequential',
        n: 10,
        right: always,
        use: { ...use, peakMemoryBytes: 4e8, energyJoules: 70 },
        repetition: 2,
      },
      {
        optimisation: 'batching',
        n: 10,
        right: always,
        use: { notes: ['energy: RAPL package-0', 'one attempt more'] },
      },
    ]);
    expect(cell('sequential')).toMatchObject({ peakMemoryBytes: 4e8, joulesPerExample: 6 });
    expect(cell('batching')).toMatchObject({ peakMemoryBytes: null, joulesPerExample: null });
    expect(notes).toContain('energy: RAPL package-0');
    expect(notes).toContain('naive with batching: one attempt more');
  });
});

describe('reportBenchmark: trade-off, recommendations, goal', () => {
  const slow = (ms: number) => (i: number) => ({ latencyMs: ms + (i % 10) });
  const matrix: Cell[] = [
    { optimisation: 'sequential', n: 100, right: (i) => i % 10 < 4, wallMs: 10_000, change: slow(100) },
    { optimisation: 'batching', n: 100, right: (i) => i % 10 < 4, wallMs: 2500, change: slow(40) },
    { method: 'cot', optimisation: 'sequential', n: 100, right: (i) => i % 10 < 9, wallMs: 40_000, change: slow(400) },
    { method: 'cot', optimisation: 'batching', n: 100, right: (i) => i % 10 < 9, wallMs: 12_500, change: slow(500) },
  ];

  it('explains dominated points and knows how sure the frontier is', async () => {
    const { pareto } = await report(matrix);
    expect(pareto.costUnit).toBe('seconds-per-example');
    expect(pareto.points.map(({ onFrontier }) => onFrontier)).toEqual([false, true, true, true]);
    expect(pareto.points[0]).toMatchObject({
      probability: 0,
      explanation:
        'naive with batching is 2.35 times as fast (median 44.5 ms against 105 ms) and costs 4.00 times less (0.0250 against 0.100 s per example) at the same accuracy (40.0 %)',
    });
    expect(pareto.points.slice(1).map(({ probability }) => probability)).toEqual([1, 1, 1]);
    expect(pareto.points[1]?.explanation).toBeNull();
  });

  it('recommends by use case, with reasons', async () => {
    const open = await report(matrix);
    const choices = (found: typeof open) => found.recommendations.map(({ choice }) => choice);
    const cot = (optimisation: string) => ({ method: 'cot', optimisation });
    expect(choices(open)).toEqual([cot('sequential'), { method: 'naive', optimisation: 'batching' }, cot('batching')]);
    expect(open.recommendations[0]?.reason).toMatch(
      /^The shortest 95th percentile among the accurate ones: 95 % of its answers within 409 ms/,
    );
    expect(open.recommendations[1]?.reason).toMatch(
      /^16\.0 right answers per second \(40\.0 examples per second at 40\.0 %\)/,
    );
    expect(open.recommendations[2]?.reason).toMatch(/^0\.139 s for a right answer, the least of 2 cells/);
    const bound = await report(matrix, {
      useCases: { interactive: { latencyP95Ms: 60 }, cheapest: { accuracyAtLeast: 0.95 } },
    });
    expect(choices(bound)).toEqual([
      { method: 'naive', optimisation: 'batching' },
      open.recommendations[1]?.choice,
      null,
    ]);
    expect(bound.recommendations[2]?.reason).toMatch(
      /^None is accurate enough: the best, cot with sequential, reaches 90\.0 %/,
    );
    const never = await report(matrix, {
      useCases: { interactive: { latencyP95Ms: 1 }, cheapest: { accuracyAtLeast: 0.3 } },
    });
    expect(never.recommendations[0]).toMatchObject({ choice: null });
    expect(never.recommendations[0]?.reason).toContain(
      'the fastest, naive with batching, has 95 % of its answers within 49.0 ms',
    );
    expect(never.recommendations[2]?.choice).toEqual({ method: 'naive', optimisation: 'batching' });
  });

  it('does not take for batch what loses accuracy', async () => {
    const { recommendations } = await report([
      ...matrix.slice(0, 2),
      { optimisation: 'broken', n: 100, right: (i) => i % 10 < 3, wallMs: 100 },
    ]);
    expect(recommendations[1]?.choice?.optimisation).toBe('batching');
    expect(recommendations[1]?.reason).toContain('not shown to be equivalent: naive with broken');
  });

  it('holds the goal against what was measured, and says what of the reasons was measured', async () => {
    const { goal } = await report(matrix, { goal: { optimisation: 'batching', speedUp: 4 } });
    expect(goal[0]).toMatchObject({ method: 'naive', target: 4, ratio: { value: 4 } });
    expect(goal[0]?.sentence).toBe(
      'naive with batching: 4.00 times as fast as the baseline; the goal of 4 is reached; one repetition tells no interval',
    );
    // Each example's call takes 15.125 ms of the engine: 1.5 s of 40 s before, of 12.5 s with batching.
    expect(goal[1]?.sentence).toMatch(
      /^cot with batching: 3\.20 times as fast as the baseline; the goal of 4 is missed by 0\.80 \(20\.0 %\)\. Measured: engine time per example went from 15\.1 ms to 15\.1 ms \(1\.00 times less\), and the engine was busy for 3\.8 % of the wall time before and 12\.1 % with it: without the time in which it was not \(server, method, scoring\) the ratio would be 26\.4, which would be enough; 33\.3 % of 12\.0 prompt tokens/,
    );
  });

  it('says what loads showed, also where more at once was no gain', async () => {
    const { load } = exampleBenchmarkReport([]);
    const runs = await stored(matrix.slice(0, 1));
    const findings = async (curves: BenchmarkInput['load']) =>
      (await reportBenchmark({ spec: specOf(runs), cells: runs, load: curves }, { store })).findings;
    const found = await findings(load);
    expect(found).toContain(
      'batching under load: 16 at once write 3.95 times the tokens per second of 1 at once (665 against 168); the 95th percentile of a whole answer goes from 722 ms to 2.9 s',
    );
    expect(found).toContain('server under load: 4.00 requests per second were kept up');
    const worse = load.slice(0, 1).map((curve) => ({
      ...curve,
      sustainedPerSecond: null,
      points: curve.points.toReversed().map((point) => ({ ...point, failed: 2 })),
    }));
    expect(await findings(worse)).toEqual([
      'sequential under load: more at once write no more tokens per second than 16 at once (198)',
      'sequential under load: none of the rates that were tried was kept up',
      'sequential under load: 22 requests failed',
    ]);
  });

  it('survives a benchmark of which nothing finished', async () => {
    const { cells, pareto, recommendations, goal } = await report(
      [{ optimisation: 'sequential', n: 2, right: none, status: 'failed' }],
      { goal: { optimisation: 'sequential', speedUp: 4 } },
    );
    expect({ cells, goal, points: pareto.points }).toEqual({ cells: [], goal: [], points: [] });
    expect(recommendations.map(({ choice }) => choice)).toEqual([null, null, null]);
  });
});
