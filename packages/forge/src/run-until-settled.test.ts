import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeRuns } from './execute-runs.ts';
import { findingText } from './finding-text.ts';
import { parseExperiment, storedForm } from './load-experiment.ts';
import { readFinding } from './read-finding.ts';
import type { RunEvent } from './run.ts';
import { sampleOrder } from './run-until-settled.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import { openStore } from './stores/index.ts';
import { embedded } from './testing/database-template.ts';

const count = 400;
let dir: string;
let store: Store;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-settled-'));
  const rows = Array.from({ length: count }, (_, i) => ({
    question: `Number ${i} is?`,
    answer: i % 3 === 0 ? 'even' : 'odd',
    topic: `t${i % 7}`,
  }));
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  store = await openStore(embedded(join(dir, 'db')));
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

/** A third of the answers is even: `odd` is right in two thirds, `even` in one, `never` in none. */
const yaml = (variants: string, compare = '', more = '') => `version: 1
name: settled
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: odd, concurrency: 4 }
method: naive
cache: false
${more}
variants:
${variants}
compare: { minimumEffect: 0.1, stop: { when: settled, atLeast: 20, every: 10 }${compare} }
`;
const four = `  base: {}
  same: {}
  even: { engine: { default: even } }
  never: { engine: { default: neither } }`;

async function created(text: string): Promise<ExperimentRecord> {
  return (await store.createExperiment(storedForm(parseExperiment('settled.yaml', text)))).experiment;
}

/** Executes what is left of an experiment; stops after so many examples. */
async function execute(experiment: ExperimentRecord, stopAfter = Number.POSITIVE_INFINITY): Promise<RunEvent[]> {
  const controller = new AbortController();
  const { configHash, config } = experiment;
  const { compare } = config as ReturnType<typeof parseExperiment>['spec'];
  const parts = {
    store,
    surroundings: { baseDir: dir, cacheDir: join(dir, '.forge'), env: {}, now: Date.now, notify: () => {} },
    clock: { now: Date.now, monotonic: () => performance.now() },
    random: () => 0.5,
    origin: { codeRevision: 'test', forgeVersion: '0', machine: {} },
    signal: controller.signal,
  };
  const events: RunEvent[] = [];
  const runs = await store.listRuns(experiment.id);
  for await (const event of executeRuns({ configHash, runs, compare }, parts)) {
    events.push(event);
    if (events.filter(({ type }) => type === 'example-finished').length >= stopAfter) controller.abort();
  }
  return events;
}

const variantsOf = async ({ id }: ExperimentRecord) =>
  new Map((await store.listRuns(id)).map((run) => [run.variant, run] as const));
async function rowsOf(run: RunRecord | undefined): Promise<number[]> {
  const rows = await Array.fromAsync(store.scoredRows(run?.id ?? ''));
  return rows.flat().map(({ index }) => index);
}
const examplesOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'example-finished' ? [`${event.runId} ${event.result.exampleId}`] : []));

