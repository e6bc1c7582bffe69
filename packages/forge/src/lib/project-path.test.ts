import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from './project-path.ts';

let top: string;
let baseDir: string;
const limits = { folders: [] as string[], privateHosts: [], secrets: [] };

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'forge-path-'));
  baseDir = join(top, 'project');
  await mkdir(join(baseDir, 'data', 'deep'), { recursive: true });
  await mkdir(join(baseDir, '.forge', 'database'), { recursive: true });
  await mkdir(join(top, 'project-beside'));
  await mkdir(join(top, 'opened'));
  for (const file of [
    'project/.env',
    'project/rows.jsonl',
    'project/data/a.csv',
    'secret',
    'project-beside/x',
    'opened/y',
  ])
    await writeFile(join(top, file), 'x');
  await symlink('..', join(baseDir, 'data', 'up'));
  await symlink(top, join(baseDir, 'out'));
  await symlink(join(top, 'secret'), join(baseDir, 'data', 'secret.csv'));
  await symlink('.env', join(baseDir, 'plain.txt'));
  await symlink('rows.jsonl', join(baseDir, 'again.jsonl'));
  await symlink('loop', join(baseDir, 'loop'));
});
afterAll(() => rm(top, { recursive: true, force: true }));

const asked = (path: string, folders: string[] = []) =>
  projectPath(path, 'path', { baseDir, limits: { ...limits, folders } });

describe('projectPath', () => {
  it.each([
    'rows.jsonl',
    './data/../rows.jsonl',
    'data/a.csv',
    'again.jsonl',
    'data/up/rows.jsonl',
    'data/missing.csv',
    'missing/also.csv',
    // Dots go first, as the path is then opened: not by the link.
    'data/up/../../secret',
    '',
  ])('reads %j', async (path) => {
    expect(await asked(path)).toBe(join(baseDir, path));
  });

  it.each([
    ['..'],
    ['../secret'],
    ['data/../../secret'],
    ['/etc/passwd'],
    ['../project-beside/x'],
    ['data/secret.csv'],
    ['out/secret'],
    ['out/project/.env'],
    ['.env'],
    ['plain.txt'],
    ['.forge/database'],
    ['out/missing'],
    ['loop'],
    ['rows.jsonl\0.png'],
    ['data/up/.env'],
  ])('refuses %j', async (path) => {
    await expect(asked(path)).rejects.toThrow(/^path: .*(came over the API|NUL)/);
  });

  it('reads an opened folder, hidden itself or not, but nothing hidden in it', async () => {
    expect(await asked('../opened/y', [join(top, 'opened')])).toBe(join(top, 'opened', 'y'));
    expect(await asked('.forge/database/x', [join(baseDir, '.forge', 'database')])).toContain('database');
    await expect(asked('.forge/x', [join(baseDir, '.forge', 'database')])).rejects.toThrow(/came over the API/);
  });

  it('lets the user of this machine name any path', async () => {
    expect(await projectPath('../secret', 'path', { baseDir })).toBe(join(top, 'secret'));
  });

  it('accepts no path whose real place is outside or hidden, whatever it is made of', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'data',
      'up',
      'out',
      'project',
      'secret',
      '.env',
      'rows.jsonl',
      'deep',
      'x',
      'plain.txt',
      '...',
    );
    const paths = fc
      .tuple(fc.constantFrom('', '/', './', `${'../'.repeat(30)}`), fc.array(part, { maxLength: 7 }))
      .map(([start, parts]) => start + parts.join('/'));
    const root = await realpath(baseDir);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const full = await asked(path).catch(() => undefined);
        const real = full && (await realpath(full).catch(() => undefined));
        if (real === undefined || real === '') return;
        accepted++;
        expect(`${real}/`.startsWith(`${root}/`)).toBe(true);
        expect(real.slice(root.length)).not.toMatch(/\/\./);
      }),
      { numRuns: 1500, interruptAfterTimeLimit: 8000 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
