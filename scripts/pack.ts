/**
 * Builds the npm package llm-forge: build/llm-forge-<version>.tgz, and beside it what it is made of (CycloneDX). Ends with 1 where it is
 * larger than it may be, or needs a package whose licence does not go with Apache-2.0. Asks the registry which packages are needed.
 *
 * npm run pack
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLicences } from './licences.ts';
import { readLock } from './lock-tree.ts';
import { packageManifest, writeContents } from './package-contents.ts';
import { overBudget } from './package-size.ts';
import { thirdPartyNotices } from './third-party.ts';

const root = join(import.meta.dirname, '..');
const build = join(root, 'build', 'package');
const contents = join(build, 'contents');
/** npm calls what an SBOM is about by the name of its folder. */
const bill = join(build, 'llm-forge');

const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const run = (program: string, args: readonly string[], cwd = root) =>
  execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 2 ** 20,
    shell: process.platform === 'win32',
  });

/** With `+changes` where files differ from it, as in a clone. */
function revision(): string {
  const commit = run('git', ['rev-parse', 'HEAD']).trim();
  return run('git', ['status', '--porcelain', '--untracked-files=no']) === '' ? commit : `${commit}+changes`;
}

/** Writes the packages that an installation brings, at the versions that are tested here wherever npm would take them. */
function writeBill(manifest: object, file: string): void {
  mkdirSync(bill, { recursive: true });
  const { '': _, ...locked } = readLock(root);
  const packages = Object.entries(locked).filter(([folder, { link }]) => folder.startsWith('node_modules/') && !link);
  const lock = { lockfileVersion: 3, packages: Object.fromEntries(packages) };
  writeFileSync(join(bill, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(bill, 'package-lock.json'), JSON.stringify(lock));
  cpSync(join(root, '.npmrc'), join(bill, '.npmrc'));
  run('npm', ['install', '--package-lock-only', '--ignore-scripts', '--loglevel=error'], bill);
  const { length } = checkLicences(readLock(bill), ['']);
  const args = ['--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
  writeFileSync(file, run('npm', ['sbom', ...args], bill));
  console.log(`licences of ${length} packages are in order`);
}

rmSync(build, { recursive: true, force: true });
run(process.execPath, ['scripts/build-dashboard.ts']);
run(process.execPath, ['scripts/docs-site.ts']);
writeContents(root, contents);
writeFileSync(join(contents, 'THIRD-PARTY-LICENCES.txt'), thirdPartyNotices(root, readLock(root)));
const manifest = packageManifest(read('package.json'), read('packages/forge/package.json'), revision());
writeFileSync(join(contents, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

const sbom = join(build, `llm-forge-${manifest.version}.cdx.json`);
writeBill(manifest, sbom);
const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', build], contents));
const { filename, size, unpackedSize, entryCount } = packed;
const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
console.log(`${join(build, filename)}: ${mb(size)} MB, unpacked ${mb(unpackedSize)} MB in ${entryCount} files`);
console.log(`${sbom}: what it needs`);

const over = overBudget({ packed: size, unpacked: unpackedSize, files: entryCount });
if (over.length > 0) {
  console.error(`over budget: ${over.join('; ')}. Leave something out, or raise the budget in scripts/package-size.ts`);
  process.exitCode = 1;
}
