import { describe, expect, it } from 'vitest';
import type { ExampleResult } from '../run.ts';
import { exampleCall, exampleResult, toolStep } from '../testing/example-results.ts';
import { type RunFacts, spansOf } from './otel-spans.ts';
import { type OtlpSpan, plainAttributes } from './otlp-json.ts';

const facts: RunFacts = { experiment: 'agent', variant: 'react', runId: 'run-1', engine: 'scripted', model: 'lab-2m' };
const answerStep = {
  kind: 'answer',
  text: '4',
  turn: 2,
  thought: 'I know.',
  startedMs: 100,
  modelMs: 60,
  promptTokens: 70,
  cachedTokens: 50,
  completionTokens: 5,
};
const agent: ExampleResult = exampleResult(2, {
  steps: [toolStep(1, 'search', 'timeout'), answerStep],
  calls: [exampleCall(0, { output: 'Action: search[x]' }), exampleCall(1, { output: 'Answer: 4' })],
  flags: ['tool-error'],
  latencyMs: 160,
});

const nanos = (text: string) => Number(BigInt(text) - BigInt(agent.finishedAt) * 1_000_000n) / 1e6;
const readable = (span: OtlpSpan) => ({
  name: span.name,
  kind: span.kind,
  ms: [nanos(span.startTimeUnixNano), nanos(span.endTimeUnixNano)],
  status: span.status,
  attributes: Object.fromEntries(
    Object.entries(plainAttributes(span.attributes)).map(([key, value]) => [
      key,
      typeof value === 'string' && /^[[{"]/.test(value) ? JSON.parse(value) : value,
    ]),
  ),
});
const attribute = (span: OtlpSpan | undefined, key: string) => plainAttributes(span?.attributes)[key];

const request = (index: number) => ({
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'scripted',
  'gen_ai.request.model': 'lab-2m',
  'gen_ai.request.temperature': 0,
  'gen_ai.request.top_p': 1,
  'gen_ai.request.max_tokens': 64,
  'gen_ai.request.seed': 4_000_000_000 + index,
  'gen_ai.request.stop_sequences': ['\n'],
  'gen_ai.usage.input_tokens': 12,
  'gen_ai.usage.output_tokens': 3,
  'gen_ai.usage.cache_read.input_tokens': 4,
  'gen_ai.response.finish_reasons': ['stop'],
});
const said = (role: string, parts: object[], more = {}) => [{ role, parts, ...more }];
const text = (content: string) => ({ type: 'text', content });

describe('the spans of an example', () => {
  it('are, for an agent, what the conventions say', () => {
    const spans = spansOf(agent, facts, { content: true });
    const id = attribute(spans[2], 'gen_ai.tool.call.id');
    expect(id).toMatch(/^call_[0-9a-f]{12}$/);
    expect(spans.map(readable)).toEqual([
      {
        name: 'invoke_agent react',
        kind: 1,
        ms: [-160, 0],
        status: { code: 0 },
        attributes: {
          'gen_ai.operation.name': 'invoke_agent',
          'gen_ai.provider.name': 'scripted',
          'gen_ai.agent.name': 'react',
          'gen_ai.request.model': 'lab-2m',
          'gen_ai.input.messages': said('user', [text('What is 2 + 2?')]),
          'gen_ai.output.messages': said('assistant', [text('4')], { finish_reason: 'stop' }),
          'forge.experiment': 'agent',
          'forge.run.id': 'run-1',
          'forge.example.id': 'example-2',
          'forge.flags': ['tool-error'],
          'forge.scores.exact-match': 1,
          'forge.scores.f1': 0.5,
        },
      },
      {
        name: 'chat lab-2m',
        kind: 3,
        ms: [-160, -80],
        status: { code: 0 },
        attributes: {
          ...request(0),
          'gen_ai.input.messages': said('user', [text('Question: what is 0 + 0?\nAnswer:')]),
          'gen_ai.output.messages': said(
            'assistant',
            [
              { type: 'reasoning', content: 'I use search.' },
              text('Action: search[x]'),
              { type: 'tool_call', id, name: 'search', arguments: { query: 'x' } },
            ],
            { finish_reason: 'stop' },
          ),
        },
      },
      {
        name: 'execute_tool search',
        kind: 1,
        ms: [-80, -60],
        status: { code: 2, message: 'error: timeout' },
        attributes: {
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'search',
          'gen_ai.tool.type': 'function',
          'gen_ai.tool.call.id': id,
          'gen_ai.tool.call.arguments': { query: 'x' },
          'gen_ai.tool.call.result': 'error: timeout',
          'error.type': 'timeout',
        },
      },
      {
        name: 'chat lab-2m',
        kind: 3,
        ms: [-60, 0],
        status: { code: 0 },
        attributes: {
          ...request(1),
          'gen_ai.input.messages': said('user', [text('Question: what is 1 + 1?\nAnswer:')]),
          'gen_ai.output.messages': said('assistant', [{ type: 'reasoning', content: 'I know.' }, text('Answer: 4')], {
            finish_reason: 'stop',
          }),
        },
      },
    ]);
  });

  it('have ids of run and example, one parent, and numbers as the protocol writes them', () => {
    const spans = spansOf(agent, facts, { content: true });
    expect(spansOf(agent, facts, { content: true })).toEqual(spans);
    const [root, ...children] = spans as [OtlpSpan, ...OtlpSpan[]];
    expect(root.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(root.spanId).toMatch(/^[0-9a-f]{16}$/);
    for (const child of children) expect(child).toMatchObject({ traceId: root.traceId, parentSpanId: root.spanId });
    const other = spansOf(agent, { ...facts, runId: 'run-2' }, { content: true });
    expect(other[0]?.traceId).not.toBe(root.traceId);
    const raw = Object.fromEntries((children[0] as OtlpSpan).attributes.map(({ key, value }) => [key, value]));
    expect(raw['gen_ai.usage.input_tokens']).toEqual({ intValue: '12' });
    expect(raw['gen_ai.request.temperature']).toEqual({ doubleValue: 0 });
    expect(root.endTimeUnixNano).toBe('1700000000002000000');
  });

  it('show retrieval before the call of a method that is no agent', () => {
    const passage = {
      kind: 'passage',
      id: 'd1#0',
      documentId: 'd1',
      title: 'T',
      url: 'u',
      text: 'Text.',
      score: 0.5,
      rank: 1,
    };
    const rag = exampleResult(2, { steps: [passage], latencyMs: 100, calls: [exampleCall(0)] });
    const [, retrieval, chat] = spansOf(rag, { ...facts, dataSource: 'corpora/x.yaml' }, { content: true }).map(
      readable,
    );
    expect(retrieval).toMatchObject({ name: 'retrieval corpora/x.yaml', ms: [-100, -30.75] });
    expect(retrieval?.attributes).toEqual({
      'gen_ai.operation.name': 'retrieval',
      'gen_ai.data_source.id': 'corpora/x.yaml',
      'gen_ai.retrieval.query.text': 'What is 2 + 2?',
      'gen_ai.retrieval.documents': [
        { id: 'd1#0', score: 0.5, document_id: 'd1', title: 'T', url: 'u', content: 'Text.' },
      ],
    });
    expect(chat).toMatchObject({ name: 'chat lab-2m', ms: [-30.75, 0] });
  });

  it('say that an example failed, and why', () => {
    const failure = { kind: 'timeout', message: 'no answer in 5 s' } as const;
    const call = exampleCall(0, { finishReason: 'error', output: '', error: failure });
    const failed = exampleResult(2, { answer: '', steps: [], failure, calls: [call] });
    const [root, chat] = spansOf(failed, facts, { content: true });
    for (const span of [root, chat]) {
      expect(span?.status).toEqual({ code: 2, message: 'no answer in 5 s' });
      expect(attribute(span, 'error.type')).toBe('timeout');
    }
    expect(attribute(root, 'gen_ai.output.messages')).toBeUndefined();
  });

  it('put calls that were made at the same time side by side', () => {
    const several = exampleResult(2, { calls: [0, 1, 2].map((i) => exampleCall(i)), latencyMs: 40 });
    const starts = spansOf(several, facts, { content: true }).map((span) => readable(span).ms[0]);
    expect(new Set(starts)).toEqual(new Set([-40]));
  });

  it('carry no contents where none are wanted, also not in error messages', () => {
    const kept = JSON.stringify(spansOf(agent, facts, { content: false }));
    for (const content of ['What is', 'Action', 'I know', '"x"', 'messages', 'error: timeout'])
      expect(kept.includes(content), content).toBe(false);
    expect(kept).toContain('gen_ai.usage.output_tokens');
  });
});
