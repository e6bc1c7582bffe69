import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { agentSteps } from '../lib/agent-trace.ts';
import { spansOf } from '../lib/otel-spans.ts';
import { createRandom } from '../lib/random.ts';
import type { Method, MethodContext, Prediction } from '../method.ts';
import type { ExampleResult } from '../run.ts';
import { exampleResult, toolStep } from '../testing/example-results.ts';
import { readTraces } from './recorded-traces/read-traces.ts';
import { definition } from './recorded-traces.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-recorded-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const none = () => Promise.reject(new Error('not here'));
const context = {} as MethodContext;
const bounds = { maxRowBytes: 1e6, maxKeptBytes: 1e7 };

type Attributes = Record<string, unknown>;
interface Drawn {
  readonly id: string;
  readonly parent?: string;
  readonly at: number;
  readonly ms?: number;
  readonly attributes: Attributes;
  readonly events?: { name: string; attributes: Attributes }[];
  readonly status?: object;
}

function otlpValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpValue) } };
  return { kvlistValue: { values: otlpAttributes(value as Attributes) } };
}
const otlpAttributes = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
const nano = (ms: number) => String(1_700_000_000_000_000_000n + BigInt(ms) * 1_000_000n);

/** A request of a framework's exporter. */
function request(traceId: string, spans: readonly Drawn[]) {
  const written = spans.map(({ id, parent, at, ms = 10, attributes, events = [], status = {} }) => ({
    traceId,
    spanId: id,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name: String(attributes['gen_ai.operation.name'] ?? 'node'),
    startTimeUnixNano: nano(at),
    endTimeUnixNano: nano(at + ms),
    attributes: otlpAttributes(attributes),
    events: events.map((event) => ({ name: event.name, attributes: otlpAttributes(event.attributes) })),
    status,
  }));
  return { resourceSpans: [{ scopeSpans: [{ spans: written }] }] };
}

const text = (role: string, content: string) => ({ role, parts: [{ type: 'text', content }] });
const question = { id: 'q1', text: 'How far is it from Oslo to Bergen?' };
const lookUp = { type: 'tool_call', id: 'c1', name: 'distance', arguments: { from: 'Oslo', to: 'Bergen' } };

/** As the conventions have it now, in a graph of nodes of its own. */
const current = request('t1', [
  {
    id: 'a',
    at: 0,
    ms: 300,
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'Traveller',
      'gen_ai.conversation.id': 'q1',
      'gen_ai.input.messages': JSON.stringify([text('system', 'Be brief.'), text('user', `${question.text} `)]),
      'gen_ai.output.messages': [text('assistant', '463 km')],
    },
  },
  { id: 'node', parent: 'a', at: 5, ms: 200, attributes: { 'graph.node': 'plan' } },
  {
    id: 'inner',
    parent: 'node',
    at: 5,
    attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sub' },
  },
  {
    id: 'c1',
    parent: 'inner',
    at: 10,
    ms: 90,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.usage.input_tokens': 50,
      'gen_ai.usage.output_tokens': 7,
      'gen_ai.usage.cache_read.input_tokens': 20,
      'gen_ai.output.messages': [{ role: 'assistant', parts: [{ type: 'text', content: 'I look.' }, lookUp] }],
    },
  },
  {
    id: 't',
    parent: 'node',
    at: 100,
    ms: 40,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'distance',
      'gen_ai.tool.call.id': 'c1',
      'gen_ai.tool.call.arguments': '{"from":"Oslo","to":"Bergen"}',
      'gen_ai.tool.call.result': { km: 463 },
    },
  },
  {
    id: 't2',
    parent: 'node',
    at: 145,
    attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'map', 'error.type': 'TimeoutError' },
    status: { code: 2, message: 'took too long' },
  },
  {
    id: 'c2',
    parent: 'node',
    at: 200,
    attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.output.messages': [text('assistant', 'It is 463 km.')] },
  },
]);

