// Plain JavaScript with no dependency: the first thing that runs after a clone, on whatever Node >= 20 is there.
// Installs the pinned packages (the right Node among them) when node_modules is missing or older than the lock file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(`LLM Forge needs Node 20 or newer to set itself up; this is ${process.version}.`);
  process.exit(1);
}

const stampFile = join(root, 'node_modules', '.forge-setup');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
const installed = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';

if (installed !== wanted) {
  console.log('Installing the pinned packages (about a minute, once) ...');
  // Not `npm ci`: it refuses where the registry lacks an optional package of another platform. The lock file is obeyed and not rewritten.
  const result = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      // Prebuilt binaries come inside registry packages: no compiler, no download from elsewhere.
      NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true',
      ONNXRUNTIME_NODE_INSTALL: 'skip',
    },
  });
  if (result.status !== 0) {
    console.error(
      'npm install failed (see above). Check the network to the package registry, then run the command again.',
    );
    process.exit(result.status ?? 1);
  }
  writeFileSync(stampFile, wanted);
}
