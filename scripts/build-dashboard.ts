// Builds the dashboard's static files where its sources have changed since the last build.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'packages', 'dashboard');
const stamp = join(folder, 'out', 'built-from.txt');

/** Everything that the built files depend on. */
function sources(): string[] {
  const below = ['app', 'components', 'lib', 'public'].flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const settings = ['next.config.ts', 'postcss.config.mjs', 'package.json'].map((name) => join(folder, name));
  return [...below, ...settings, join(root, 'package-lock.json')].sort();
}

const hash = createHash('sha256');
for (const file of sources()) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
const wanted = hash.digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.log('Building the dashboard (some seconds, once) ...');
  const next = join(root, 'node_modules', 'next', 'dist', 'bin', 'next');
  const result = spawnSync(process.execPath, [next, 'build'], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    console.error(`${result.stdout}${result.stderr}\nThe dashboard could not be built (see above).`);
    process.exit(result.status ?? 1);
  }
  writeFileSync(stamp, wanted);
}
