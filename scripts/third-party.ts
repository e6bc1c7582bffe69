import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lock, nameOf, productionTree } from './lock-tree.ts';

const licenceFile = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** The texts that a package brings, e.g. LICENSE and NOTICE. */
const textsOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => licenceFile.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim());

/**
 * Whose code is part of the built dashboard, each with its licence texts, which it asks to be kept. More than is really in it: also what
 * builds it. Packages of one platform only are programs that build, and left out.
 */
export function thirdPartyNotices(root: string, lock: Lock): string {
  const byText = new Map<string, string[]>();
  for (const folder of productionTree(lock, 'packages/dashboard')) {
    if (lock[folder]?.optional) continue;
    const { version, license = 'licence not stated' } = lock[folder] ?? {};
    const text = textsOf(join(root, folder)).join('\n\n') || `Licence: ${license}`;
    byText.set(text, [...(byText.get(text) ?? []), `${nameOf(folder)} ${version} (${license})`]);
  }
  const parts = [...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  const title = 'The files of packages/dashboard/out hold code of these packages, under these licences.\n';
  return [title, ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}
