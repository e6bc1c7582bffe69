import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentYaml, writeRows } from '../testing/api-contract.ts';
import { forge } from '../testing/forge-process.ts';
import { type ForgeServer, startForgeServer } from '../testing/forge-server.ts';
import { startOtlpReceiver } from '../testing/otlp-receiver.ts';

let dir: string;
let other: string;
const examples = 40;
const secret = 'sk-very-secret-0123456789';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-operations-'));
  other = await mkdtemp(join(tmpdir(), 'forge-operations-other-'));
  await writeRows(dir, examples);
  await writeFile(join(dir, 'quick.yaml'), experimentYaml('quick'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await rm(other, { recursive: true, force: true });
});

const run = (args: readonly string[], cwd = dir, env: Record<string, string> = {}) => forge(args, { cwd, env });
const objects = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a run, observed', () => {
  it('logs JSON lines and sends its traces to a receiver, without texts and secrets', async () => {
    const receiver = await startOtlpReceiver();
    try {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}` };
      const result = await run(['run', 'quick.yaml', '--json', '--log-format', 'json'], dir, env);
      expect(result.code, result.stderr).toBe(0);
      const { experiment, runs } = JSON.parse(result.stdout);
      const lines = result.stderr.trim().split('\n');
      expect(objects(result.stderr)).toHaveLength(lines.length);
      expect(objects(result.stderr).map(({ message }) => message)).toEqual(
        expect.arrayContaining(['run started', 'run finished']),
      );
      expect(objects(result.stderr)[0]).toMatchObject({ level: 'info', time: expect.stringMatching(/^20.*Z$/) });
      expect(result.stderr).not.toContain(secret);

      const spans = receiver.spans();
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
      expect(roots.map(({ name }) => name).sort()).toEqual(
        runs.map(({ run: { variant } }: { run: { variant: string } }) => `run ${variant}`).sort(),
      );
      for (const root of roots) {
        const own = spans.filter(({ traceId }) => traceId === root.traceId);
        const ofExamples = own.filter(({ parentSpanId }) => parentSpanId === root.spanId);
        expect(ofExamples).toHaveLength(examples);
        const calls = own.filter((span) => span !== root && !ofExamples.includes(span));
        expect(calls).toHaveLength(examples);
        const parents = new Set(ofExamples.map(({ spanId }) => spanId));
        expect(calls.every(({ parentSpanId }) => parents.has(parentSpanId ?? ''))).toBe(true);
        for (const one of ofExamples) {
          expect(BigInt(one.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(one.endTimeUnixNano));
          expect(BigInt(one.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root.endTimeUnixNano));
        }
        expect(JSON.stringify(root.attributes)).toContain(`"intValue":"${examples}"`);
      }
      expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
      expect(JSON.stringify(spans)).not.toContain('gen_ai.input.messages');
      expect(receiver.requests[0]?.headers.authorization).toBe(secret);
      expect(experiment.id).toMatch(/^[0-9a-f-]{36}$/);
    } finally {
      await receiver.close();
    }
  });

  it('goes on where the receiver is away', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '200' };
    const result = await run(['run', 'quick.yaml', '--sample', '2'], dir, env);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toMatch(/spans of traces were lost/);
  });
});

describe('forge backup, restore, export, import, prune', () => {
  it('move what is there into another home', async () => {
    expect((await run(['backup', 'one.backup'])).stdout).toMatch(/written and verified: one\.backup: [\d,]+ rows/);
    expect((await run(['backup', '--verify', 'one.backup'])).stdout).toMatch(/one\.backup is whole/);
    expect((await run(['backup', 'one.backup'])).stderr).toMatch(/is there already/);
    const file = join(dir, 'one.backup');
    const restored = await run(['restore', file, '--json'], other);
    expect(restored.code, restored.stderr).toBe(0);
    expect((await run(['list'], other)).stdout).toContain('quick');
    const refused = await run(['restore', file], other);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/is not empty.*--replace/)]);
    expect((await run(['restore', file, '--replace'], other)).code).toBe(0);
    const plan = await run(['prune', '--older-than', '0h', '--calls', '--json'], other);
    expect(JSON.parse(plan.stdout)).toMatchObject({ removed: false });
    const calls = JSON.parse(plan.stdout).calls;
    expect(calls).toBeGreaterThanOrEqual(2 * examples);
    const pruned = await run(['prune', '--older-than', '0h', '--calls', '--yes', '--json'], other);
    expect(JSON.parse(pruned.stdout)).toMatchObject({ removed: true, calls });
    expect((await run(['prune', '--older-than', '90', '--calls'], other)).stderr).toMatch(/--older-than 90: give a/);
    expect((await run(['prune', '--older-than', '90d'], other)).stderr).toMatch(/say what may go/);
  });
});

describe('a server that holds the database', () => {
  let server: ForgeServer;
  let stderr = '';
  beforeAll(async () => {
    server = await startForgeServer({
      cwd: dir,
      args: ['--port', '0', '--log-format', 'json'],
      env: { SOME_API_KEY: secret },
    });
    server.child.stderr?.on('data', (text: string) => {
      stderr += text;
    });
  });
  afterAll(async () => {
    await server?.stop();
  });

  it('is backed up while it works, and tells who would restore into it to stop it first', async () => {
    const written = await run(['backup', 'served.backup', '--json']);
    expect(written.code, written.stderr).toBe(0);
    const { tables } = JSON.parse(written.stdout) as { tables: { table: string; rows: number }[] };
    expect(tables.find(({ table }) => table === 'results')?.rows).toBeGreaterThanOrEqual(2 * examples);
    expect(existsSync(join(dir, '.forge', 'database.copy'))).toBe(false);
    expect((await fetch(`${server.url}/api/experiments`)).status).toBe(200);
    const refused = await run(['restore', 'served.backup', '--replace']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/a server uses it .*stop it first/)]);
    const list = (await (await fetch(`${server.url}/api/experiments`)).json()) as { items: { id: string }[] };
    const id = list.items[0]?.id ?? '';
    expect((await run(['export', id, '--all', 'one.forge'])).stdout).toMatch(/written and verified/);
    expect((await run(['import', 'one.forge'])).stdout).toMatch(/all of it was here already/);
    const token = await fetch(`${server.url}/api/store/database/query`, { method: 'POST', body: '{}' });
    expect(token.status).toBe(403);
  });

  it('counts its requests and runs for Prometheus', async () => {
    const started = await fetch(`${server.url}/api/experiments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: experimentYaml('counted'), start: true }),
    });
    const { id } = (await started.json()) as { id: string };
    const state = async () =>
      ((await (await fetch(`${server.url}/api/experiments/${id}`)).json()) as { state: string }).state;
    await expect.poll(state, { timeout: 60_000 }).toBe('finished');
    await fetch(`${server.url}/api/experiments/facets?text=hidden`);
    await fetch(`${server.url}/api/no/such/path`);
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const value = (line: string) =>
      Number(
        text
          .split('\n')
          .find((one) => one.startsWith(`${line} `))
          ?.slice(line.length + 1) ?? Number.NaN,
      );
    expect(value('forge_examples_total{outcome="answered"}')).toBe(2 * examples);
    expect(value('forge_engine_calls_total{source="engine"}') + value('forge_engine_calls_total{source="cache"}')).toBe(
      2 * examples,
    );
    expect(value('forge_queue_length')).toBe(0);
    expect(value('forge_examples_stored')).toBeGreaterThanOrEqual(4 * examples);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(5e7);
    const series = 'forge_http_request_duration_seconds_count';
    expect(value(`${series}{method="GET",route="/api/experiments/facets",status="200"}`)).toBe(1);
    expect(value(`${series}{method="GET",route="/api/experiments/:id",status="200"}`)).toBeGreaterThan(0);
    expect(value(`${series}{method="GET",route="other",status="404"}`)).toBe(1);
    // Every line is one of the format.
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\]|\\.)*",?)+\})? (-?[\d.e+-]+|[+-]Inf|NaN))$/);
  });

  it('logs a line for each request, with its id and without its query', async () => {
    const response = await fetch(`${server.url}/api/experiments?text=${secret}`, {
      headers: { 'x-request-id': 'my-request.7' },
    });
    expect(response.headers.get('x-request-id')).toBe('my-request.7');
    const made = await fetch(`${server.url}/api/health`, { headers: { 'x-request-id': 'not a plain one!' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    await expect.poll(() => stderr).toContain('my-request.7');
    const line = objects(stderr).find(({ requestId }) => requestId === 'my-request.7');
    expect(line).toMatchObject({
      level: 'info',
      message: 'request',
      method: 'GET',
      path: '/api/experiments',
      status: 200,
      durationMs: expect.any(Number),
    });
    expect(objects(stderr).map(({ message }) => message)).toContain('run finished');
    expect(stderr).not.toContain(secret);
  });
});

describe('forge doctor', () => {
  it('says what is well and what is not', async () => {
    const well = await run(['doctor', '--json'], other);
    const { checks, ok } = JSON.parse(well.stdout) as { ok: boolean; checks: { name: string; status: string }[] };
    const status = Object.fromEntries(checks.map((check) => [check.name, check.status]));
    expect(status).toMatchObject({
      node: 'ok',
      database: 'ok',
      'database writes': 'ok',
      models: 'ok',
      onnxruntime: 'ok',
    });
    expect([well.code, ok]).toEqual([0, true]);
    const away = { DATABASE_URL: `postgres://user:${secret}@127.0.0.1:9/none` };
    const ill = await run(['doctor'], other, away);
    expect(ill.code).toBe(1);
    expect(ill.stdout).toMatch(/FAIL {2}database +.*127\.0\.0\.1:9\/none: cannot be reached/);
    expect(ill.stdout).toMatch(/-> look at DATABASE_URL/);
    expect(ill.stdout + ill.stderr).not.toContain(secret);
  });
});
