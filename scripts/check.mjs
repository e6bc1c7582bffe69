// All static checks, one after another; the first that fails ends the run with its own output.
import { spawnSync } from 'node:child_process';

const checks = [
  ['formatting and lint', 'biome', ['check', '.']],
  ['types', 'tsc', ['--noEmit', '-p', '.']],
  ['types of the dashboard', 'tsc', ['--noEmit', '-p', 'packages/dashboard']],
  ['import rules', 'depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'datasets', 'benchmarks']],
  ['unused files, exports, packages', 'knip', []],
];

for (const [title, command, args] of checks) {
  const started = Date.now();
  const result = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (result.status !== 0) {
    console.error(`check failed: ${title} (${command} ${args.join(' ')})`);
    process.exit(result.status ?? 1);
  }
  console.log(`ok  ${title}  ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
