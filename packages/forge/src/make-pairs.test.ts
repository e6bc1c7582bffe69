import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePairs, type PairOptions } from './make-pairs.ts';
import type { ExampleResult } from './run.ts';
import type { ExperimentRecord, RunRecord } from './store.ts';
import { drills } from './testing/drills.ts';
import { exampleCall, exampleProvenance, exampleResult } from './testing/example-results.ts';
import { forge as start } from './testing/forge-process.ts';
import type { PreferenceRow } from './training-set.ts';
import { definition as preferenceJsonLines } from './training-sets/preference-json-lines.ts';

const spec = (group: string) => ({
  group,
  metrics: [
    { name: 'exact-match', options: {} },
    { name: 'answer-length', options: {} },
  ],
});
const run = (variant: string, group = variant, datasetFingerprint = 'da7a') =>
  ({
    id: `run ${variant}`,
    variant,
    spec: spec(group),
    provenance: { ...exampleProvenance, datasetFingerprint },
  }) as unknown as RunRecord;
const experiment = { id: 'e1', config: { compare: { metric: 'exact-match' } } } as unknown as ExperimentRecord;

/** What a variant said to the example of this number. */
const said = (index: number, output: string, score: number, changed: Partial<ExampleResult> = {}): ExampleResult =>
  exampleResult(index, {
    scores: { 'exact-match': score },
    calls: [exampleCall(0, { prompt: `prompt ${index}`, output })],
    ...changed,
  });

async function pairsOf(
  runs: readonly (readonly [RunRecord, readonly ExampleResult[]])[],
  options: Partial<PairOptions> = {},
) {
  const store = {
    listRuns: async () => runs.map(([one]) => one),
    // A page holds one result: merging must not depend on how they come.
    async listResults(runId: string, _filter: object, { after }: { after?: string }) {
      const results = runs.find(([one]) => one.id === runId)?.[1] ?? [];
      const at = Number(after ?? 0);
      return { items: results.slice(at, at + 1), next: at + 1 < results.length ? String(at + 1) : null };
    },
  };
  const pairs: PreferenceRow[] = [];
  const made = makePairs(store, experiment, { perExample: 4, ...options });
  for (let next = await made.next(); ; next = await made.next()) {
    if (next.done) return { pairs, report: next.value };
    pairs.push(next.value);
  }
}

