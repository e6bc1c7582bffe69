import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { accessRules } from '../packages/forge/src/api/access-rules.ts';
import { freePort } from '../packages/forge/src/testing/free-port.ts';
import { copyOf, execForm, stagesOf } from './dockerfile.ts';
import { createProcesses, until } from './local-processes.ts';
import { railwayCommand } from './railway-command.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'packages/forge/src/cli/main.ts');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: readonly string[];
  ports?: readonly string[];
  volumes?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  depends_on?: Readonly<Record<string, { condition: string }>>;
  healthcheck?: { test?: readonly string[]; disable?: boolean };
  deploy?: { replicas: number };
}
interface Compose {
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
}

const files = ['deploy/compose.yaml', 'deploy/qdrant.yaml'] as const;
const composeOf = (file: string) => parse(read(file), { merge: true }) as Compose;

describe.each(files)('%s', (file) => {
  const { services, volumes } = composeOf(file);

  it.each(Object.entries(services))('%s is pinned, reached from this machine alone, and keeps its data', (_, one) => {
    if (one.build === undefined) expect(one.image).toMatch(/:v?\d/);
    else expect(existsSync(join(root, 'deploy', one.build.context, one.build.dockerfile))).toBe(true);
    for (const port of one.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    for (const volume of one.volumes ?? []) expect(Object.keys(volumes)).toContain(volume.split(':')[0]);
    for (const other of Object.keys(one.depends_on ?? {})) {
      expect(services[other]?.healthcheck?.test).toBeDefined();
    }
  });
});

describe('deploy/compose.yaml', () => {
  const { services } = composeOf('deploy/compose.yaml');

  it('brings up database, server and two workers', () => {
    expect(Object.keys(services)).toEqual(['database', 'server', 'worker']);
    expect(services.worker?.deploy?.replicas).toBe(2);
    for (const name of ['server', 'worker']) {
      expect(services[name]?.environment?.DATABASE_URL).toMatch(
        /^postgres:\/\/forge:\$\{POSTGRES_PASSWORD:\?[^}]+\}@database/,
      );
    }
  });

  it.each(['server', 'worker'])('gives %s options that forge has', (name) => {
    const [command = '', ...given] = services[name]?.command ?? [];
    const help = execFileSync(process.execPath, [main, command, '--help'], { encoding: 'utf8' });
    for (const option of given.filter((one) => one.startsWith('--'))) expect(help).toContain(option);
  });
});

describe('deploy/Dockerfile', () => {
  const stages = stagesOf(read('deploy/Dockerfile'));
  const run = stages.at(-1)?.instructions ?? [];
  const named = (keyword: string) => run.filter((one) => one.keyword === keyword).map(({ value }) => value);

  it('copies files that there are, from stages that there are', () => {
    for (const [i, { instructions }] of stages.entries()) {
      for (const { keyword, value } of instructions) {
        if (keyword !== 'COPY') continue;
        const { from, sources } = copyOf(value);
        if (from === undefined) expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
        else expect(stages.slice(0, i).map(({ name }) => name)).toContain(from);
      }
    }
  });

  it('starts from a Node that runs the sources as they are', () => {
    const images = stages.map(({ from }) => from).filter((from) => stages.every(({ name }) => name !== from));
    expect(images.length).toBeGreaterThan(0);
    for (const image of images) expect(image).toMatch(/^node:22-/);
  });

  it('runs not as root, with a health check, from a file that there is', () => {
    const [user, entry] = ['USER', 'ENTRYPOINT'].map((keyword) => run.findIndex((one) => one.keyword === keyword));
    expect(named('USER')).toEqual(['node']);
    expect(user).toBeLessThan(entry ?? -1);
    expect(named('HEALTHCHECK')).toHaveLength(1);
    expect(existsSync(join(root, execForm(named('ENTRYPOINT')[0] ?? '[]')[1] ?? ''))).toBe(true);
  });

  it('has no VOLUME: Railway builds no image with one', () => {
    expect(stages.flatMap(({ instructions }) => instructions).filter(({ keyword }) => keyword === 'VOLUME')).toEqual(
      [],
    );
  });
});

