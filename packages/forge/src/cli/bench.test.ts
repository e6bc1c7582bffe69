import type { ChildProcess } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BenchmarkRecord } from '../benchmark-record.ts';
import type { BenchmarkReport } from '../benchmark-report.ts';
import { type ForgeResult, forge } from '../testing/forge-process.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
let dir: string;
let port: number;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as { port: number }).port;
  await new Promise((resolve) => server.close(resolve));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const model = 'models/lab/lab-world-2m.gguf';
const file = () => `version: 1
name: small
dataset: { name: lab-world, split: arithmetic }
sample: 12
engine: { name: llama-cpp, model: ${model}, gpu: false }
sampling: { maxTokens: 40 }
metrics: [numeric-match]
methods:
  naive: { method: naive }
optimisations:
  baseline: { engine: { batch: 1, prefixCache: false } }
  batching: { engine: { batch: 4 } }
  response-cache: { engine: { batch: 1, prefixCache: false }, cache: true, rerun: true }
  server:
    server: lab
    engine: { name: openai-compatible, baseUrl: 'http://127.0.0.1:${port}/v1', model: lab, api: completions, concurrency: 4 }
servers:
  lab: { command: [forge, serve-model, ${model}, --port, '${port}', --batch, '4', --name, lab], ready: 'http://127.0.0.1:${port}/health' }
repetitions: 2
load: { optimisations: [batching], requests: 12, warmUp: 2, arrivals: [{ closed: 2 }, { poisson: 20 }] }
pricing: { computePerHour: 1 }
goal: { optimisation: server, speedUp: 4 }
`;

const run = (home: string, args: readonly string[], onStart?: (child: ChildProcess) => void): Promise<ForgeResult> =>
  forge(args, { cwd: root, env: { FORGE_HOME: join(dir, home) }, ...(onStart === undefined ? {} : { onStart }) });

type Shown = BenchmarkRecord & { report: BenchmarkReport };

describe('forge bench on the lab model', () => {
  it('is killed, goes on, and fills matrix, loads and report', { timeout: 240_000 }, async () => {
    const path = join(dir, 'small.yaml');
    await writeFile(path, file());
    const killed = await run('home', ['bench', path], (child) => {
      let said = '';
      child.stderr?.on('data', (part: string) => {
        said += part;
        if (said.includes('[4/8')) child.kill('SIGKILL');
      });
    });
    expect(killed.signal).toBe('SIGKILL');
    const resumed = await run('home', ['bench', '--resume', '--json']);
    expect(resumed.stderr).not.toContain('forge:');
    expect(resumed.stderr).not.toContain('[1/8');
    expect(resumed.code).toBe(0);
    const { report, id } = JSON.parse(resumed.stdout) as Shown;

    const cells = new Map(report.cells.map((cell) => [cell.optimisation, cell]));
    expect([...cells.keys()]).toEqual(['baseline', 'batching', 'response-cache', 'server']);
    for (const cell of cells.values()) {
      expect([cell.n, cell.failed, cell.runIds.length]).toEqual([12, 0, 2]);
      expect(cell.examplesPerSecond.value).toBeGreaterThan(0);
      expect(cell.costPerThousand).toBeGreaterThan(0);
    }
    // The same weights answer behind HTTP as in the process, whatever rounds differently.
    expect(cells.get('server')?.accuracy.value).toBeCloseTo(cells.get('batching')?.accuracy.value ?? 0, 0.9);
    expect(cells.get('baseline')?.cachedPromptShare).toBe(0);
    expect(cells.get('batching')?.cachedPromptShare).toBeGreaterThan(0);
    // A second pass is answered from the store, and its latencies are nobody's measurement.
    expect(cells.get('response-cache')?.responseHitRate).toBe(1);
    expect(cells.get('response-cache')?.latencyP50Ms).toBeNull();
    expect(cells.get('response-cache')?.equivalence?.flipRate.value).toBe(0);
    expect(report.load[0]?.points.map(({ repetitions, failed }) => [repetitions, failed])).toEqual([
      [2, 0],
      [2, 0],
    ]);
    expect(report.goal).toHaveLength(1);
    expect(report.recommendations.map(({ useCase }) => useCase)).toEqual(['interactive', 'batch', 'cheapest']);

    const folder = join(dir, 'home/benchmarks', id);
    expect(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'))).toMatchObject({ name: 'small' });
    expect(await readFile(join(folder, 'report.md'), 'utf8')).toContain('| naive |');

    const shown = await run('home', ['show', id]);
    expect(shown.stdout).toContain('response-cache');
    const listed = await run('home', ['benchmarks']);
    expect(listed.stdout).toContain('reported');
  });

  it('says what is wrong before anything runs', async () => {
    const path = join(dir, 'wrong.yaml');
    await writeFile(path, file().replace('server: lab\n', 'server: lib\n'));
    const { code, stderr } = await run('other', ['bench', path]);
    expect(code).toBe(2);
    expect(stderr).toContain('optimisations.server.server: unknown server "lib". Did you mean "lab"?');
    await expect(access(join(dir, 'other'))).rejects.toThrow();
  });
});
