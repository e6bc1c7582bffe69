import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../lib/random.ts';
import type { Finding } from '../read-finding.ts';
import { drills } from '../testing/drills.ts';
import { forge } from '../testing/forge-process.ts';

const examples = 2000;
let dir: string;

const experiment = `version: 1
name: long
dataset: { name: json-lines, path: rows.jsonl, columns: { question: question, answer: answer } }
engine: { name: scripted, default: 'odd', latencyMs: 20, concurrency: 4, responses: [{ match: 'even', text: 'even' }] }
method: naive
metrics: [exact-match]
`;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-resume-'));
  const rows = Array.from({ length: examples }, (_, i) => ({
    question: `Number ${i} is ${i % 2 === 0 ? 'even' : 'odd'}?`,
    answer: i % 3 === 0 ? 'even' : 'odd',
  }));
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await writeFile(join(dir, 'long.yaml'), experiment);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Sends a signal `delayMs` after the start, or after the run says that it is under way. */
function killAfter(child: ChildProcess, signal: NodeJS.Signals, delayMs: number, fromStart = false): void {
  const kill = () => setTimeout(delayMs).then(() => child.kill(signal));
  if (fromStart) {
    void kill();
    return;
  }
  let said = '';
  child.stderr?.on('data', function wait(text: string) {
    said += text;
    if (!said.includes(`/${examples.toLocaleString('en-US')}`)) return;
    child.stderr?.off('data', wait);
    void kill();
  });
}

interface Row {
  runId: string;
  exampleId: string;
  answer: string;
  scores: Record<string, number>;
}

async function exported(): Promise<Row[]> {
  const id = JSON.parse((await forge(['list', '--json'], { cwd: dir })).stdout).items[0].id as string;
  const { stdout } = await forge(['export', id], { cwd: dir });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((line) => line.type === 'result');
}

const outcome = (rows: Row[]) => rows.map(({ exampleId, answer, scores }) => ({ exampleId, answer, scores }));

describe('a run that is interrupted', () => {
  it('gives the same result as an uninterrupted one after kill -9 at random points', async () => {
    // No cache: a repeated example would be a repeated call.
    await writeFile(join(dir, 'long.yaml'), `${experiment}cache: false\n`);
    expect((await forge(['run', 'long.yaml'], { cwd: dir, env: { FORGE_HOME: 'whole' } })).code).toBe(0);
    const whole = JSON.parse((await forge(['show', '--json'], { cwd: dir, env: { FORGE_HOME: 'whole' } })).stdout);

    const random = createRandom('kill points');
    let command = ['run', 'long.yaml'];
    const wanted = drills ? 20 : 4;
    let kills = 0;
    while (kills < wanted) {
      // Every fourth kill comes somewhere in the start, the others in the middle of the run.
      const early = kills % 4 === 3;
      const delay = random.below(early ? 1000 : 300);
      const result = await forge(command, { cwd: dir, onStart: (child) => killAfter(child, 'SIGKILL', delay, early) });
      if (result.signal !== 'SIGKILL') break;
      kills++;
      command = ['resume'];
    }
    expect(kills).toBe(wanted);
    const last = await forge(['resume', '--json'], { cwd: dir });
    expect(last.code).toBe(0);
    const finding = JSON.parse(last.stdout);
    expect(finding.runs[0].summary).toMatchObject({ n: examples, calls: examples });
    expect(finding.runs[0].summary.metrics).toEqual(whole.runs[0].summary.metrics);
    const rows = await exported();
    expect(new Set(rows.map((row) => row.exampleId)).size).toBe(examples);
    expect(rows).toHaveLength(examples);
    expect(outcome(rows).every((row) => row.answer === (Number(row.exampleId) % 2 === 0 ? 'even' : 'odd'))).toBe(true);
  }, 300_000);

  it('stops early where the whole one stops, though it was killed before that', async () => {
    const stop = 'compare: { minimumEffect: 0.02, stop: { when: settled, atLeast: 20, every: 20 } }';
    const variants = 'variants: { base: {}, same: {}, never: { engine: { responses: [], default: none } } }';
    await writeFile(join(dir, 'long.yaml'), `${experiment}cache: false\n${variants}\n${stop}\n`);
    const whole = await forge(['run', 'long.yaml', '--json'], { cwd: dir, env: { FORGE_HOME: 'whole' } });
    expect(whole.code).toBe(0);
    const killed = await forge(['run', 'long.yaml'], {
      cwd: dir,
      onStart: (child) => killAfter(child, 'SIGKILL', 900),
    });
    expect(killed.signal).toBe('SIGKILL');
    const before = (await exported()).length;
    expect(before).toBeGreaterThan(0);
    const resumed = await forge(['resume', '--json'], { cwd: dir });
    const [expected, found] = [whole, resumed].map(({ stdout }) => JSON.parse(stdout) as Finding);
    expect(found?.comparisons).toEqual(expected?.comparisons);
    expect(found?.comparisons.map(({ verdict }) => verdict)).toEqual(['tied', 'worse']);
    for (const [i, { run, summary }] of (found?.runs ?? []).entries()) {
      const { n = 0, calls } = summary ?? {};
      expect(run.status).toBe('finished');
      expect(n).toBeLessThan(examples);
      expect([n, calls]).toEqual([n, n]);
      expect(n).toBe(expected?.runs[i]?.summary?.n);
    }
    const rows = await exported();
    expect(before).toBeLessThan(rows.length);
    expect(new Set(rows.map((row) => `${row.runId} ${row.exampleId}`)).size).toBe(rows.length);
  }, 120_000);

  it('stops in order on Ctrl-C and goes on where it was', async () => {
    const stopped = await forge(['run', 'long.yaml'], {
      cwd: dir,
      onStart: (child) => killAfter(child, 'SIGINT', 600),
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('forge resume');
    const before = (await exported()).length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(examples);
    const resumed = await forge(['resume', '--json'], { cwd: dir });
    expect(resumed.code).toBe(0);
    expect(JSON.parse(resumed.stdout).runs[0].summary.n).toBe(examples);
  }, 60_000);
});