/** Conventions 1.28 to 1.36: messages are events, tools stand in them only. */
const events = request('t2', [
  {
    id: 'c1',
    at: 0,
    attributes: {
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'gpt-4',
      'gen_ai.usage.prompt_tokens': 50,
      'gen_ai.usage.completion_tokens': 7,
    },
    events: [
      { name: 'gen_ai.user.message', attributes: { content: question.text } },
      {
        name: 'gen_ai.choice',
        attributes: {
          index: 0,
          finish_reason: 'tool_calls',
          message: JSON.stringify({
            content: null,
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'distance', arguments: '{"from":"Oslo"}' } }],
          }),
        },
      },
    ],
  },
  {
    id: 'c2',
    at: 50,
    attributes: { 'gen_ai.operation.name': 'chat' },
    events: [
      {
        name: 'gen_ai.user.message',
        attributes: { 'gen_ai.event.content': JSON.stringify({ role: 'user', content: question.text }) },
      },
      {
        name: 'gen_ai.assistant.message',
        attributes: { tool_calls: '[{"id":"c1","function":{"name":"distance","arguments":"{}"}}]' },
      },
      { name: 'gen_ai.tool.message', attributes: { id: 'c1', content: '463 km' } },
      { name: 'gen_ai.choice', attributes: { message: JSON.stringify({ role: 'assistant', content: '463 km' }) } },
    ],
  },
]);

/** Lists spread over attributes, as instrumentations wrote them before there was a convention. */
const spread = request('t3', [
  {
    id: 'c1',
    at: 0,
    attributes: {
      'gen_ai.request.model': 'gpt-4',
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': question.text,
      'gen_ai.completion.0.role': 'assistant',
      'gen_ai.completion.0.tool_calls.0.id': 'c1',
      'gen_ai.completion.0.tool_calls.0.name': 'distance',
      'gen_ai.completion.0.tool_calls.0.arguments': '{"from":"Oslo"}',
    },
  },
  {
    id: 'c2',
    at: 50,
    attributes: {
      'gen_ai.request.model': 'gpt-4',
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': question.text,
      'gen_ai.prompt.1.role': 'assistant',
      'gen_ai.prompt.2.role': 'tool',
      'gen_ai.prompt.2.content': '463 km',
      'gen_ai.prompt.2.tool_call_id': 'c1',
      'gen_ai.completion.0.content': '463 km',
    },
  },
]);

/** The first conventions: one text in, one text out. */
const oldest = request('t4', [
  {
    id: 'c1',
    at: 0,
    attributes: { 'gen_ai.request.model': 'gpt-4' },
    events: [
      {
        name: 'gen_ai.content.prompt',
        attributes: { 'gen_ai.prompt': JSON.stringify([{ role: 'user', content: question.text }]) },
      },
      { name: 'gen_ai.content.completion', attributes: { 'gen_ai.completion': '463' } },
    ],
  },
]);

let files = 0;
async function written(content: string | Buffer, ending = '.jsonl'): Promise<string> {
  const name = `traces-${files++}${ending}`;
  await writeFile(join(dir, name), content);
  return name;
}
const lines = (...documents: unknown[]) => documents.map((one) => `${JSON.stringify(one)}\n`).join('');

function methodOf(path: string, more: object = {}): Method {
  const parts = { baseDir: dir, cacheDir: join(dir, 'cache'), retriever: none, nli: none, toolSet: none };
  return definition.create(definition.options.parse({ path, ...more }), parts) as Method;
}
const solved = async (content: string | Buffer, more: object = {}, ending = '.jsonl'): Promise<Prediction> =>
  methodOf(await written(content, ending), more).solve(question, context);
const refusal = (content: string | Buffer, ending?: string) =>
  written(content, ending)
    .then((path) => methodOf(path).prepare?.())
    .then(
      () => 'taken',
      (error: unknown) => (error instanceof ConfigError ? error.message : `not a ConfigError: ${error}`),
    );

