import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root } from '../lib/installation.ts';
import { forge as start } from '../testing/forge-process.ts';
import { exampleFiles, schemaFiles } from './init-command.ts';

let dir: string;
const forge = (...args: string[]) => start(args, { cwd: dir });
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-init-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('writes examples that are in order where they are, and keeps what is there', async () => {
  const count = exampleFiles.length + schemaFiles.length;
  expect((await forge('init')).stdout).toMatch(
    new RegExp(`^written to .+: ${count} files, 24\\.\\d MB\n\nnext:\nnpx forge run`),
  );
  const files = (await readdir(join(dir, 'experiments'))).filter((name) => name.endsWith('.yaml'));
  const checked = await forge('validate', ...files.map((name) => `experiments/${name}`));
  expect([checked.code, checked.stderr]).toEqual([0, '']);

  const schema = /\$schema=(\S+)/.exec(await readFile(join(dir, 'experiments/quickstart.yaml'), 'utf8'))?.[1] ?? '';
  expect((await stat(join(dir, 'experiments', schema))).isFile()).toBe(true);

  await writeFile(join(dir, 'experiments/quickstart.yaml'), 'mine');
  expect((await forge('init')).stdout).toContain(`: 0 files, 0.0 MB; ${count} that were there are kept`);
  expect(await readFile(join(dir, 'experiments/quickstart.yaml'), 'utf8')).toBe('mine');
});

it('makes a new folder, and says where nothing can be written', async () => {
  const made = await forge('init', 'new/laboratory');
  expect(made.stdout).toContain('cd new/laboratory\n');
  expect((await stat(join(dir, 'new/laboratory/models/lab/lab-world-2m.gguf'))).size).toBeGreaterThan(1e6);

  await writeFile(join(dir, 'file'), '');
  const refused = await forge('init', 'file');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/file\/experiments: cannot be made \(ENOTDIR\); give another folder/);
});

it('names every experiment that runs without a network', async () => {
  const all = (await readdir(join(root, 'experiments'))).filter((name) => name.endsWith('.yaml'));
  const left = all.filter((name) => !exampleFiles.includes(`experiments/${name}`));
  // These need data sets or models of the hub.
  expect(left.sort()).toEqual(['dpo-mistral-7b.yaml', 'gsm8k.yaml', 'squad.yaml']);
});
