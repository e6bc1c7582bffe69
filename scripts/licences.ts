/**
 * Lists the licences of all packages that LLM Forge needs to run, and of those that its dashboard is built from. Ends with 1 where one does
 * not go with Apache-2.0.
 *
 * npm run licences
 */
import { join } from 'node:path';
import satisfies from 'spdx-satisfies';
import { type Lock, nameOf, productionTree, readLock } from './lock-tree.ts';

/** Each asks for no more than its notice to be kept, as Apache-2.0 does. SPDX identifiers. */
const compatible = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
];

/** Looked at by hand: what else a package may state (undefined: nothing at all), and why that is in order. */
const looked: readonly { name: RegExp; states: string | undefined; why: string }[] = [
  {
    name: /^@img\/sharp-/,
    states: 'LGPL-3.0-or-later',
    why: 'libvips, a shared library that npm fetches from its makers: unchanged, no part of our package, replaceable',
  },
  {
    name: /^caniuse-lite$/,
    states: 'CC-BY-4.0',
    why: 'data that the build of the dashboard reads; no part of what it builds',
  },
  {
    name: /^(json-bignum|base-64)$/,
    states: undefined,
    why: 'package.json has no such field; the licence file is the MIT licence',
  },
  {
    name: /^flatbuffers$/,
    states: 'SEE LICENSE IN LICENSE.txt',
    why: 'version 1.12.0, which a dependency of LanceDB asks for; the file is Apache-2.0',
  },
];

/** Whether an SPDX expression leaves a way to use the package; `besides`: one more licence that is in order. False for what is no expression. */
export function isCompatible(expression: string, besides?: string): boolean {
  try {
    return satisfies(expression, [...compatible, ...(besides === undefined ? [] : [besides])]);
  } catch {
    return false;
  }
}

export interface Licence {
  readonly name: string;
  readonly version: string;
  readonly stated: string | undefined;
  /** Why it is in order; undefined where it is not. */
  readonly why: string | undefined;
}

function whyInOrder(name: string, stated: string | undefined): string | undefined {
  if (stated !== undefined && isCompatible(stated)) return 'compatible';
  return looked.find(
    ({ name: known, states }) =>
      known.test(name) &&
      (states === stated || (stated !== undefined && states !== undefined && isCompatible(stated, states))),
  )?.why;
}

/** Of each package that those in the folders `starts` need to run. Throws naming each that is not known to go with Apache-2.0. */
export function checkLicences(lock: Lock, starts: readonly string[]): Licence[] {
  const folders = new Set(starts.flatMap((start) => productionTree(lock, start)));
  const found = [...folders].map((folder) => {
    const { version = '', license: stated } = lock[folder] ?? {};
    const name = nameOf(folder);
    return { name, version, stated, why: whyInOrder(name, stated) };
  });
  const wrong = found.filter(({ why }) => why === undefined);
  if (wrong.length > 0) {
    const list = wrong.map(({ name, version, stated }) => `${name} ${version}: ${stated ?? 'states none'}`);
    throw new Error(
      `licences that are not known to go with Apache-2.0: ${list.join('; ')}. Take another package, or look at the licence and say in scripts/licences.ts why it is in order`,
    );
  }
  return found;
}

export const workspaces = ['packages/forge', 'packages/dashboard'];

if (import.meta.main) {
  const licences = checkLicences(readLock(join(import.meta.dirname, '..')), workspaces);
  const unique = new Map(licences.map((one) => [`${one.name} ${one.version}`, one]));
  const groups = Map.groupBy(unique.values(), ({ stated, why }) =>
    why === 'compatible' ? `${stated}` : `${stated ?? 'none stated'} (${why})`,
  );
  for (const [licence, members] of [...groups].sort(([, a], [, b]) => b.length - a.length)) {
    console.log(`${licence}: ${members.length}\n    ${members.map(({ name }) => name).join(', ')}`);
  }
  console.log(`\n${unique.size} packages, all in order`);
}
