import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkLicences, isCompatible, workspaces } from './licences.ts';
import { productionTree, readLock } from './lock-tree.ts';

const lock = readLock(join(import.meta.dirname, '..'));

describe('licences', () => {
  it('of all that runs, and of all that the dashboard is built from, go with Apache-2.0', () => {
    const names = checkLicences(lock, workspaces).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['zod', 'node-llama-cpp', 'react', 'pg-protocol']));
    expect(names).not.toContain('vitest');
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['MIT AND GPL-3.0-only', false],
    ['(BSD-2-Clause OR MIT) AND Apache-2.0', true],
    ['GPL-3.0-only OR (MIT AND AGPL-3.0-only)', false],
    ['GPL-2.0-only WITH Classpath-exception-2.0', false],
    ['Apache-2.0 WITH LLVM-exception', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['(MIT', false],
    ['', false],
  ])('%s: %s', (expression, fits) => expect(isCompatible(expression)).toBe(fits));

  it('that are unknown, missing or no longer as they were looked at end the check, which names them', () => {
    const of = (entries: Record<string, string | undefined>) => ({
      '': { dependencies: Object.fromEntries(Object.keys(entries).map((name) => [name, '1.0.0'])) },
      ...Object.fromEntries(
        Object.entries(entries).map(([name, license]) => [
          `node_modules/${name}`,
          { version: '1.0.0', ...(license === undefined ? {} : { license }) },
        ]),
      ),
    });
    expect(() => checkLicences(of({ good: 'MIT', bad: 'AGPL-3.0-only', silent: undefined }), [''])).toThrow(
      'Apache-2.0: bad 1.0.0: AGPL-3.0-only; silent 1.0.0: states none. Take another package',
    );
    expect(() => checkLicences(of({ 'json-bignum': 'GPL-3.0-only' }), [''])).toThrow('json-bignum 1.0.0: GPL-3.0-only');
    expect(() => checkLicences(of({ 'caniuse-lite': undefined }), [''])).toThrow('caniuse-lite 1.0.0: states none');
  });
});

describe('the tree of a package', () => {
  const small = {
    'packages/a': {
      dependencies: { b: '1', c: '1' },
      optionalDependencies: { far: '1' },
      peerDependencies: { near: '1' },
    },
    'packages/a/node_modules/b': { version: '2', dependencies: { d: '1' } },
    'node_modules/b': { version: '1' },
    'node_modules/c': { version: '1', dependencies: { b: '1', c: '1' } },
    'node_modules/d': { version: '1' },
    'node_modules/near': { version: '1' },
    'node_modules/unused': { version: '1' },
  };

  it('is looked up as Node does: the nearest one, each once, none that is not needed', () => {
    expect(productionTree(small, 'packages/a')).toEqual([
      'node_modules/b',
      'node_modules/c',
      'node_modules/d',
      'node_modules/near',
      'packages/a/node_modules/b',
    ]);
  });

  it('names what the lock file lacks', () => {
    const { 'node_modules/d': _, ...without } = small;
    expect(() => productionTree(without, 'packages/a')).toThrow('has no d, which packages/a/node_modules/b needs');
  });
});