describe('makePairs', () => {
  it('prefers a right answer to a wrong one of the same example, with lineage', async () => {
    const { pairs, report } = await pairsOf([
      [run('naive'), [said(1, ' 5', 0), said(2, ' 4', 1), said(4, ' 1', 0)]],
      [run('cot'), [said(1, ' so 2', 1), said(3, ' 9', 0), said(4, ' 2', 0)]],
    ]);
    expect(pairs).toEqual([
      {
        kind: 'preference',
        id: 'example-1 cot > naive',
        prompt: 'prompt 1',
        chosen: ' so 2',
        rejected: ' 5',
        cluster: 'example-1',
        lineage: { experimentId: 'e1', exampleId: 'example-1', chosenRunId: 'run cot', rejectedRunId: 'run naive' },
      },
    ]);
    expect(report).toEqual({
      metric: 'exact-match',
      pairs: 1,
      pairedExamples: 1,
      examples: 4,
      rightOnly: 1,
      wrongOnly: 2,
      right: 2,
      wrong: 4,
      leftOut: {},
    });
  });

  it('has the prompt of the wrong answer, or of the variant that is named', async () => {
    const cot = said(1, ' so 2', 1, { calls: [exampleCall(0, { prompt: 'think', output: ' so 2' })] });
    const runs = [
      [run('naive'), [said(1, ' 5', 0)]],
      [run('cot'), [cot]],
    ] as const;
    expect((await pairsOf(runs)).pairs[0]?.prompt).toBe('prompt 1');
    expect((await pairsOf(runs, { promptOf: 'cot' })).pairs[0]?.prompt).toBe('think');
    const absent = await pairsOf([...runs, [run('third'), [said(2, ' 1', 1)]]], { promptOf: 'third' });
    expect(absent.report).toMatchObject({ pairs: 0, leftOut: { 'no prompt of third': 1 } });
  });

  it('leaves out and counts what nobody should learn from', async () => {
    const changed = (index: number, over: Partial<Parameters<typeof exampleCall>[1]>) =>
      said(index, '', 0, { calls: [exampleCall(0, over)] });
    const looked = exampleCall(0, { output: ' a choice' });
    const { report } = await pairsOf([
      [
        run('a'),
        [
          said(1, ' x', 0, { failure: { kind: 'timeout', message: 'late' } }),
          changed(2, { output: ' and so on', finishReason: 'length' }),
          changed(3, { output: ' \n' }),
          said(4, '', 0, { calls: [exampleCall(0), exampleCall(1)] }),
          said(5, '', 0, { calls: [{ ...looked, sampling: { ...looked.sampling, maxTokens: 0 } }] }),
          said(6, ' same', 0),
        ],
      ],
      [run('b'), [1, 2, 3, 4, 5, 6].map((index) => said(index, index === 6 ? ' same' : ' right', 1))],
    ]);
    expect(report).toMatchObject({ pairs: 0, right: 6, wrong: 1, rightOnly: 5 });
    expect(report.leftOut).toEqual({
      failed: 1,
      'cut off': 1,
      empty: 1,
      'written in several calls': 1,
      'not written by a model': 1,
      'right and wrong answer alike': 1,
    });
  });

  it('pairs repeats of a group, as many as asked for, each text once', async () => {
    const seeds = [1, 2, 3].map((seed) => run(`cot seed=${seed}`, 'cot'));
    const runs = [
      ...seeds.map((one, i) => [one, [said(1, ` right ${i}`, 1)]] as const),
      [run('naive seed=1', 'naive'), [said(1, ' wrong', 0)]] as const,
      [run('naive seed=2', 'naive'), [said(1, ' wrong', 0)]] as const,
    ];
    const all = await pairsOf(runs, { chosen: 'cot', rejected: 'naive', perExample: 10 });
    expect(all.pairs.map(({ chosen }) => chosen)).toEqual([' right 0', ' right 1', ' right 2']);
    expect((await pairsOf(runs, { perExample: 2 })).pairs).toHaveLength(2);
    expect((await pairsOf(runs, { limit: 1 })).report.pairs).toBe(1);
    const one = await pairsOf(runs, { chosen: 'cot seed=2' });
    expect(one.pairs.map(({ chosen }) => chosen)).toEqual([' right 1']);
  });

  it('keeps examples of different data sets apart, whatever their ids', async () => {
    const { report } = await pairsOf([
      [run('a', 'a', 'one'), [said(1, ' x', 0)]],
      [run('b', 'b', 'two'), [said(1, ' y', 1)]],
    ]);
    expect(report).toMatchObject({ pairs: 0, examples: 2, rightOnly: 1, wrongOnly: 1 });
  });

  it('refuses what the experiment does not have', async () => {
    const runs = [[run('naive'), [said(1, ' x', 0)]]] as const;
    await expect(pairsOf(runs, { chosen: 'cot' })).rejects.toThrow('--chosen cot: the experiment has no such variant');
    await expect(pairsOf(runs, { metric: 'f1' })).rejects.toThrow('--metric f1: not measured by this experiment');
    await expect(pairsOf(runs, { metric: 'answer-length' })).rejects.toThrow('cannot tell right from wrong');
  });
});

