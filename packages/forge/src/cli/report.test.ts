import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../stores/index.ts';
import { embedded } from '../testing/database-template.ts';
import { exampleBenchmark, exampleBenchmarkReport } from '../testing/example-benchmarks.ts';
import { exampleReport, exampleTraining } from '../testing/example-trainings.ts';
import { forge as start } from '../testing/forge-process.ts';

let dir: string;
const forge = (...args: string[]) => start(args, { cwd: dir, env: { FORGE_HOME: join(dir, 'home') } });
const hostile = '<script>alert(1)</script>';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-report-'));
  const rows = [
    { question: 'What is 17 * 23?', answer: '391' },
    { question: 'Say hello', answer: 'hello' },
  ];
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const responses = [
    { match: 'Observation: 391', text: 'Thought: I have it.\nAnswer: 391' },
    { match: '17 * 23', text: 'Thought: I multiply.\nAction: calculator[17 * 23]' },
  ];
  await writeFile(
    join(dir, 'agents.yaml'),
    `version: 1
name: agents
description: 'Do agents help? ${hostile}'
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: ${JSON.stringify({ name: 'scripted', latencyMs: 5, default: 'hello', responses })}
metrics: [exact-match]
variants:
  naive: { method: naive }
  agent: { method: { name: react, template: "Tools: {toolNames}\\nQuestion: {question}", tools: [calculator] } }
`,
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('forge report', () => {
  it('says what to do where nothing is stored', async () => {
    const { code, stderr } = await forge('report');
    expect([code, stderr]).toEqual([2, expect.stringContaining('nothing finished is stored yet')]);
  });

  it('writes experiments, trainings and benchmarks with their figures, in one file too', async () => {
    expect((await forge('run', 'agents.yaml')).code).toBe(0);
    const store = await openStore(embedded(join(dir, 'home', 'database')));
    // What belongs to a training or a benchmark is not listed by itself.
    const part = { name: 'part', source: '', config: {}, configHash: 'hash', runs: [] };
    const { experiment } = await store.createExperiment(part);
    const { training } = await store.createTraining(exampleTraining('betas'));
    const found = exampleReport([experiment.id]);
    await store.saveTrainingReport(training.id, { ...found, data: { ...found.data, leakage: {}, lengths: {} } });
    const benchmark = await store.createBenchmark(exampleBenchmark('speeds', experiment.id));
    await store.saveBenchmarkReport(benchmark.id, exampleBenchmarkReport([]));
    await store.close();

    const written = await forge('report', '--title', `Findings of ${hostile}`);
    expect(written.code, written.stderr).toBe(0);
    const files = (await readdir(join(dir, 'report'))).sort();
    expect(files).toEqual([
      'agents-accuracy-latency.svg',
      'agents-tools.svg',
      'betas-trade-off.svg',
      'report.html',
      'report.md',
      'speeds-load.svg',
      'speeds-pareto.svg',
      'speeds-speed-up.svg',
    ]);
    const html = await readFile(join(dir, 'report', 'report.html'), 'utf8');
    expect(html.match(/<img /g)).toHaveLength(6);
    // Nothing is fetched and nothing runs.
    expect(html).not.toMatch(/<script|src="(?!data:)|href=/);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    for (const text of ['agent is', 'Preference accuracy', 'batching']) expect(html).toContain(text);
    const markdown = await readFile(join(dir, 'report', 'report.md'), 'utf8');
    expect(markdown).not.toContain('<script>');
    for (const file of files.filter((name) => name.endsWith('.svg'))) {
      expect(markdown).toContain(`(${file})`);
      expect(await readFile(join(dir, 'report', file), 'utf8')).not.toMatch(/NaN|Infinity|undefined|<script/);
    }
  });

  it('writes only what is named, and says what is not there', async () => {
    const [{ id }] = JSON.parse((await forge('benchmarks', '--json')).stdout).items;
    expect((await forge('report', id, '--output', 'one')).code).toBe(0);
    expect(await readFile(join(dir, 'one', 'report.md'), 'utf8')).not.toContain('betas');
    const { code, stderr } = await forge('report', 'ffffffff');
    expect([code, stderr]).toEqual([2, expect.stringContaining('no experiment, training or benchmark "ffffffff"')]);
  });
});
