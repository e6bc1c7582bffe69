import type { ChildProcess } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
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

/** experiments/bench-lab.yaml with two methods, few examples and short loads. */
async function smallFile(change: (text: string) => string = (text) => text): Promise<string> {
  const { methods, optimisations, ...whole } = parse(await readFile(join(root, 'experiments/bench-lab.yaml'), 'utf8'));
  const { naive, agent } = methods;
  const { batching: _, 'prefix-cache': __, ...kept } = optimisations;
  const small = {
    ...whole,
    name: 'small',
    methods: { naive, agent },
    optimisations: kept,
    sample: 6,
    repetitions: 1,
    load: {
      ...whole.load,
      optimisations: ['server'],
      method: 'naive',
      requests: 12,
      warmUp: 2,
      repetitions: 2,
      arrivals: [{ closed: 2 }, { poisson: 20 }],
    },
  };
  const file = join(dir, 'small.yaml');
  await writeFile(file, change(stringify(small).replaceAll('8731', String(port))));
  return file;
}

const run = (home: string, args: readonly string[], onStart?: (child: ChildProcess) => void): Promise<ForgeResult> =>
  forge(args, { cwd: root, env: { FORGE_HOME: join(dir, home) }, ...(onStart === undefined ? {} : { onStart }) });

type Shown = BenchmarkRecord & { report: BenchmarkReport };

describe('forge bench on the lab model', () => {
  it('is killed, goes on, and fills matrix, loads and report', { timeout: 240_000 }, async () => {
    const path = await smallFile();
    const killed = await run('home', ['bench', path], (child) => {
      let said = '';
      child.stderr?.on('data', (part: string) => {
        said += part;
        if (said.includes('[4/10')) child.kill('SIGKILL');
      });
    });
    expect(killed.signal).toBe('SIGKILL');
    const resumed = await run('home', ['bench', '--resume', '--json', '--log-format', 'json']);
    const entries = resumed.stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    expect(entries.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['benchmark stage: matrix', 'cell started', 'run finished', 'load measured']),
    );
    expect(resumed.stderr).not.toContain('forge:');
    // What was measured is not measured again.
    expect(entries.filter(({ message, index }) => message === 'cell started' && index === 0)).toEqual([]);
    expect(resumed.code).toBe(0);
    const { report, id } = JSON.parse(resumed.stdout) as Shown;

    const names = ['baseline', 'quantisation', 'response-cache', 'server', 'batching + prefix-cache'];
    expect(report.cells.map(({ method, optimisation }) => [method, optimisation])).toEqual(
      ['naive', 'agent'].flatMap((method) => names.map((name) => [method, name])),
    );
    for (const cell of report.cells) {
      expect([cell.n, cell.failed, cell.runIds.length]).toEqual([6, 0, 1]);
      expect(cell.examplesPerSecond.value).toBeGreaterThan(0);
      expect(cell.costPerThousand).toBeGreaterThan(0);
    }
    const agents = new Map(report.cells.slice(names.length).map((cell) => [cell.optimisation, cell]));
    expect(agents.get('baseline')?.cachedPromptShare).toBe(0);
    // An agent's later steps go on from its earlier ones, in the process as behind HTTP.
    for (const name of ['batching + prefix-cache', 'server'])
      expect(agents.get(name)?.cachedPromptShare).toBeGreaterThan(0.3);
    // The server's own memory is the cell's.
    expect(agents.get('server')?.peakMemoryBytes).toBeGreaterThan(50e6);
    // A second pass is answered from the store, and its latencies are nobody's measurement.
    expect(agents.get('response-cache')?.responseHitRate).toBe(1);
    expect(agents.get('response-cache')?.latencyP50Ms).toBeNull();
    expect(agents.get('response-cache')?.equivalence?.flipRate.value).toBe(0);
    expect(report.load[0]?.points.map(({ repetitions, failed }) => [repetitions, failed])).toEqual([
      [2, 0],
      [2, 0],
    ]);
    expect(report.goal.map(({ method, target }) => [method, target])).toEqual([
      ['naive', 4],
      ['agent', 4],
    ]);
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
    const path = await smallFile((text) => text.replace('server: lab\n', 'server: lib\n'));
    const { code, stderr } = await run('other', ['bench', path]);
    expect(code).toBe(2);
    expect(stderr).toContain('optimisations.server.server: unknown server "lib". Did you mean "lab"?');
    await expect(access(join(dir, 'other'))).rejects.toThrow();
  });
});
