import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { isTooOld, neededNode } from '../packages/forge/src/cli/needed-node.ts';
import { forgeVersion } from '../packages/forge/src/lib/installation.ts';
import { packageManifest, plainJavaScript } from './package-contents.ts';
import { overBudget } from './package-size.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const manifests = [JSON.parse(read('package.json')), JSON.parse(read('packages/forge/package.json'))] as const;

it('types become blanks, and paths to .ts, of imports, threads and processes, paths to .js', async () => {
  const source = `import type { A } from './a.ts';
import { z, type B } from "../b/c.ts";
const entry = new URL('./child.ts', import.meta.url);
const lazy = (name: string): Promise<unknown> => import('./lazy.ts');
const text = 'tools/mine.ts and notes.ts' as const;
export class Kept extends Error { readonly code: number = 1 }
`;
  const built = plainJavaScript(source);
  expect(built).not.toContain('./a.');
  for (const path of [`"../b/c.js"`, `'./child.js'`, `import('./lazy.js')`, `'tools/mine.ts and notes.ts'`])
    expect(built).toContain(path);
  const lines = (text: string) => text.split('\n').map((line) => line.indexOf('= '));
  expect(built.split('\n')).toHaveLength(source.split('\n').length);
  expect(lines(built)).toEqual(lines(source));

  const folder = mkdtempSync(join(tmpdir(), 'forge-built-'));
  try {
    writeFileSync(join(folder, 'kept.mjs'), built.split('\n').slice(5).join('\n'));
    const { Kept } = await import(pathToFileURL(join(folder, 'kept.mjs')).href);
    expect(new Kept().code).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('the package pins what it needs, and is called and started as the documentation says', () => {
  const manifest = packageManifest(...manifests, 'c0ffee');
  expect(manifest).toMatchObject({
    name: 'llm-forge',
    version: forgeVersion,
    license: 'Apache-2.0',
    gitHead: 'c0ffee',
  });
  const main = 'packages/forge/src/cli/main.js';
  expect(manifest.bin).toEqual({ 'llm-forge': main, forge: main });
  expect(Object.keys(manifest)).not.toContain('private');
  for (const version of Object.values(manifest.dependencies as Record<string, string>)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
});

it('one Node is asked for by package and program', () => {
  expect(manifests[1].engines).toEqual({ node: `>=${neededNode}` });
  expect(['v20.19.5', 'v22.17.1', '22.18.0', 'v22.23.3', 'v24.0.0'].map(isTooOld)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

it('the version stands in one place, and first in the changelog', () => {
  for (const path of ['packages/forge/package.json', 'packages/dashboard/package.json'])
    expect(JSON.parse(read(path)).version).toBeUndefined();
  const [, newest] = /^## \[(\d+\.\d+\.\d+)\]/m.exec(read('CHANGELOG.md')) ?? [];
  expect(newest).toBe(forgeVersion);
});

it('what is too large is named with what it may be', () => {
  expect(overBudget({ packed: 25.9e6, unpacked: 34.4e6, files: 940 })).toEqual([]);
  expect(overBudget({ packed: 27e6, unpacked: 30e6, files: 941 })).toEqual([
    'packed: 27.0 MB, may be 26.0 MB',
    'files: 941, may be 940',
  ]);
});