describe('runUntilSettled', () => {
  it('ends each variant once it is settled, the baseline with the last, on the rows that a smaller sample has', async () => {
    const experiment = await created(yaml(four));
    await execute(experiment);
    const finding = await readFinding(store, experiment);
    const found = Object.fromEntries(finding.comparisons.map((one) => [one.candidate, one]));
    expect(finding.comparisons.map(({ verdict }) => verdict)).toEqual(['tied', 'worse', 'worse']);

    const runs = await variantsOf(experiment);
    const order = sampleOrder(count, { sample: null, sampleSeed: '0' } as never);
    for (const run of runs.values()) {
      const rows = await rowsOf(run);
      expect(run).toMatchObject({ status: 'finished', total: count, summary: { n: rows.length } });
      expect(rows).toEqual(order.slice(0, rows.length).sort((a, b) => a - b));
      // A look comes after 20 examples, and then after every tenth.
      expect(rows.length % 10).toBe(0);
    }
    const n = (variant: string) => (runs.get(variant) as RunRecord & { summary: { n: number } }).summary.n;
    expect(n('never')).toBeLessThan(n('even'));
    expect(n('same')).toBeLessThan(count);
    expect(n('base')).toBe(Math.max(n('same'), n('even'), n('never')));
    for (const [name, one] of Object.entries(found)) {
      expect(one.pairs).toBe(n(name));
      expect(one.stop?.most).toBe(count);
      // Not settled at the look before.
      expect(one.stop?.settledAfter).toBeGreaterThan(n(name) === 20 ? 19 : n(name) - 10);
      expect(one.difference).toMatchObject({ method: 'hedged-capital', level: 0.95, n: n(name) });
      expect(one.test.adjustedPValue < 0.05).toBe(name !== 'same');
      expect(one.equivalencePValue < 0.05).toBe(name === 'same');
      expect(one.neededN).toBeNull();
    }
    expect(found.same?.difference.low).toBeGreaterThan(-0.1);
    expect(found.even?.difference.high).toBeLessThan(0);
    expect(runs.get('even')?.summary).toMatchObject({ metrics: { 'exact-match': { method: 'hedged-capital' } } });

    const text = findingText(finding);
    expect(text).toContain(`stopped after ${n('never')} of 400 examples: never is worse than base by`);
    expect(text).toMatch(/\(anytime-valid 95 % interval [\d.]+ to [\d.]+, hedged capital, p/);
    expect(text).toMatch(/latency: never .*\(approximate 95 % interval/);
    expect(text).not.toContain('McNemar');
    expect(text).toContain(`${n('never')} of 400`);
  });

  it('runs all examples where nothing settles it, and then gives the ordinary answer at half of alpha', async () => {
    const engine = `{ default: odd, responses: [{ match: "1", text: even }, { match: "2", text: even }] }`;
    const experiment = await created(yaml(`  base: {}\n  near: { engine: ${engine} }`, '', 'sample: 60\n'));
    await execute(experiment);
    const { comparisons } = await readFinding(store, experiment);
    const [one] = comparisons;
    expect(one).toMatchObject({ pairs: 60, stop: { settledAfter: null, most: 60 }, test: { name: 'McNemar mid-p' } });
    expect(one?.test.adjustedPValue).toBeCloseTo(Math.min(1, 2 * (one?.test.pValue ?? 0)));
    expect(findingText(await readFinding(store, experiment))).toContain('not settled early, all 60 examples: ');
  });

  it('goes on after an interruption to the same decision, and does no example twice', async () => {
    const whole = await created(yaml(four));
    const expected = examplesOf(await execute(whole)).length;
    const outcome = async (experiment: ExperimentRecord) => (await readFinding(store, experiment)).comparisons;

    const stopped = await created(yaml(four));
    const done: string[] = [];
    let attempts = 0;
    while ([...(await variantsOf(stopped)).values()].some(({ status }) => status !== 'finished')) {
      done.push(...examplesOf(await execute(stopped, 37)));
      for (const { status } of (await variantsOf(stopped)).values()) expect(status).not.toBe('running');
      attempts++;
    }
    expect(attempts).toBeGreaterThan(3);
    expect(new Set(done).size).toBe(done.length);
    expect(done).toHaveLength(expected);
    expect(await outcome(stopped)).toEqual(await outcome(whole));
  });

  it('takes repeats as one score for each question', async () => {
    const experiment = await created(
      yaml('  base: {}\n  never: { engine: { default: neither } }', '', 'matrix: { seed: [1, 2, 3] }'),
    );
    await execute(experiment);
    const runs = [...(await variantsOf(experiment)).values()];
    expect(runs).toHaveLength(6);
    const rows = await Promise.all(runs.map(rowsOf));
    for (const one of rows) expect(one).toEqual(rows[0]);
    expect(rows[0]?.length).toBeLessThan(60);
    const { comparisons } = await readFinding(store, experiment);
    expect(comparisons).toMatchObject([{ candidate: 'never', pairs: rows[0]?.length, verdict: 'worse' }]);
  });

  it('refuses examples in clusters, and leaves no run that seems to go on', async () => {
    const experiment = await created(yaml(four).replace('answer: answer }', 'answer: answer, cluster: topic }'));
    await expect(execute(experiment)).rejects.toThrow(/compare.stop: row \d+ is part of a cluster \("t\d"\).*remove/);
    for (const run of (await variantsOf(experiment)).values()) expect(run.status).not.toBe('running');
  });

  it('says of a run that fails that it failed, and that the others were cancelled', async () => {
    const experiment = await created(
      yaml(
        '  base: {}\n  bad: { engine: { name: openai-compatible, baseUrl: "http://127.0.0.1:1", model: none, api: completions, maxRetries: 0 }, method: { name: react, calling: native, tools: [calculator] } }',
      ),
    );
    await expect(execute(experiment)).rejects.toThrow();
    const statuses = [...(await variantsOf(experiment)).values()].map(({ status }) => status);
    expect(statuses[0]).toBe('cancelled');
  });
});
