import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
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
    const help = execFileSync(process.execPath, [join(root, 'packages/forge/src/cli/main.ts'), command, '--help'], {
      encoding: 'utf8',
    });
    for (const option of given.filter((one) => one.startsWith('--'))) expect(help).toContain(option);
  });
});

describe('deploy/Dockerfile', () => {
  const lines = read('deploy/Dockerfile')
    .split('\n')
    .filter((line) => !line.startsWith('#'));
  const [build = [], run = []] = lines
    .join('\n')
    .split(/^FROM /m)
    .slice(1)
    .map((stage) => stage.split('\n'));

  it('copies files that there are, and runs not as root', () => {
    for (const line of build.filter((one) => one.startsWith('COPY ') && !one.includes('COPY . .'))) {
      for (const source of line.split(' ').slice(1, -1)) expect(existsSync(join(root, source))).toBe(true);
    }
    expect(run.find((line) => line.startsWith('USER '))).toBe('USER node');
    expect(run.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
    const entry = JSON.parse(run.find((line) => line.startsWith('ENTRYPOINT '))?.slice('ENTRYPOINT '.length) ?? '[]');
    expect(existsSync(join(root, entry[1]))).toBe(true);
  });

  it('starts from a Node that runs the sources as they are', () => {
    for (const stage of [build, run]) expect(stage[0]).toMatch(/^node:22-/);
  });
});
