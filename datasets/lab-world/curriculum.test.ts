import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../packages/forge/src/trainers/native/encode-rows.ts';
import type { TextRow } from '../../packages/forge/src/training-set.ts';
import { definition as textJsonLines } from '../../packages/forge/src/training-sets/text-json-lines.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const wanted = 150_000;

describe('curriculum.ts', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-curriculum-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const write = (name: string, seed: string) =>
    promisify(execFile)(process.execPath, [here('curriculum.ts'), join(dir, name), String(wanted), seed]);
  const digest = async (name: string) =>
    createHash('sha256')
      .update(await readFile(join(dir, name)))
      .digest('hex');

  it('writes rows that text-json-lines reads, each stream with its share of the tokens of each phase', async () => {
    await write('a.jsonl', '1');
    const surroundings = { baseDir: dir, cacheDir: dir, env: {}, now: Date.now, notify: () => {} };
    const set = await textJsonLines.create(textJsonLines.options.parse({ path: 'a.jsonl' }), surroundings);
    const rows = (await Array.fromAsync(set.rows())) as TextRow[];
    expect(set.leftOut()).toEqual({});
    const { encode } = await openTokenizer(here('../../models/lab'), 'models/lab');
    const lengths = rows.map(({ segments }) => segments.reduce((sum, { text }) => sum + encode(text).length, 1));
    const total = lengths.reduce((a, b) => a + b, 0);
    expect(Math.abs(total / wanted - 1)).toBeLessThan(0.05);
    const mix = JSON.parse(await readFile(here('../../models/lab/mix.json'), 'utf8')) as {
      until: number;
      shares: Record<string, number>;
    }[];
    let done = 0;
    const byPhase = mix.map(() => new Map<string, number>());
    rows.forEach(({ id }, i) => {
      const tokens = byPhase[mix.findIndex(({ until }) => done / total < until)] as Map<string, number>;
      const stream = id.replace(/-\d+$/, '');
      tokens.set(stream, (tokens.get(stream) ?? 0) + (lengths[i] as number));
      done += lengths[i] as number;
    });
    for (const [phase, { shares }] of mix.entries()) {
      const ofPhase = byPhase[phase] as Map<string, number>;
      const all = [...ofPhase.values()].reduce((a, b) => a + b, 0);
      const shareSum = Object.values(shares).reduce((a, b) => a + b, 0);
      for (const [stream, share] of Object.entries(shares).filter(([, one]) => one >= 10))
        expect(Math.abs((ofPhase.get(stream) ?? 0) / all - share / shareSum)).toBeLessThan(0.06);
    }
    // A direct answer counts twice, a chain once.
    const direct = rows.find(({ id }) => id.startsWith('arithmetic-naive'))?.segments.at(-1);
    expect(direct).toMatchObject({ weight: 2, stop: true });
    expect(rows.find(({ id }) => id.startsWith('arithmetic-cot'))?.segments.at(-1)).toMatchObject({ weight: 1 });
  });

  it('asks no held-out question, and is the same for the same seed', async () => {
    await Promise.all([write('b.jsonl', '1'), write('c.jsonl', '2')]);
    expect(await digest('b.jsonl')).toBe(await digest('a.jsonl'));
    expect(await digest('c.jsonl')).not.toBe(await digest('a.jsonl'));
    const text = await readFile(join(dir, 'a.jsonl'), 'utf8');
    const asked = new Set([...text.matchAll(/Question: (.*?)\\n/g)].map((match) => match[1]));
    expect(asked.size).toBeGreaterThan(100);
    for (const name of ['arithmetic', 'reading', 'known-facts', 'multi-hop', 'calculator']) {
      const lines = (await readFile(here(`${name}.test.jsonl`), 'utf8')).trim().split('\n');
      for (const line of lines) expect(asked.has(JSON.parse(line).question)).toBe(false);
    }
  });
});