describe('recorded-traces', () => {
  it('reads an agent in the conventions of today: turns, tools, errors, tokens, times', async () => {
    const { answer, steps, flags } = await solved(lines(current));
    expect(answer).toBe('463 km');
    expect(flags).toEqual(['tool-error']);
    expect(agentSteps(steps)).toEqual([
      {
        kind: 'tool',
        text: '{"km":463}',
        turn: 1,
        thought: 'I look.',
        startedMs: 10,
        modelMs: 90,
        toolMs: 40,
        promptTokens: 50,
        cachedTokens: 20,
        completionTokens: 7,
        tool: 'distance',
        arguments: { from: 'Oslo', to: 'Bergen' },
      },
      expect.objectContaining({
        kind: 'tool',
        tool: 'map',
        error: 'timeout',
        text: 'TimeoutError: took too long',
        turn: 1,
      }),
      expect.objectContaining({
        kind: 'answer',
        text: '463 km',
        turn: 2,
        thought: 'It is 463 km.',
        startedMs: 200,
        modelMs: 10,
      }),
    ]);
  });

  it.each([
    ['events', events, { from: 'Oslo' }],
    ['spread attributes', spread, { from: 'Oslo' }],
  ])('reads an agent in older conventions: %s', async (_, document, given) => {
    const { answer, steps } = await solved(lines(document));
    expect(answer).toBe('463 km');
    expect(agentSteps(steps)).toMatchObject([
      { kind: 'tool', tool: 'distance', arguments: given, text: '463 km', turn: 1 },
      { kind: 'answer', text: '463 km', turn: 2 },
    ]);
  });

  it('reads prompt and completion of the first conventions', async () => {
    expect(await solved(lines(oldest))).toMatchObject({ answer: '463', steps: [{ kind: 'answer', text: '463' }] });
  });

  it('takes one document over many lines, packed files, spans of a trace in several lines, and logs among them', async () => {
    const [resource] = current.resourceSpans;
    const spans = resource?.scopeSpans[0]?.spans ?? [];
    const parts = spans.map((span) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
    const whole = await solved(JSON.stringify(current, null, 2), {}, '.json');
    expect(whole.answer).toBe('463 km');
    expect(await solved(gzipSync(lines({ resourceLogs: [] }, ...parts.reverse(), ...parts)), {}, '.jsonl.gz')).toEqual(
      whole,
    );
  });

  it('matches by id, keeps to one agent, and says where two traces fit', async () => {
    const twice = lines(current, events);
    await expect(solved(twice)).rejects.toThrow('2 recorded traces of this question (t1, t2)');
    expect((await solved(twice, { match: 'id' })).answer).toBe('463 km');
    expect((await solved(twice, { agent: 'Traveller' })).answer).toBe('463 km');
    await expect(solved(twice, { agent: 'nobody' })).rejects.toThrow('which has traces of: Traveller');
    await expect(solved(lines(oldest), { match: 'id' })).rejects.toThrow('none has forge.example.id');
  });

  it('fails an example that has no trace, whose agent failed, or that was recorded without contents', async () => {
    const method = methodOf(await written(lines(current)));
    await expect(method.solve({ id: 'x', text: 'Who?' }, context)).rejects.toThrow('last user message');
    const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.conversation.id': 'q1' };
    const failed = request('t', [{ id: 'a', at: 0, attributes: agent, status: { code: 2, message: 'no model' } }]);
    await expect(solved(lines(failed), { match: 'id' })).rejects.toThrow('the recorded agent failed: no model');
    const bare = request('t', [{ id: 'a', at: 0, attributes: agent }]);
    await expect(solved(lines(bare), { match: 'id' })).rejects.toThrow('recorded without contents');
  });

  it('reads back retrieval, limits, failures and empty answers of our own export', async () => {
    const passages = ['d1', 'd2'].map((documentId, i) => ({
      ...{ kind: 'passage', text: `Text ${i}.`, id: `${documentId}#0`, documentId },
      ...{ title: 'T', url: 'u', score: 1 - i, rank: i + 1 },
    }));
    const stopped = { ...toolStep(2, 'x'), kind: 'stopped', tool: undefined, limit: 'steps', text: 'And now' };
    const failure = { kind: 'timeout', message: 'no answer in 5 s' } as const;
    const results = [
      exampleResult(0, { steps: passages }),
      exampleResult(1, { answer: '', steps: [toolStep(1, 'search'), stopped], calls: [] }),
      exampleResult(2, { answer: '', steps: [], failure }),
      exampleResult(3, { answer: '' }),
    ];
    const facts = { experiment: 'e', variant: 'v', runId: 'r', engine: 'scripted', model: 'm' };
    const spans = results.flatMap((result) => spansOf(result, facts, { content: true }));
    const method = methodOf(await written(lines({ resourceSpans: [{ scopeSpans: [{ spans }] }] })));
    const solve = (index: number) =>
      method.solve({ id: '', text: (results[index] as ExampleResult).question }, context);
    expect((await solve(0)).steps.filter(({ kind }) => kind === 'passage')).toEqual(passages);
    const limited = await solve(1);
    expect(limited).toMatchObject({ answer: '', flags: ['limit-reached', 'empty'] });
    expect(agentSteps(limited.steps)).toMatchObject([
      { kind: 'tool', tool: 'search', arguments: { query: 'x' }, text: 'found' },
      { kind: 'stopped', limit: 'steps', turn: 2 },
    ]);
    await expect(solve(2)).rejects.toThrow('the recorded agent failed: timeout: no answer in 5 s');
    expect(await solve(3)).toMatchObject({ answer: '', flags: ['empty'] });
  });

  it('has the file in its fingerprint', async () => {
    const [one, same, other] = await Promise.all([
      written(lines(current)),
      written(lines(current)),
      written(lines(events)),
    ]);
    const prints = await Promise.all([one, same, other].map((path) => methodOf(path).prepare?.()));
    expect(prints[0]).toEqual(prints[1]);
    expect(prints[0]).not.toEqual(prints[2]);
  });

  it('names file and line of what cannot be read', async () => {
    expect(await refusal(`${lines(current, events)}{"resourceSpans": [`)).toMatch(/^traces-\d+\.jsonl:3: not JSON/);
    expect(await refusal('{\n  "resourceSpans": [\n    oops\n  ]\n}', '.json')).toMatch(/\.json:3: not JSON/);
    expect(await refusal(lines(current, { traces: [] }))).toMatch(/:2: no traces in OTLP form/);
    expect(await refusal(lines({ resourceSpans: [] }))).toContain('has no spans of the GenAI conventions');
    expect(await refusal('not packed', '.jsonl.gz')).toContain('cannot be unpacked');
    expect(await refusal(Buffer.from([0xff, 0xfe, 0x0a]))).toContain('not UTF-8');
    expect(await refusal('')).toContain('the file is empty');
    await expect(methodOf('traces-0.jsonll').prepare?.()).rejects.toThrow('Did you mean "traces-0.jsonl"?');
  });

  it('keeps to its bounds', async () => {
    const path = join(dir, await written(lines(current, events)));
    await expect(readTraces(path, dir, { ...bounds, maxRowBytes: 1024 })).rejects.toThrow(/:1: a line of over/);
    await expect(readTraces(path, dir, { ...bounds, maxKeptBytes: 1024 })).rejects.toThrow('more than fit');
    const many = Array.from({ length: 10_001 }, (_, i) => ({ id: `s${i}`, at: i, attributes: {} }));
    const crowd = join(dir, await written(lines(request('t', many))));
    await expect(readTraces(crowd, dir, { ...bounds, maxRowBytes: 1e8 })).rejects.toThrow('over 10000 spans');
    const long = request('t', [
      {
        id: 'a',
        at: 0,
        attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.output.messages': 'x'.repeat(500_000) },
      },
    ]);
    const [trace] = await readTraces(join(dir, await written(lines(long))), dir, { ...bounds });
    expect(trace?.answer).toHaveLength(200_000);
  });
});

describe('reading traces that are broken', () => {
  const deep = JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`) as unknown;
  const odd = [
    null,
    -1,
    1e308,
    '',
    '\u0000',
    [],
    {},
    true,
    deep,
    '9'.repeat(400),
    { __proto__: null },
    'NaN',
    '[{"role":5}]',
  ];

  /** Some values replaced by others, some fields left out, some doubled. */
  function mutated(value: unknown, random: () => number): unknown {
    const dice = random();
    if (dice < 0.02) return odd[Math.floor(random() * odd.length)];
    if (Array.isArray(value)) {
      const items = value.flatMap((item) => (random() < 0.03 ? [] : [mutated(item, random)]));
      return dice < 0.05 ? [...items, ...items] : items;
    }
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => (random() < 0.02 ? [] : [[key, mutated(inner, random)]])),
    );
  }

  const rejectsWithConfigError = async (content: string) => {
    const path = join(dir, await written(content));
    await readTraces(path, dir, bounds).catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error;
    });
    await rm(path);
  };

  it('gives traces or a ConfigError for 600 files with other values', async () => {
    const random = createRandom(7).next;
    for (let i = 0; i < 600; i++) {
      const documents = [current, events, spread, oldest].map((one) => mutated(one, random));
      await rejectsWithConfigError(lines(...documents));
    }
  }, 60_000);

  it('gives traces or a ConfigError for 600 files with other characters', async () => {
    const random = createRandom(11).next;
    const whole = lines(current, events, spread, oldest);
    for (let i = 0; i < 600; i++) {
      const characters = [...whole];
      for (let j = 0; j < 1 + 5 * random(); j++) {
        const at = Math.floor(random() * characters.length);
        characters.splice(at, Math.floor(4 * random()), '{}[],:"\\\n0e'[Math.floor(11 * random())] ?? '');
      }
      await rejectsWithConfigError(characters.join(''));
    }
  }, 60_000);
});