const railway = ['server', 'worker', 'demo'] as const;
interface RailwayFile {
  build: Readonly<Record<string, string>>;
  deploy: { startCommand: string; healthcheckPath?: string } & Readonly<Record<string, string | number>>;
}
const railwayFile = (name: string) => JSON.parse(read(`deploy/railway/${name}.json`)) as RailwayFile;
describe.each(railway)('deploy/railway/%s.json', (name) => {
  const { build, deploy } = railwayFile(name);

  it('says what the reference knows, in its types', () => {
    // https://docs.railway.com/config-as-code/reference; numbers must be numbers: its parser refuses "30".
    expect(Object.keys(railwayFile(name)).sort()).toEqual(['$schema', 'build', 'deploy']);
    expect(build).toEqual({ builder: 'DOCKERFILE', dockerfilePath: 'deploy/Dockerfile' });
    const { startCommand, healthcheckPath, restartPolicyType, ...numbers } = deploy;
    expect(['ON_FAILURE', 'ALWAYS', 'NEVER']).toContain(restartPolicyType);
    const known = ['healthcheckTimeout', 'restartPolicyMaxRetries', 'drainingSeconds'];
    for (const [key, value] of Object.entries(numbers))
      expect([known.includes(key), typeof value]).toEqual([true, 'number']);
    if (healthcheckPath !== undefined)
      expect(accessRules[`GET ${healthcheckPath.slice('/api'.length)}`]?.role).toBe('anyone');
    expect(startCommand).toContain('node packages/forge/src/cli/main.ts ');
  });

  it('gives options that forge has', () => {
    const [, command = '', ...given] = /main\.ts (\w+)(.*?)"?$/.exec(deploy.startCommand) ?? [];
    const help = execFileSync(process.execPath, [main, command, '--help'], { encoding: 'utf8' });
    for (const option of given.join(' ').match(/--[\w-]+/g) ?? []) expect(help).toContain(option);
  });
});

describe('a hosted server', () => {
  it('listens at PORT under the names that it has there, and the health check of the image says so', async () => {
    const home = mkdtempSync(join(tmpdir(), 'forge-hosted-'));
    const port = await freePort();
    const env = {
      PORT: String(port),
      FORGE_HOME: home,
      RAILWAY_PUBLIC_DOMAIN: 'forge.up.railway.app',
      FORGE_ALLOW_HOST: 'dashboard.example lab.example',
    };
    const path = `${dirname(process.execPath)}:${process.env.PATH}`;
    const processes = createProcesses({ cwd: root, env: { ...process.env, ...env, PATH: path } });
    const check = stagesOf(read('deploy/Dockerfile'))
      .at(-1)
      ?.instructions.find((one) => one.keyword === 'HEALTHCHECK');
    const [, ...checkArgs] = execForm(check?.value ?? '[]');
    const healthy = () =>
      promisify(execFile)(process.execPath, checkArgs, { env: { ...process.env, ...env } }).then(
        () => 0,
        ({ code }) => code as number,
      );
    const status = (host: string) =>
      new Promise((resolve, reject) => {
        const asked = request({
          host: '127.0.0.1',
          port,
          path: railwayFile('demo').deploy.healthcheckPath,
          headers: { host },
        });
        asked
          .on('response', ({ statusCode }) => resolve(statusCode))
          .on('error', reject)
          .end();
      });
    try {
      expect(await healthy()).toBe(1);
      const [program = '', ...args] = railwayCommand(read('deploy/railway/demo.json'));
      processes.start(program, args);
      await until('it answers', async () => ((await healthy()) === 0 ? true : undefined));
      const names = [
        'healthcheck.railway.app',
        'forge.up.railway.app',
        'dashboard.example',
        'lab.example',
        'evil.example',
      ];
      expect(await Promise.all(names.map(status))).toEqual([200, 200, 200, 200, 403]);
      expect(await processes.stop()).toEqual([0]);
    } finally {
      processes.kill();
      rmSync(home, { recursive: true, force: true });
    }
  });
});
