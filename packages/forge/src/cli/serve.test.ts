import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRemote, type RemoteStore } from '../stores/remote.ts';
import { experimentYaml, writeRows } from '../testing/api-contract.ts';
import { exampleTraining, trainingStart, trainStep } from '../testing/example-trainings.ts';
import { forge } from '../testing/forge-process.ts';
import { type ForgeServer, startForgeServer } from '../testing/forge-server.ts';

let dir: string;
const examples = 300;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-serve-'));
  await writeRows(dir, examples);
  await writeFile(join(dir, 'quick.yaml'), experimentYaml('quick'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function detail(server: ForgeServer, id: string) {
  const response = await fetch(`${server.url}/api/experiments/${id}`);
  return (await response.json()) as {
    state: string;
    runs: { status: string; done: number; summary: { calls: number; n: number } }[];
  };
}

const post = (server: ForgeServer, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/api${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('forge serve', () => {
  it('goes on after kill -9 in the middle of a run: nothing is lost, nothing done twice', async () => {
    let server = await startForgeServer({ cwd: dir });
    const created = await post(server, '/experiments', { source: experimentYaml('killed', '', 20), start: true });
    const { id } = (await created.json()) as { id: string };
    const done = async () => (await detail(server, id)).runs[0]?.done ?? 0;
    for (const least of [5, 60]) {
      await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(least);
      const before = await done();
      await server.stop('SIGKILL');
      server = await startForgeServer({ cwd: dir });
      expect(await done()).toBeGreaterThanOrEqual(before);
    }
    await expect.poll(async () => (await detail(server, id)).state, { timeout: 60_000 }).toBe('finished');
    expect((await detail(server, id)).runs.map((run) => [run.summary.n, run.summary.calls])).toEqual([
      [examples, examples],
      [examples, examples],
    ]);
    expect(await server.stop()).toBe(0);
  }, 180_000);

  it('lends the database to the commands, and shows what they run', async () => {
    const server = await startForgeServer({ cwd: dir });
    try {
      expect((await stat(join(dir, '.forge', 'server.json'))).mode & 0o777).toBe(0o600);
      const run = await forge(['run', 'quick.yaml', '--json'], { cwd: dir });
      expect(run.stderr).not.toContain('in use');
      expect(run.code).toBe(0);
      const { experiment } = JSON.parse(run.stdout) as { experiment: { id: string } };
      expect(await detail(server, experiment.id)).toMatchObject({ state: 'finished', runs: [{ done: examples }, {}] });
      expect((await forge(['show', experiment.id], { cwd: dir })).stdout).toContain('blind');
      expect((await forge(['export', experiment.id, '--format', 'csv'], { cwd: dir })).stdout.split('\n')).toHaveLength(
        2 * examples + 2,
      );
      const second = await forge(['serve'], { cwd: dir });
      expect(second.stdout).toContain(`running already: ${server.url}`);
      expect(second.code).toBe(0);
    } finally {
      await server.stop();
    }
    expect((await forge(['list'], { cwd: dir })).stdout).toContain('quick');
  }, 120_000);

  it('shows a training of another process, and that it stopped where its server was killed', async () => {
    let server = await startForgeServer({ cwd: dir });
    const lent = JSON.parse(await readFile(join(dir, '.forge', 'server.json'), 'utf8')) as RemoteStore;
    const store = openRemote(lent);
    const { training, runs } = await store.createTraining(exampleTraining('lent'));
    const [run] = runs;
    await store.startTrainingRun(run?.id ?? '', { folder: dir, provenance: null, startedAt: 1 });
    await store.addTrainEvents(run?.id ?? '', [trainingStart(50), trainStep(1)]);
    const shown = async () => (await fetch(`${server.url}/api/trainings/${training.id}`)).json();
    expect(await shown()).toMatchObject({ state: 'running', runs: [{ step: 1, totalSteps: 50 }, {}, {}, {}] });
    await server.stop('SIGKILL');
    server = await startForgeServer({ cwd: dir });
    expect(await shown()).toMatchObject({
      state: 'cancelled',
      runs: [{ status: 'cancelled', step: 1, error: expect.stringContaining('interrupted') }, {}, {}, {}],
    });
    await server.stop();
  }, 120_000);

  it('runs a file first, once, and prints what was found', async () => {
    await writeFile(join(dir, 'first.yaml'), experimentYaml('first'));
    for (const _ of [1, 2]) {
      const server = await startForgeServer({ cwd: dir, args: ['--port', '0', '--run', 'first.yaml'] });
      try {
        await expect.poll(() => server.output(), { timeout: 30_000 }).toContain('blind is worse than plain');
        const listed = await fetch(`${server.url}/api/experiments?text=first`);
        expect(((await listed.json()) as { items: unknown[] }).items).toHaveLength(1);
      } finally {
        await server.stop();
      }
    }
  }, 120_000);

  it.each([
    [[], false, /command: "touch" is not started.*--allow-programs/],
    [['--allow-programs'], true, /command: "touch" cannot be used/],
  ])(
    'with %j starts a program that an experiment names: %s',
    async (args, started, error) => {
      const marker = join(dir, `marker-${started}`);
      const source = JSON.stringify({
        version: 1,
        name: 'program',
        dataset: { name: 'lab-world', split: 'calculator' },
        sample: 1,
        engine: 'scripted',
        metrics: ['exact-match'],
        method: { name: 'react', tools: [{ name: 'mcp', command: 'touch', args: [marker] }] },
      });
      const server = await startForgeServer({ cwd: dir, args: ['--port', '0', ...args] });
      try {
        const answer = await post(server, '/experiments', { source });
        if (!started) {
          expect(answer.status).toBe(400);
          expect(((await answer.json()) as { detail: string }).detail).toMatch(error);
          expect(await stat(marker).catch(() => undefined)).toBeUndefined();
          return;
        }
        const created = (await answer.json()) as { id: string };
        await post(server, `/experiments/${created.id}/start`, {});
        await expect
          .poll(async () => (await detail(server, created.id)).runs[0]?.status, { timeout: 30_000 })
          .toBe('failed');
        expect(JSON.stringify(await detail(server, created.id)).replaceAll('\\', '')).toMatch(error);
        expect(
          await stat(marker).then(
            () => true,
            () => false,
          ),
        ).toBe(started);
      } finally {
        await server.stop();
      }
    },
    60_000,
  );

  it('answers no page of another site, and runs no script but its own', async () => {
    const server = await startForgeServer({ cwd: dir });
    try {
      const foreign = await post(server, '/experiments', { source: '' }, { origin: 'https://example.com' });
      expect(foreign.status).toBe(403);
      const port = new URL(server.url).port;
      const { request } = await import('node:http');
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const asked = request(
          { host: '127.0.0.1', port, path: '/api/health', headers: { host: `evil.test:${port}` } },
          (r) => resolve(r.statusCode),
        );
        asked.on('error', reject).end();
      });
      expect(status).toBe(403);
      const page = await fetch(`${server.url}/`);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self' 'sha256-/);
      expect(page.headers.get('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
      expect((await fetch(`${server.url}/docs/`)).status).toBe(200);
      expect((await fetch(`${server.url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
      expect((await fetch(`${server.url}/../../package.json`)).status).toBe(404);
      expect((await fetch(`${server.url}/%2e%2e/%2e%2e/package.json`)).status).toBe(404);
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('says in one line what is wrong with its options', async () => {
    const taken = await startForgeServer({ cwd: dir });
    try {
      const { port } = new URL(taken.url);
      const other = await forge(['serve', '--port', port], { cwd: dir, env: { FORGE_HOME: 'other' } });
      expect(other.code).toBe(2);
      expect(other.stderr).toContain(`--port ${port}: in use`);
    } finally {
      await taken.stop();
    }
    expect((await forge(['serve', '--port', 'many'], { cwd: dir })).stderr).toContain('whole number');
  }, 60_000);
});
