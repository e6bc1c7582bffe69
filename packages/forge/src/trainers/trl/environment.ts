import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Surroundings } from '../../definition.ts';
import { ConfigError } from '../../errors.ts';
import { contentHash } from '../../lib/canonical-json.ts';
import { endWithParent } from '../../lib/end-with-parent.ts';
import { redact } from '../../lib/redact.ts';
import { oneLine } from '../../lib/untrusted-text.ts';
import { requirementsFile } from './send-job.ts';
import { trainingVariables } from './training-process.ts';

/** What makes the environment: uv, or Python's own venv and pip. */
export type EnvironmentKind = 'uv' | 'venv';

const tailLines = 12;
const windows = process.platform === 'win32';
const interpreterIn = (folder: string) =>
  windows ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

const exists = (file: string, mode = constants.F_OK) =>
  access(file, mode).then(
    () => true,
    () => false,
  );

async function onPath(program: string, env: Surroundings['env']): Promise<boolean> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const files = folders.map((folder) => join(folder, windows ? `${program}.exe` : program));
  return (await Promise.all(files.map((file) => exists(file, constants.X_OK)))).includes(true);
}

/** Runs a program of the installation; its lines go to `tell`. Rejects with what it said last. */
async function runStep(
  command: string,
  args: readonly string[],
  env: Surroundings['env'],
  tell: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const child: ChildProcess = spawn(command, [...args], {
    env: trainingVariables(env) as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line);
      if (said.length > tailLines) said.shift();
      tell(line);
    });
  }
  const closed = once(child, 'close');
  if (child.pid !== undefined) {
    const release = endWithParent(child.pid);
    closed.then(release, release);
  }
  const [code] = await closed;
  if (code !== 0) throw new Error(said.join(' | ') || `exit code ${code}`);
}

/** Words of pip and uv about what they are at; others may hold addresses. */
const progressLine = /^\s*(Collecting|Downloading|Installing|Prepared|Installed)\b/;

/** Credentials that an index address may have. */
function secretsOf(env: Surroundings['env']): string[] {
  const addresses = Object.entries(env).filter(([name]) => /^(PIP|UV)_|_PROXY$/i.test(name));
  return addresses.flatMap(([, value = '']) =>
    [...value.matchAll(/:\/\/([^/@\s]+)@/g)].map(([, found]) => found ?? ''),
  );
}

async function install(
  kind: EnvironmentKind,
  folder: string,
  requirements: string,
  s: Surroundings,
  signal?: AbortSignal,
) {
  const tell = (line: string) => {
    if (progressLine.test(line))
      s.notify({ level: 'progress', message: `environment of the trainer trl: ${oneLine(line, 120)}` });
  };
  const python = interpreterIn(folder);
  if (kind === 'uv') {
    await runStep('uv', ['venv', '--quiet', '--python', '>=3.11', folder], s.env, tell, signal);
    await runStep('uv', ['pip', 'install', '--python', python, '-r', requirements], s.env, tell, signal);
    return;
  }
  const base = (await onPath('python3', s.env)) ? 'python3' : 'python';
  const check =
    'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python " + sys.version + ": 3.11 or newer is needed")';
  await runStep(base, ['-c', check], s.env, tell, signal);
  await runStep(base, ['-m', 'venv', folder], s.env, tell, signal);
  const quiet = ['--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  await runStep(python, ['-m', 'pip', 'install', ...quiet, '-r', requirements], s.env, tell, signal);
}

/**
 * The interpreter of an environment below cacheDir that has what a requirements file lists, exactly; made where there is none
 * yet, which takes minutes and the network. Throws ConfigError saying what to do; where the signal ends it, its reason.
 */
export async function managedPython(
  kind: EnvironmentKind | undefined,
  name: 'requirements.txt' | 'requirements-4bit.txt',
  s: Surroundings,
  signal?: AbortSignal,
): Promise<string> {
  const chosen = kind ?? ((await onPath('uv', s.env)) ? 'uv' : 'venv');
  const [base, own] = await Promise.all(
    [requirementsFile('requirements.txt'), requirementsFile(name)].map((file) => readFile(file, 'utf8')),
  );
  const parent = join(s.cacheDir, 'trl-environments');
  const folder = join(parent, contentHash({ chosen, base, own }).slice(0, 16));
  if (await exists(join(folder, 'complete'))) return interpreterIn(folder);
  await mkdir(parent, { recursive: true });
  const partial = `${folder}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  s.notify({
    level: 'info',
    message: `The trainer trl gets a Python environment of its own (${chosen}), once: ${folder}`,
  });
  try {
    await install(chosen, partial, requirementsFile(name), s, signal);
    await writeFile(join(partial, 'complete'), '');
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw cannotInstall(chosen, error, s);
  }
  return interpreterIn(folder);
}

function cannotInstall(kind: EnvironmentKind, error: unknown, s: Surroundings): ConfigError {
  const needed = kind === 'uv' ? 'uv' : 'python3, 3.11 or newer, with its modules venv and pip';
  if ((error as NodeJS.ErrnoException).code === 'ENOENT')
    return new ConfigError(
      `environment: ${kind} needs ${needed}, and there is none on PATH; install it, or give python: the path of an interpreter that has packages/forge/src/trainers/trl/requirements.txt`,
    );
  const said = redact(oneLine(String((error as Error).message), 800), secretsOf(s.env));
  return new ConfigError(
    `environment: the packages of the trainer trl could not be installed with ${kind} (${said}); look at the network or at PIP_INDEX_URL, or give python: the path of an interpreter that has packages/forge/src/trainers/trl/requirements.txt`,
  );
}
