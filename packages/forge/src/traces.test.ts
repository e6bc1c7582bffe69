import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentSteps } from './lib/agent-trace.ts';
import { type OtlpSpan, plainAttributes } from './lib/otlp-json.ts';
import type { ExampleResult } from './run.ts';
import { forge } from './testing/forge-process.ts';
import { root } from './testing/lab-encoders.ts';
import { startOtlpReceiver } from './testing/otlp-receiver.ts';

let dir: string;
let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
let experimentId: string;
const secret = 'sk-planted-secret-123';

const dataset = { name: 'lab-world', split: 'calculator' };
const metrics = ['exact-match', 'tool-efficiency', { name: 'trajectory', maxErrors: 1 }];

// The latest observation first: the first that the prompt contains decides what the model says next.
const turns = [
  ['expected string', 'Answer: 42'],
  ['write either', '\nAction: calculator {"expression": 7}'],
  ['there is no tool', '\nI do not know.'],
  ['error: ', '\nAction: wipe[disk]'],
  ['Question:', 'Thought: hm.\nAction: calculator[1 / 0]'],
];
const source = {
  version: 1,
  name: 'stumbling',
  dataset,
  sample: 6,
  engine: { name: 'scripted', responses: turns.map(([match, text]) => ({ match, text })) },
  metrics,
  variants: { agent: { method: { name: 'react', tools: ['calculator'] } }, naive: { method: 'naive' } },
};

const options = (env: Record<string, string> = {}) => ({ cwd: root, env: { FORGE_HOME: join(dir, 'home'), ...env } });

async function run(name: string, experiment: object): Promise<string> {
  const file = join(dir, `${name}.yaml`);
  await writeFile(file, JSON.stringify({ ...experiment, name }));
  const { code, stdout, stderr } = await forge(['run', file, '--json'], options());
  expect(stderr).not.toContain('forge:');
  expect(code).toBe(0);
  return (JSON.parse(stdout) as { experiment: { id: string } }).experiment.id;
}

async function rowsOf(id: string): Promise<(ExampleResult & { variant: string })[]> {
  const { stdout } = await forge(['export', id], options());
  const lines = stdout.trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'result');
}

const trace = (...args: string[]) => forge(['trace', 'export', experimentId, ...args], options());
const attributesOf = (span: OtlpSpan | undefined) => plainAttributes(span?.attributes);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-traces-'));
  receiver = await startOtlpReceiver();
  experimentId = await run('stumbling', source);
}, 60_000);
beforeEach(() => receiver.reset());
afterAll(async () => {
  await receiver.close();
  await rm(dir, { recursive: true, force: true });
});