describe('forge pairs with the lab model', () => {
  const model = fileURLToPath(new URL('../../../models/lab/lab-world-2m.gguf', import.meta.url));
  let dir: string;
  const forge = (...args: string[]) => start(args, { cwd: dir });
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-pairs-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const latest = async () => JSON.parse((await forge('list', '--json', '--limit', '1')).stdout).items[0].id as string;

  it.runIf(drills)(
    'teaches thinking when asked directly, and the pairs can be chosen from',
    async () => {
      const engine = `engine: { name: llama-cpp, model: ${JSON.stringify(model)}, batch: 4 }`;
      await writeFile(
        join(dir, 'sums.yaml'),
        `version: 1
name: sums
dataset: { name: lab-world, split: arithmetic }
sample: 24
${engine}
sampling: { maxTokens: 160 }
metrics: [numeric-match]
variants: { naive: { method: naive }, think: { method: chain-of-thought } }
`,
      );
      expect((await forge('run', 'sums.yaml')).code).toBe(0);
      const id = await latest();
      const made = await forge('pairs', id, '--prompt-of', 'naive', '--chosen', 'think', '--rejected', 'naive');
      expect(made.stderr).toContain('written: pairs.jsonl');
      expect(made.stdout).toMatch(/^\d+ pairs from \d+ of 24 examples, right and wrong by numeric-match\n/);
      expect(made.stdout).toContain('chosen is the longer one in 100.0 %');
      const surroundings = { baseDir: dir, cacheDir: dir, env: {}, now: Date.now, notify: () => {} };
      const options = preferenceJsonLines.options.parse({ path: 'pairs.jsonl' });
      const set = await preferenceJsonLines.create(options, surroundings);
      const rows = (await Array.fromAsync(set.rows())) as PreferenceRow[];
      expect(rows.length).toBeGreaterThan(10);
      expect(set.leftOut()).toEqual({});
      for (const { prompt, chosen, lineage } of rows) {
        expect(prompt).toMatch(/^Question: .*\nAnswer:$/);
        expect(chosen).toMatch(/^\n[\s\S]*\nAnswer: \d+$/);
        expect(lineage?.experimentId).toBe(id);
      }
      const before = await readFile(join(dir, 'pairs.jsonl'), 'utf8');
      const none = await forge('pairs', id, '--chosen', 'naive', '--rejected', 'think');
      expect(none.code).toBe(2);
      expect(none.stderr).toContain('no pair: of 24 examples');
      expect(await readFile(join(dir, 'pairs.jsonl'), 'utf8')).toBe(before);

      await writeFile(
        join(dir, 'choose.yaml'),
        `version: 1
name: choose
dataset: { name: preference-pairs, path: pairs.jsonl }
${engine}
metrics: [exact-match, log-margin, answer-length]
variants: { choose: { method: choose }, by-token: { method: { name: choose, normalization: tokens } } }
compare: { metric: log-margin }
`,
      );
      const chosen = await forge('run', 'choose.yaml');
      expect(chosen.stdout).toMatch(/log-margin +-\d+\.\d+ nats \[/);
      const { runs } = JSON.parse((await forge('show', '--json')).stdout);
      const [sum] = runs;
      expect(sum.summary).toMatchObject({ n: rows.length, calls: 2 * rows.length });
      expect(sum.summary.metrics['log-margin'].unit).toBe('nats');
      expect(sum.summary.failed.total).toBe(0);
      // The lab model has learnt to answer this prompt at once: thinking is what it does not expect.
      expect(sum.summary.metrics['log-margin'].high).toBeLessThan(0);
      expect(sum.summary.metrics['exact-match'].value).toBeLessThan(0.5);
      expect(sum.summary.metrics['answer-length'].value).toBe(0);
      const [example] = JSON.parse(
        (await forge('show', '--examples', 'choose', '--limit', '1', '--json')).stdout,
      ).items;
      expect(example.calls).toHaveLength(2);
      expect(example.calls[0].sampling.maxTokens).toBe(0);
      expect(example.steps.map(({ kind }: { kind: string }) => kind)).toEqual(['choice', 'choice']);
    },
    180_000,
  );
});
