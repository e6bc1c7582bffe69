import { describe, expect, it } from 'vitest';
import type { ScoredRow } from './store.ts';
import { summarizeRun } from './summarize-run.ts';

const row = (index: number, over: Partial<ScoredRow> = {}): ScoredRow => ({
  exampleId: String(index),
  index,
  cluster: null,
  failureKind: null,
  flags: [],
  toolUse: null,
  scores: { 'exact-match': index % 2, f1: (index % 2) * 0.8 },
  latencyMs: 100 + index,
  finishedAt: 0,
  promptTokens: 50,
  cachedPromptTokens: 10,
  completionTokens: 5,
  computeMs: 20,
  calls: 1,
  cachedCalls: 0,
  retries: 0,
  ...over,
});

async function* batches(rows: readonly ScoredRow[]) {
  for (let i = 0; i < rows.length; i += 7) yield rows.slice(i, i + 7);
}
const metrics = [
  { name: 'exact-match', binary: true },
  { name: 'f1', binary: false },
];

describe('summarizeRun', () => {
  it('adds up what agents did with their tools', async () => {
    const rows = [
      row(0, { toolUse: { turns: 2, calls: [{ tool: 'search' }] } }),
      row(1, {
        toolUse: {
          turns: 4,
          calls: [
            { tool: 'search', error: 'timeout' },
            { tool: 'made-up', error: 'unknown-tool' },
            { error: 'unparsable' },
          ],
          limit: 'steps',
        },
      }),
      row(2),
    ];
    const { tools, tokens } = await summarizeRun(batches(rows), { metrics, wallMs: 10 });
    expect(tools).toEqual({
      examples: 2,
      turns: 6,
      calls: 3,
      failed: 3,
      byTool: { search: { calls: 2, errors: { timeout: 1 } } },
      byError: { timeout: 1, 'unknown-tool': 1, unparsable: 1 },
      byLimit: { steps: 1 },
    });
    // One of three is right.
    expect(tokens.perCorrect).toBe(165);
    expect((await summarizeRun(batches([row(0)]), { metrics, wallMs: 10 })).tools).toBeNull();
  });

  it('adds up tokens, time and cost, each per correct answer too', async () => {
    const rows = Array.from({ length: 100 }, (_, i) => row(i));
    const pricing = { inputPerMillion: 2, outputPerMillion: 10, computePerHour: 3.6 };
    const summary = await summarizeRun(batches(rows), { metrics, wallMs: 10_000, pricing });
    expect(summary).toMatchObject({
      n: 100,
      failed: { total: 0 },
      throughput: { examplesPerSecond: 10, completionTokensPerSecond: 50 },
      tokens: {
        prompt: 5000,
        cachedPrompt: 1000,
        completion: 500,
        promptPerExample: 50,
        cachedPromptPerExample: 10,
        completionPerExample: 5,
      },
      computeSeconds: { total: 2, perCorrect: 0.04 },
    });
    expect(summary.cost.total).toBeCloseTo((5000 * 2 + 500 * 10) / 1e6 + 0.002, 12);
    expect(summary.metrics['exact-match']).toMatchObject({ value: 0.5, method: 'wilson' });
    expect(summary.metrics.f1?.value).toBeCloseTo(0.4, 12);
    expect(summary.metrics.f1?.method).toBe('t');
    expect(summary.latencyMs?.p50.value).toBe(149.5);
  });
  it('counts failed examples as 0 and keeps them out of the latencies; cached ones out of the throughput', async () => {
    const rows = [
      row(1),
      row(3),
      row(5, { failureKind: 'timeout', scores: { 'exact-match': 0, f1: 0 }, latencyMs: 60_000 }),
      row(7, { cachedCalls: 1, flags: ['cut-off'] }),
    ];
    const summary = await summarizeRun(batches(rows), { metrics, wallMs: 1000 });
    expect(summary.metrics['exact-match']?.value).toBe(0.75);
    expect(summary.failed).toEqual({ total: 1, byKind: { timeout: 1 } });
    expect(summary.latencyMs?.p99.high).toBe(107);
    expect(summary).toMatchObject({
      liveExamples: 3,
      cachedCalls: 1,
      flags: { 'cut-off': 1 },
      throughput: { examplesPerSecond: 3 },
      cost: { total: null },
    });
  });
  it('clusters where examples name a cluster', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(i, { cluster: `c${i % 6}` }));
    const figures = (await summarizeRun(batches(rows), { metrics, wallMs: 1 })).metrics;
    expect(figures['exact-match']).toMatchObject({ method: 'clustered-t', n: 6, low: 0, high: 1 });
    expect(figures.f1).toMatchObject({ method: 'clustered-t', n: 6 });
  });
  it('is not certain of 0 % where every cluster is all wrong', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(2 * i, { cluster: `c${i % 8}` }));
    const figures = (await summarizeRun(batches(rows), { metrics, wallMs: 1 })).metrics;
    // Wilson, 0 of 8: z^2 / (8 + z^2).
    for (const name of ['exact-match', 'f1'])
      expect(figures[name]).toMatchObject({
        value: 0,
        low: 0,
        method: 'wilson',
        n: 8,
        high: expect.closeTo(0.324408, 6),
      });
  });
  it('gives scores intervals that hold whenever one stops, where the run was stopped, whatever the order of the rows', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => row(i * 3));
    const stop = { total: 120, sampleSeed: '7' };
    const stopped = (await summarizeRun(batches(rows), { metrics, wallMs: 1, stop })).metrics;
    expect(stopped['exact-match']).toMatchObject({ value: 0.5, method: 'hedged-capital', level: 0.95, n: 40 });
    expect(stopped.f1?.method).toBe('hedged-capital');
    expect((await summarizeRun(batches(rows.toReversed()), { metrics, wallMs: 1, stop })).metrics).toEqual(stopped);
    const whole = (await summarizeRun(batches(rows), { metrics, wallMs: 1, stop: { ...stop, total: 40 } })).metrics;
    expect(whole['exact-match']?.method).toBe('wilson');
    const width = (one = stopped['exact-match']) => (one?.high ?? 0) - (one?.low ?? 0);
    expect(width()).toBeGreaterThan(width(whole['exact-match']));
  });
  it('has no NaN for an empty run', async () => {
    const summary = await summarizeRun(batches([]), { metrics, wallMs: 0 });
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
    expect(summary).toMatchObject({ n: 0, latencyMs: null, computeSeconds: { perCorrect: null } });
  });
});
