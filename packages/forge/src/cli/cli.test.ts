import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgeVersion } from '../lib/installation.ts';
import { forge as start } from '../testing/forge-process.ts';

let dir: string;
const forge = (...args: string[]) => start(args, { cwd: dir });

const experiment = (extra = '') => `version: 1
name: capitals
dataset: { name: json-lines, path: capitals.jsonl, columns: { question: question, answer: answer } }
engine:
  name: scripted
  default: I do not know
  responses:
    - { match: 'France', text: 'Paris' }
    - { match: 'Italy', text: 'Rome' }
metrics: [exact-match]
variants:
  plain: { method: naive }
  worse: { method: { name: naive, template: 'Question: What? {question}' }, engine: { responses: [] } }
${extra}`;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-cli-'));
  const rows = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0
      ? { question: `Capital of France, asked the ${i}th time?`, answer: 'Paris' }
      : { question: `Capital of Italy, asked the ${i}th time?`, answer: 'Rome' },
  );
  await writeFile(join(dir, 'capitals.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await writeFile(join(dir, 'capitals.yaml'), experiment());
});

afterAll(() => rm(dir, { recursive: true, force: true }));

describe('forge', () => {
  it('runs an experiment, prints the finding, and keeps it', async () => {
    const run = await forge('run', 'capitals.yaml');
    expect(run.stderr).not.toContain('unexpected');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('worse is worse than plain');
    const shown = await forge('show', '--json');
    const finding = JSON.parse(shown.stdout);
    expect(finding.runs.map((one: { summary: { n: number } }) => one.summary.n)).toEqual([40, 40]);
    expect(finding.runs[0].summary.metrics['exact-match'].value).toBe(1);
    expect(finding.comparisons[0]).toMatchObject({ verdict: 'worse', pairs: 40 });
    expect(finding.runs[0].run.provenance).toMatchObject({ seed: 0, forgeVersion });
    expect(JSON.parse(await readFile(join(dir, 'capitals.lock.json'), 'utf8')).version).toBe(1);
  });

  it('answers a second run from the cache and says so', async () => {
    const again = await forge('run', 'capitals.yaml', '--json');
    const finding = JSON.parse(again.stdout);
    expect(finding.runs[0].summary).toMatchObject({ calls: 40, cachedCalls: 40 });
    const fresh = JSON.parse((await forge('run', 'capitals.yaml', '--json', '--no-cache', '--sample', '5')).stdout);
    expect(fresh.runs[0].summary).toMatchObject({ calls: 5, cachedCalls: 0 });
  });

  it('lists, deletes, restores and exports', async () => {
    const listed = JSON.parse((await forge('list', '--json', '--limit', '1')).stdout);
    expect(listed.items).toHaveLength(1);
    expect(listed.next).not.toBeNull();
    const id = listed.items[0].id as string;
    expect((await forge('delete', id)).code).toBe(0);
    expect((await forge('list')).stdout).not.toContain(id);
    expect((await forge('resume', id)).code).toBe(2);
    expect((await forge('delete', id, '--restore')).code).toBe(0);
    expect((await forge('list')).stdout).toContain(id);
    const csv = await forge('export', id, '--format', 'csv');
    expect(csv.stdout.trim().split('\n')).toHaveLength(1 + 2 * 5);
    const lines = (await forge('export', id, '--calls')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.type === 'result')).toHaveLength(10);
    expect(lines.find((line) => line.type === 'result').calls[0].prompt).toContain('Question:');
    expect((await forge('export', id, '--format', 'markdown')).stdout).toContain('| plain |');
    expect((await forge('export', id, '--output', 'no/such/folder/x.jsonl')).stderr).toContain('ENOENT');
  });

  it('shows examples and one example whole', async () => {
    const wrong = await forge('show', '--examples', 'worse', '--wrong');
    expect(wrong.stdout).toContain('I do not know');
    const listed = JSON.parse((await forge('show', '--examples', 'plain', '--json')).stdout).items as {
      exampleId: string;
    }[];
    const one = await forge('show', '--examples', 'plain', '--example', listed[0]?.exampleId ?? '');
    expect(one.stdout).toContain('--- output (stop)');
    expect((await forge('show', '--examples', 'none')).stderr).toContain('Known variants: plain, worse');
  });

  it('compares runs across experiments by name', async () => {
    const items = JSON.parse((await forge('list', '--json')).stdout).items as { id: string }[];
    const result = await forge('compare', `${items[0]?.id}:plain`, `${items[1]?.id}:worse`, '--json');
    expect(JSON.parse(result.stdout).comparisons[0]).toMatchObject({ pairs: 5 });
    expect((await forge('compare', 'nothing', 'else')).code).toBe(2);
  });

  it('plans without calling the model, and probes when asked', async () => {
    const plan = JSON.parse((await forge('plan', 'capitals.yaml', '--json')).stdout);
    expect(plan.variants[0]).toMatchObject({ rows: 40, calls: 40, completionTokensAtMost: 40 * 256 });
    const probed = JSON.parse((await forge('plan', 'capitals.yaml', '--probe', '3', '--json')).stdout);
    expect(probed.variants[0].probe).toMatchObject({ examples: 3, calls: 3 });
  });

  it('validates many files and tells which are wrong', async () => {
    await writeFile(join(dir, 'wrong.yaml'), experiment('sampel: 3\n'));
    const result = await forge('validate', 'capitals.yaml', 'wrong.yaml');
    expect(result.code).toBe(2);
    expect(result.stdout).toContain('ok  capitals.yaml');
    expect(result.stderr).toContain('wrong.yaml:14');
  });

  it('refuses a data set that is not what the lock pins, until told', async () => {
    const before = await readFile(join(dir, 'capitals.jsonl'), 'utf8');
    await writeFile(join(dir, 'capitals.jsonl'), before.replace('France', 'Gallia'));
    const refused = await forge('run', 'capitals.yaml');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--update-lock');
    expect((await forge('run', 'capitals.yaml', '--update-lock')).code).toBe(0);
    await writeFile(join(dir, 'capitals.jsonl'), before);
    await forge('run', 'capitals.yaml', '--update-lock');
  });

  it('ends with code 3 where every example failed, and keeps them', async () => {
    await writeFile(
      join(dir, 'dead.yaml'),
      experiment()
        .replace(
          'name: scripted',
          'name: openai-compatible\n  baseUrl: http://127.0.0.1:9/v1\n  model: none\n  maxRetries: 0',
        )
        .replace(/ {2}default[\s\S]*metrics/, 'metrics')
        .replace(', engine: { responses: [] }', ''),
    );
    const result = await forge('run', 'dead.yaml', '--sample', '3');
    expect(result.stderr).toContain('every example of "plain" failed');
    expect(result.code).toBe(3);
  });

  it.each([
    [['run', 'absent.yaml'], 'absent.yaml: no such file'],
    [['run', '.'], 'is a folder'],
    [['show', 'ffffffff'], 'forge list shows what is stored'],
    [['datasets', 'squat'], 'Did you mean "squad"?'],
    [['datasets', 'json-lines', '--set', 'path=absent.jsonl'], 'absent.jsonl'],
  ])('says in one line what to mend: forge %j', async (args, message) => {
    const result = await forge(...args);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('prints its help in under 200 ms', async () => {
    // The best of five: other work on the machine only ever adds.
    const bestOf5 = async (call: () => Promise<unknown>) => {
      const times = [];
      for (let i = 0; i < 5; i++) {
        const started = performance.now();
        await call();
        times.push(performance.now() - started);
      }
      return Math.min(...times);
    };
    const bare = await bestOf5(() => promisify(execFile)(process.execPath, ['-e', '0']));
    const help = await bestOf5(async () => expect((await forge('--help')).code).toBe(0));
    // On a slow machine, where Node alone takes its time: a few times that.
    expect(help).toBeLessThan(Math.max(200, 4 * bare));
  });
});
