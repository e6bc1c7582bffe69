/**
 * Carries out deploy/Dockerfile without Docker: each stage a folder, each COPY and RUN in order, then ENTRYPOINT and CMD as the user that it
 * names, and its health check until it succeeds. Then the smoke test. Minutes, and two installs from the registry.
 *
 * npm run drill:image       as root, or the last stage runs as whoever starts it
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { freePort } from '../packages/forge/src/testing/free-port.ts';
import { copyOf, execForm, type Stage, stagesOf } from './dockerfile.ts';
import { createProcesses, until } from './local-processes.ts';

const root = join(import.meta.dirname, '..');
const isRoot = process.getuid?.() === 0;
/** Users of the base image, by their ids there. */
const users: Readonly<Record<string, number>> = { node: 1000 };

/** A stage as it stands: its file system below `folder`. */
interface Image {
  readonly folder: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  readonly exec: Record<string, string[]>;
}

const temporary = mkdtempSync(join(tmpdir(), 'forge-image-'));
chmodSync(temporary, 0o755);

/** The build's context: what a clone has, without the folders that .dockerignore names (its patterns name what git ignores too). */
function makeContext(): string {
  const context = join(temporary, 'context');
  const left = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n');
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of listed.toString().split('\0')) {
    if (path === '' || !existsSync(join(root, path)) || left.some((one) => path.startsWith(`${one}/`))) continue;
    cpSync(join(root, path), join(context, path));
  }
  return context;
}

/** Absolute paths of a command are those of the stage, and its users those of the base image. */
function inStage(command: string, { folder }: Image): string {
  const placed = command.replace(/(^|\s)\/(?=\w)/g, `$1${folder}/`);
  return Object.entries(users).reduce((text, [name, id]) => text.replaceAll(`${name}:${name}`, `${id}:${id}`), placed);
}

function copy(value: string, image: Image, context: string, built: ReadonlyMap<string, Image>): void {
  const { from, chown, sources, target } = copyOf(value);
  const source = from === undefined ? context : (built.get(from)?.folder ?? '');
  const to = join(image.folder, resolve(image.workdir, target));
  for (const one of sources) {
    const path = join(source, one);
    const isFile = statSync(path).isFile();
    const place = isFile && (target.endsWith('/') || sources.length > 1) ? join(to, one.split('/').at(-1) ?? '') : to;
    mkdirSync(dirname(place), { recursive: true });
    cpSync(path, place, { recursive: true, verbatimSymlinks: true, force: true });
    if (chown !== undefined && isRoot) execFileSync('chown', ['-R', `${users[chown.split(':')[0] ?? '']}`, place]);
  }
}

function build(stage: Stage, context: string, built: ReadonlyMap<string, Image>): Image {
  const folder = join(temporary, `stage-${built.size}`);
  const base = built.get(stage.from);
  if (base === undefined) mkdirSync(folder);
  else cpSync(base.folder, folder, { recursive: true, verbatimSymlinks: true });
  const image: Image = {
    folder,
    workdir: base?.workdir ?? '/',
    env: { ...base?.env },
    user: base?.user ?? 'root',
    exec: {},
  };
  const carryOut: Readonly<Record<string, (value: string) => void>> = {
    WORKDIR(value) {
      image.workdir = resolve(image.workdir, value);
      mkdirSync(join(folder, image.workdir), { recursive: true });
    },
    COPY: (value) => copy(value, image, context, built),
    ENV: (value) => Object.assign(image.env, Object.fromEntries(value.split(' ').map((one) => one.split('=')))),
    USER(value) {
      image.user = value;
    },
    RUN(value) {
      const env = { ...process.env, ...image.env };
      const cwd = join(folder, image.workdir);
      execFileSync('/bin/sh', ['-c', inStage(value, image)], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
    },
    EXPOSE() {},
  };
  for (const { keyword, value } of stage.instructions) {
    console.log(`${stage.name || 'image'}: ${keyword} ${value.slice(0, 100)}`);
    if (['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].includes(keyword)) image.exec[keyword] = execForm(value);
    else if (carryOut[keyword] === undefined) throw new Error(`${keyword}: this drill does not know it`);
    else carryOut[keyword](value);
  }
  return image;
}

async function run(image: Image): Promise<void> {
  const port = await freePort();
  const id = users[image.user];
  if (id === undefined) throw new Error(`USER ${image.user}: not a user of the base image that this drill knows`);
  const env: NodeJS.ProcessEnv = {
    NODE_ENV: 'production',
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    PORT: String(port),
    ...image.env,
    FORGE_HOME: join(image.folder, image.env.FORGE_HOME ?? ''),
  };
  const asUser = isRoot ? { uid: id, gid: id } : {};
  const cwd = join(image.folder, image.workdir);
  const processes = createProcesses({ cwd, env, ...asUser });
  const [program = '', ...entry] = image.exec.ENTRYPOINT ?? [];
  const [checkProgram = '', ...check] = image.exec.HEALTHCHECK ?? [];
  const serve = () => processes.start(program, [...entry, ...(image.exec.CMD ?? [])]);
  try {
    const [refused] = (await once(serve(), 'exit')) as [number | null];
    if (refused !== 2) throw new Error(`without an admin token the container ended with ${refused}, not with 2`);
    const create = [...entry, 'token', 'create', '--name', 'drill', '--role', 'admin', '--json'];
    const made = JSON.parse(execFileSync(program, create, { cwd, env, encoding: 'utf8', ...asUser }));
    serve();
    const healthy = async () => {
      const [code] = await once(processes.start(checkProgram, check), 'exit');
      return code === 0 ? true : undefined;
    };
    await until('the health check succeeds', healthy);
    // What a worker would do: the packages of the image are enough for it.
    const experiment = [...entry, 'run', 'experiments/quickstart.yaml', '--sample', '4'];
    execFileSync(program, experiment, { cwd, env, stdio: 'inherit', ...asUser });
    const smoke = [join(root, 'scripts/smoke.ts'), `http://127.0.0.1:${port}`];
    execFileSync(process.execPath, smoke, { env: { ...process.env, FORGE_TOKEN: made.token }, stdio: 'inherit' });
    const codes = await processes.stop();
    if (codes.some((code) => code !== 0)) throw new Error(`after SIGTERM the exit code is ${codes}`);
  } finally {
    processes.kill();
  }
}

try {
  const context = makeContext();
  const built = new Map<string, Image>();
  let last: Image | undefined;
  for (const stage of stagesOf(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8'))) {
    last = build(stage, context, built);
    built.set(stage.name, last);
  }
  if (last === undefined) throw new Error('deploy/Dockerfile has no stage');
  const size = execFileSync('du', ['-sm', last.folder], { encoding: 'utf8' }).split('\t')[0];
  await run(last);
  console.log(
    `\ndeploy/Dockerfile: every stage built; as user ${isRoot ? last.user : process.getuid?.()} it serves, is healthy, passes the smoke test and ends in order (${size} MB)`,
  );
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