describe('forge trace export', () => {
  it('sends every example as a trace, with headers from the environment, and no key is shown', async () => {
    receiver.faults.answers = [{ status: 503, headers: { 'retry-after': '0' }, body: `busy, ${secret}` }];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: `x-key=Bearer%20${secret}` };
    const { code, stdout, stderr } = await forge(['trace', 'export', experimentId], options(env));
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain(secret);
    expect(receiver.requests.map(({ status }) => status)).toEqual([503, 200, 200]);
    expect(receiver.requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: { 'x-key': `Bearer ${secret}`, 'content-encoding': 'gzip' },
    });
    const spans = receiver.spans();
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots).toHaveLength(12);
    expect(new Set(spans.map(({ traceId, spanId }) => traceId + spanId)).size).toBe(spans.length);
    expect(stderr).toContain(`12 traces, ${spans.length} spans to ${receiver.url}/v1/traces`);
    for (const span of spans) {
      const parent = roots.find(({ traceId }) => traceId === span.traceId) as OtlpSpan;
      expect(BigInt(span.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(parent.startTimeUnixNano));
      expect(BigInt(span.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(parent.endTimeUnixNano));
    }
    const errors = spans.filter(({ status }) => status.code === 2).map((span) => attributesOf(span)['error.type']);
    expect(new Set(errors)).toEqual(new Set(['failed', 'unknown-tool', 'bad-arguments']));
  });

  it('says what was rejected, and what a receiver refuses, without its key', async () => {
    receiver.faults.rejectedSpans = 3;
    receiver.faults.rejectedBecause = 'too many attributes';
    const partly = await trace('--to', receiver.url, '--variant', 'naive');
    expect(partly).toMatchObject({ code: 0 });
    expect(partly.stderr).toContain('rejected 3 spans: too many attributes');
    receiver.faults.answers = [{ status: 401, body: `the key ${secret} is unknown` }];
    const env = { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Basic ${secret}` };
    const refused = await forge(['trace', 'export', experimentId, '--to', receiver.url], options(env));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('does not take traces: it answered 401 the key [secret] is unknown');
    expect(refused.stderr).not.toContain(secret);
  });

  it('goes on after a broken connection, and tells where no receiver is named', async () => {
    receiver.faults.breaks = 1;
    expect(await trace('--to', receiver.url, '--limit', '2')).toMatchObject({ code: 0 });
    expect(receiver.spans().filter(({ parentSpanId }) => parentSpanId === undefined)).toHaveLength(4);
    expect(await trace()).toMatchObject({ code: 2, stderr: expect.stringContaining('--to http://localhost:4318') });
    expect((await trace('--to', 'localhost')).stderr).toContain('not an http or https address');
    expect((await trace('--to', `http://user:${secret}@localhost`)).stderr).not.toContain(secret);
    expect((await trace('--file', join(dir, 'x'), '--variant', 'rag')).stderr).toContain('which has: agent, naive');
  });

  it('writes the same file twice, and without contents on request', async () => {
    const [first, second, bare] = ['first', 'second', 'bare'].map((name) => join(dir, `${name}.jsonl`)) as [
      string,
      string,
      string,
    ];
    expect(await trace('--file', first)).toMatchObject({ code: 0 });
    expect(await trace('--file', second)).toMatchObject({ code: 0 });
    expect((await readFile(second)).equals(await readFile(first))).toBe(true);
    expect(await trace('--file', bare, '--no-content')).toMatchObject({ code: 0 });
    const [full, without] = [await readFile(first, 'utf8'), await readFile(bare, 'utf8')];
    const texts = ['1 / 0', 'messages', 'call.arguments', 'call.result', 'wipe', 'there is no tool'];
    expect(texts.filter((text) => full.includes(text))).toEqual(texts);
    expect(texts.filter((text) => without.includes(text))).toEqual([]);
    expect(without.includes('gen_ai.usage.input_tokens')).toBe(true);
    expect((await trace('--file', join(dir, 'no/such/x.jsonl'))).stderr).toContain('ENOENT');
  });
});

describe('recorded-traces', () => {
  it('gives the same answers, tool calls and scores as the run whose traces it reads', async () => {
    const file = join(dir, 'round-trip.jsonl');
    await trace('--file', file);
    await writeFile(`${file}.gz`, gzipSync(await readFile(file)));
    const recorded = (agent: string, path = file) => ({
      method: { name: 'recorded-traces', path, agent, match: 'id' },
    });
    const id = await run('replayed', {
      ...source,
      engine: { name: 'scripted' },
      variants: { agent: recorded('agent'), naive: recorded('naive', `${file}.gz`) },
    });
    const facts = (rows: Awaited<ReturnType<typeof rowsOf>>) =>
      rows.map(({ variant, exampleId, answer, scores, steps, failure }) => ({
        variant,
        exampleId,
        answer,
        scores,
        failure,
        // A method that is no agent has no steps of one.
        steps:
          variant === 'agent'
            ? agentSteps(steps).map(({ kind, text, turn, thought, tool, error, arguments: given, promptTokens }) => ({
                ...{ kind, text, turn, thought, tool, error, given, promptTokens },
              }))
            : [],
      }));
    const [before, after] = [facts(await rowsOf(experimentId)), facts(await rowsOf(id))];
    expect(after).toEqual(before);
    expect(before.flatMap(({ steps }) => steps).filter(({ tool }) => tool === 'calculator').length).toBeGreaterThan(5);
  });

  it('tells an example without a trace what was looked for', async () => {
    const file = join(dir, 'few.jsonl');
    await trace('--file', file, '--variant', 'agent', '--limit', '2');
    const id = await run('few', {
      ...source,
      variants: { replayed: { method: { name: 'recorded-traces', path: file } } },
    });
    const rows = await rowsOf(id);
    const failures = rows.flatMap(({ failure }) => failure ?? []);
    expect(failures).toHaveLength(4);
    expect(failures[0]).toMatchObject({ kind: 'method-error', message: expect.stringContaining('last user message') });
  });
});
