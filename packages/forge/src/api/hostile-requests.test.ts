import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { experimentYaml, writeRows } from '../testing/api-contract.ts';
import { type ForgeServer, startForgeServer } from '../testing/forge-server.ts';

/** `forge serve` as its users start it, with its own database; every answer to anything is one of a server that knew what it got. */
describe('hostile requests', () => {
  let dir: string;
  let server: ForgeServer;
  let experimentId: string;
  let runId: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-hostile-api-'));
    await writeRows(dir);
    server = await startForgeServer({ cwd: dir, env: { PLANTED_SECRET: 'planted-secret-value' } });
    const created = await send('POST', '/experiments', { source: experimentYaml('target'), start: true });
    const experiment = (await created.json()) as { id: string; runs: { id: string }[] };
    experimentId = experiment.id;
    runId = experiment.runs[0]?.id ?? '';
    for (let tries = 0; ; tries++) {
      const state = (await (await send('GET', `/experiments/${experimentId}`)).json()) as {
        runs: readonly { status: string }[];
      };
      if (state.runs.every(({ status }) => status === 'finished')) break;
      if (tries === 100) throw new Error(`the experiment does not end: ${JSON.stringify(state.runs)}`);
      await sleep(1000);
    }
  });
  afterAll(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const send = (method: string, path: string, body?: unknown) =>
    fetch(`${server.url}/api${path}`, {
      method,
      signal: AbortSignal.timeout(60_000),
      ...(body === undefined
        ? {}
        : {
            body: typeof body === 'string' ? body : JSON.stringify(body),
            headers: { 'content-type': 'application/json' },
          }),
    });

  /** The status, where it is not a server's mistake. */
  async function answered(method: string, path: string, body?: unknown): Promise<number> {
    const response = await send(method, path, body);
    const text = await response.text();
    expect([method, path.slice(0, 300), response.status, text.slice(0, 300)]).toEqual([
      method,
      path.slice(0, 300),
      expect.toSatisfy((status: number) => status < 500, 'under 500'),
      expect.any(String),
    ]);
    expect(text).not.toContain('planted-secret-value');
    return response.status;
  }

  const sql = [
    "'",
    "' OR 1=1 --",
    "'; DROP TABLE experiments; --",
    '%',
    '_',
    '\\',
    '%_\\',
    '$1',
    '{}',
    '[]',
    '"',
    '$$',
    '\0',
    '\ud800',
    '\u{1f600}',
    '*/',
    '1e999',
    '-1',
    '9999999999999999999',
    'NaN',
    '0x10',
    '__proto__',
    'constructor',
    '../..',
    '<script>',
  ];
  const odd = fc.oneof(
    fc.constantFrom(...sql),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ maxLength: 30 }),
    fc.integer().map(String),
    fc.base64String({ maxLength: 40 }),
  );
  /** As a browser would send it; half a character goes as the replacement one. */
  const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

  it('every parameter of every GET in the OpenAPI document takes anything without a 500', async () => {
    const { paths } = (await (await send('GET', '/openapi.json')).json()) as {
      paths: Record<string, { get?: { parameters?: { name: string; in: string }[] } }>;
    };
    const gets = Object.entries(paths).filter(([path, { get }]) => get !== undefined && !path.endsWith('/events'));
    expect(gets.length).toBeGreaterThan(12);
    const ids = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('EXPERIMENT', 'RUN') }, odd);
    const request = fc.constantFrom(...gets).chain(([path, { get }]) => {
      const query = (get?.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
      return fc.record({
        path: fc.constant(path),
        places: fc.array(ids, { minLength: 2, maxLength: 2 }),
        query: fc.array(
          fc.tuple(query.length === 0 ? odd : fc.constantFrom(...query, '__proto__', 'constructor'), odd),
          { maxLength: 4 },
        ),
      });
    });
    const real = (text: string) => (text === 'EXPERIMENT' ? experimentId : text === 'RUN' ? runId : text);
    let good = 0;
    await fc.assert(
      fc.asyncProperty(request, async ({ path, places, query }) => {
        let i = 0;
        const filled = path.replace(/\{[^}]+\}/g, () => encoded(real(places[i++] ?? 'x')) || 'x');
        const asked = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
        if ((await answered('GET', `${filled}?${asked}`)) === 200) good++;
      }),
      { numRuns: 400, interruptAfterTimeLimit: 20_000 },
    );
    expect(good).toBeGreaterThan(5);
  }, 180_000);

  it('filters and sort keys of lists take texts of SQL as texts', async () => {
    for (const text of sql) {
      const value = encoded(text);
      for (const path of [
        ...['text', 'method', 'engine', 'model', 'dataset', 'after', 'sort', 'status', 'limit'].map(
          (key) => `/experiments?${key}=${value}`,
        ),
        ...['text', 'tool', 'metric', 'sort', 'offset', 'outcome', 'toolError'].map(
          (key) => `/runs/${runId}/results?${key}=${value}`,
        ),
        `/runs/${runId}/results/${value || 'x'}`,
        `/compare?runs=${runId},${value}`,
        `/trainings?after=${value}`,
        `/benchmarks?after=${value}`,
        `/experiments/${experimentId}/export?format=${value}`,
      ])
        await answered('GET', path);
    }
    for (const cursor of [
      [null],
      [1],
      ['x'],
      [{}],
      [[]],
      ["'; --", 1],
      {},
      1,
      null,
      ['00000000-0000-0000-0000-000000000000'],
    ]) {
      const after = Buffer.from(JSON.stringify(cursor)).toString('base64url');
      for (const sort of ['newest', 'oldest', 'name'])
        await answered('GET', `/experiments?sort=${sort}&after=${after}`);
      await answered('GET', `/trainings?after=${after}`);
      await answered('GET', `/benchmarks?after=${after}`);
    }
    expect(await answered('GET', `/experiments/${experimentId}`)).toBe(200);
  }, 180_000);

  const posts = ['/experiments', '/experiments/validate', '/experiments/plan', '/retrieve', '/corpora/ingest'];

  it.each<[string, string]>([
    ['deep lists', '['.repeat(300_000)],
    ['deep lists that close', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['a deep retriever', `{"query":"x","retrievers":{"a":${'{"name":'.repeat(5000)}1${'}'.repeat(5000)}}}`],
    ['__proto__', '{"__proto__":{"admin":true},"source":"x"}'],
    ['__proto__ by an escape', '{"source":"x","\\u005f_proto__":{"admin":true}}'],
    ['a number out of range', '{"source":1e999}'],
    ['no JSON', '{"source":'],
    ['half a character', '"\\ud800"'],
    ['a list', '[1,2,3]'],
    ['nothing', ''],
    ['null', 'null'],
    ['two hundred thousand values', `[${'1,'.repeat(200_000)}1]`],
    [
      'YAML that laughs',
      JSON.stringify({
        source:
          'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]',
      }),
    ],
    ['YAML of brackets', JSON.stringify({ source: '['.repeat(200_000) })],
    ['YAML with __proto__', JSON.stringify({ source: '__proto__: {a: 1}\nversion: 1' })],
    ['a template of NULs', JSON.stringify({ source: experimentYaml('nul').replace('What?', '\\0') })],
  ])(
    '%s are refused as what they are',
    async (_what, body) => {
      for (const path of posts) expect(await answered('POST', path, body)).toBeLessThan(500);
      expect(await answered('GET', '/health')).toBe(200);
    },
    120_000,
  );

  it('any body is answered', async () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const bodies = fc.oneof(
      value,
      fc.record(
        {
          source: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(experimentYaml('fuzz'), '{}', 'version: 1')),
          start: value,
          probe: value,
        },
        { requiredKeys: ['source'] },
      ),
      fc.record({
        query: fc.string({ minLength: 1 }),
        retrievers: fc.dictionary(
          fc.string({ minLength: 1 }),
          fc.oneof(value, fc.constantFrom('bm25', { name: 'bm25', corpus: '../../etc/passwd' })),
          { minKeys: 1, maxKeys: 3 },
        ),
      }),
      fc.record({ file: fc.oneof(odd, fc.constantFrom('../x.yaml', '/etc/passwd', 'corpora/../x.yaml')) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...posts), bodies, async (path, body) => {
        // A probe would run the experiment.
        await answered('POST', path === '/experiments' ? '/experiments/validate' : path, body);
      }),
      { numRuns: 200, interruptAfterTimeLimit: 15_000 },
    );
  }, 180_000);

  const source = (over: object) => ({
    source: JSON.stringify({
      version: 1,
      name: 'hostile',
      dataset: { name: 'json-lines', path: 'rows.jsonl' },
      engine: 'scripted',
      method: 'naive',
      metrics: ['exact-match'],
      ...over,
    }),
  });
  it.each<[string, object, RegExp]>([
    ['files outside', { dataset: { name: 'json-lines', path: '/etc/passwd' } }, /only files of the project/],
    ['hidden files', { dataset: { name: 'json-lines', path: '.forge/server.json' } }, /only files of the project/],
    [
      'the metadata service',
      { engine: { name: 'openai-compatible', model: 'm', baseUrl: 'http://169.254.169.254' } },
      /public internet/,
    ],
    [
      'this machine',
      { engine: { name: 'openai-compatible', model: 'm', baseUrl: 'http://localhost:1/v1' } },
      /--private-host/,
    ],
    [
      'secrets',
      {
        engine: { name: 'openai-compatible', model: 'm', baseUrl: 'https://example.org', apiKeyEnv: 'PLANTED_SECRET' },
      },
      /not sent to/,
    ],
    ['programs', { method: { name: 'react', tools: [{ name: 'mcp', command: 'touch', args: ['x'] }] } }, /not started/],
    ['code', { method: { name: 'react', tools: [{ name: 'typescript-file', path: 'tools/x.ts' }] } }, /never loaded/],
  ])(
    'an experiment that reaches for %s is neither stored, planned nor found right',
    async (_what, over, message) => {
      for (const [method, path, body] of [
        ['POST', '/experiments', source(over)],
        ['POST', '/experiments/plan', source(over)],
        ['PUT', `/experiments/${experimentId}`, { ...source(over), revision: 1 }],
      ] as const) {
        const response = await send(method, path, body);
        expect([path, response.status]).toEqual([path, 400]);
        expect(((await response.json()) as { detail: string }).detail).toMatch(message);
      }
      const checked = await (await send('POST', '/experiments/validate', source(over))).json();
      expect(checked).toMatchObject({ ok: false, error: { message: expect.stringMatching(message) } });
    },
    60_000,
  );

  it('an engine on this machine works where the operator lists it, and is not followed elsewhere', async () => {
    let visits = 0;
    const inner = createServer((_, response) => {
      visits++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const innerPort = (inner.address() as AddressInfo).port;
    let calls = 0;
    const llm = createServer((request, response) => {
      request.resume();
      calls++;
      if (request.url?.startsWith('/moved') === true) {
        response.writeHead(307, { location: `http://127.0.0.1:${innerPort}/` }).end();
        return;
      }
      response.setHeader('content-type', 'application/json');
      const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'even' } }];
      response.end(JSON.stringify({ id: 'x', model: 'm', choices, usage: { prompt_tokens: 1, completion_tokens: 1 } }));
    });
    await new Promise<void>((resolve) => llm.listen(0, '127.0.0.1', resolve));
    const { port } = llm.address() as AddressInfo;
    const home = await mkdtemp(join(tmpdir(), 'forge-listed-'));
    await writeRows(home, 4);
    const listed = await startForgeServer({ cwd: home, args: ['--port', '0', '--private-host', `localhost:${port}`] });
    try {
      for (const path of ['v1', 'moved']) {
        const engine = {
          name: 'openai-compatible',
          model: 'm',
          baseUrl: `http://localhost:${port}/${path}`,
          stream: false,
          maxRetries: 0,
        };
        const created = await fetch(`${listed.url}/api/experiments`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...source({ name: path, engine }), start: true }),
        });
        expect(created.status).toBe(200);
        const { id } = (await created.json()) as { id: string };
        const detail = async () =>
          (await (await fetch(`${listed.url}/api/experiments/${id}`)).json()) as { runs: { status: string }[] };
        await expect.poll(async () => (await detail()).runs[0]?.status, { timeout: 60_000 }).toMatch(/finished|failed/);
      }
      expect(calls).toBeGreaterThanOrEqual(8);
      expect(visits).toBe(0);
    } finally {
      await listed.stop();
      llm.close();
      inner.close();
      await rm(home, { recursive: true, force: true });
    }
  }, 180_000);
});
