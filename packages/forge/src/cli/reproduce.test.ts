import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forge as start } from '../testing/forge-process.ts';

let dir: string;
const forge = (home: string, ...args: string[]) => start(args, { cwd: dir, env: { FORGE_HOME: join(dir, home) } });

async function writeRows(change: (index: number) => string | undefined = () => undefined): Promise<void> {
  const rows = Array.from({ length: 30 }, (_, i) => ({
    question: `Capital of France, asked the ${i}th time?`,
    answer: change(i) ?? 'Paris',
  }));
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-reproduce-'));
  await writeRows();
  await writeFile(
    join(dir, 'capitals.yaml'),
    `version: 1
name: capitals
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: Rome, responses: [{ match: 'the 1', text: Paris }] }
metrics: [exact-match, f1]
variants:
  plain: { method: naive }
  worse: { method: naive, engine: { responses: [] } }
`,
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('forge reproduce', () => {
  it('says bit for bit where nothing differs, also elsewhere from an export', async () => {
    expect((await forge('first', 'run', 'capitals.yaml')).code).toBe(0);
    const same = await forge('first', 'reproduce');
    expect(same.code, same.stderr).toBe(0);
    expect(same.stdout).toContain('reproduced bit for bit');
    expect(same.stdout).toMatch(/plain +exact-match +0\.3667 +0\.3667 +30 of 30 +30 of 30/);
    const { items } = JSON.parse((await forge('first', 'list', '--json')).stdout);
    // The repetition is an experiment of its own, and called the model.
    expect(items).toHaveLength(2);
    expect((await forge('first', 'export', items[1].id, '--all', 'capitals.forge')).code).toBe(0);
    const elsewhere = await forge('second', 'reproduce', 'capitals.forge', '--json');
    expect(elsewhere.code, elsewhere.stderr).toBe(0);
    const report = JSON.parse(elsewhere.stdout);
    expect(report.experiment).toBe(items[1].id);
    expect(report.runs.map((run: Record<string, unknown>) => [run.examples, run.sameOutputs, run.sameScores])).toEqual([
      [30, 30, 30],
      [30, 30, 30],
    ]);
    expect(report.runs[0].provenance).toEqual({});
  });

  it('names what differs, example by example, and ends with 1', async () => {
    await writeRows((index) => (index === 13 ? 'Lyon' : undefined));
    const changed = await forge('second', 'reproduce');
    expect(changed.code).toBe(1);
    expect(changed.stdout).toMatch(/plain +exact-match +0\.3667 +0\.3333 +30 of 30 +29 of 30/);
    expect(changed.stdout).toContain('datasetFingerprint');
    expect(changed.stdout.trim().split('\n').at(-1)).toBe('differs');
  });

  it('repeats nothing that is not whole', async () => {
    const { code, stderr } = await forge('third', 'reproduce');
    expect([code, stderr]).toEqual([2, expect.stringContaining('no experiment is stored yet')]);
  });
});
