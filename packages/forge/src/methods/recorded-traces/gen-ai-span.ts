import { fieldOf, listOf, plainAttributes } from '../../lib/otlp-json.ts';
import {
  boundedJson,
  boundedText,
  conversationOf,
  parsedJson,
  type SpanEvent,
  type ToolRequest,
} from './span-messages.ts';

/** Of one span, what an agent's steps are made of; the rest is dropped while the file is read. */
export type GenAiSpan = SpanPlace &
  (
    | ({ readonly operation: 'agent' } & AgentFacts)
    | ({ readonly operation: 'chat' } & ChatFacts)
    | ({ readonly operation: 'tool' } & ToolFacts)
    | { readonly operation: 'retrieval'; readonly documents: readonly unknown[] }
    /** Not of these conventions: only its place in the tree counts. */
    | { readonly operation: 'other' }
  );

interface SpanPlace {
  readonly id: string;
  readonly parentId: string;
  /** ms since the epoch. */
  readonly startMs: number;
  readonly durationMs: number;
}

interface AgentFacts {
  readonly name: string;
  /** Of the example, where the recorder said so. */
  readonly exampleId: string | undefined;
  readonly question: string | undefined;
  /** Undefined where the span says nothing of an answer. */
  readonly answer: string | undefined;
  /** A limit that ended it, as our own export says it. */
  readonly limit: string | undefined;
  readonly failure: string | undefined;
}

export interface ChatFacts {
  readonly question: string | undefined;
  readonly exampleId: string | undefined;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly thought: string;
  readonly text: string | undefined;
  readonly toolCalls: readonly ToolRequest[];
  /** Of the calls of the turn before, as they were handed to the model. */
  readonly toolResponses: readonly { readonly id: string; readonly text: string }[];
  readonly cutOff: boolean;
  /** What the agent was told of an answer that could not be read. */
  readonly unparsable: readonly string[];
  readonly failure: string | undefined;
}

export interface ToolFacts {
  readonly tool: string;
  readonly callId: string;
  readonly arguments: unknown;
  readonly result: string;
  /** `error.type` of the span, or `failed` where only its status says so. */
  readonly error: string | undefined;
}

type Attributes = Readonly<Record<string, unknown>>;

const operations: Readonly<Record<string, GenAiSpan['operation']>> = {
  invoke_agent: 'agent',
  invoke_workflow: 'agent',
  chat: 'chat',
  text_completion: 'chat',
  generate_content: 'chat',
  execute_tool: 'tool',
  retrieval: 'retrieval',
};

/** By the operation's name, or, in traces from before it was required, by what the span says. */
function operationOf(attributes: Attributes): GenAiSpan['operation'] {
  const named = attributes['gen_ai.operation.name'];
  if (typeof named === 'string') return operations[named] ?? 'other';
  if (attributes['gen_ai.tool.name'] !== undefined) return 'tool';
  return attributes['gen_ai.request.model'] === undefined ? 'other' : 'chat';
}

const optionalText = (value: unknown) => (typeof value === 'string' && value !== '' ? boundedText(value) : undefined);

/** The first of these attributes that is a number of tokens. */
function tokensIn(attributes: Attributes, ...names: string[]): number {
  const value = names.map((name) => attributes[name]).find((one) => typeof one === 'number');
  return typeof value === 'number' && value > 0 && Number.isSafeInteger(Math.round(value)) ? Math.round(value) : 0;
}

function msOf(nanos: unknown): number {
  const ms = typeof nanos === 'string' || typeof nanos === 'number' ? Number(nanos) / 1e6 : Number.NaN;
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}

/** Nanoseconds since the epoch are finer than a number can tell. */
export const toMicros = (ms: number) => Math.round(ms * 1000) / 1000;

function eventsOf(span: unknown): SpanEvent[] {
  return listOf(fieldOf(span, 'events')).flatMap((event) => {
    const name = fieldOf(event, 'name');
    return typeof name === 'string' ? [{ name, attributes: plainAttributes(fieldOf(event, 'attributes')) }] : [];
  });
}

/** What a span says of its failure, undefined where it did not fail. */
function failureOf(span: unknown, attributes: Attributes, events: readonly SpanEvent[]): string | undefined {
  const type = optionalText(attributes['error.type']);
  const status = fieldOf(span, 'status');
  const code = fieldOf(status, 'code');
  if (type === undefined && code !== 2 && code !== 'STATUS_CODE_ERROR') return undefined;
  const raised = events.find(({ name }) => name === 'exception')?.attributes['exception.message'];
  return (
    [type, optionalText(fieldOf(status, 'message')) ?? optionalText(raised)].filter(Boolean).join(': ') || 'failed'
  );
}

const lastText = (texts: readonly string[]) => texts.at(-1);

/** The last thing that the user said. */
const questionIn = (input: ReturnType<typeof conversationOf>['input']) =>
  lastText(input.filter(({ role, text }) => role === 'user' && text !== '').map(({ text }) => text));

const exampleIdIn = (attributes: Attributes) =>
  optionalText(attributes['forge.example.id']) ?? optionalText(attributes['gen_ai.conversation.id']);

function agentFacts(span: unknown, attributes: Attributes, events: readonly SpanEvent[]): AgentFacts {
  const { input, output } = conversationOf(attributes, events);
  return {
    name: boundedText(attributes['gen_ai.agent.name']),
    exampleId: exampleIdIn(attributes),
    question: questionIn(input),
    answer: lastText(output.filter(({ role }) => role === 'assistant').map(({ text }) => text)),
    limit: optionalText(attributes['forge.limit']),
    failure: failureOf(span, attributes, events),
  };
}

function chatFacts(span: unknown, attributes: Attributes, events: readonly SpanEvent[]): ChatFacts {
  const { input, output } = conversationOf(attributes, events);
  const before = input.findLastIndex(({ role }) => role === 'assistant');
  const said = output.at(-1);
  const reasons = parsedJson(attributes['gen_ai.response.finish_reasons']);
  const toolCalls = output.flatMap((message) => message.toolCalls);
  const text = output.length === 0 ? undefined : output.map((message) => message.text).join('');
  return {
    question: questionIn(input),
    exampleId: exampleIdIn(attributes),
    promptTokens: tokensIn(attributes, 'gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'),
    cachedTokens: tokensIn(
      attributes,
      'gen_ai.usage.cache_read.input_tokens',
      'gen_ai.usage.cache_read_input_tokens',
      'gen_ai.usage.input_tokens.cached',
    ),
    completionTokens: tokensIn(attributes, 'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'),
    thought: said?.reasoning ?? text ?? '',
    text,
    toolCalls,
    toolResponses: input.slice(before + 1).flatMap(({ toolResponses }) => toolResponses),
    cutOff: listOf(reasons).some((reason) => reason === 'length' || reason === 'max_tokens'),
    unparsable: events
      .filter(({ name }) => name === 'forge.unparsable_step')
      .map((event) => boundedText(event.attributes['forge.observation'])),
    failure: failureOf(span, attributes, events),
  };
}

function toolFacts(span: unknown, attributes: Attributes, events: readonly SpanEvent[]): ToolFacts {
  const failure = failureOf(span, attributes, events);
  const message = conversationOf({}, events).input.find(({ role }) => role === 'tool');
  const result = attributes['gen_ai.tool.call.result'] ?? message?.toolResponses[0]?.text ?? failure;
  return {
    tool:
      boundedText(attributes['gen_ai.tool.name']) || boundedText(fieldOf(span, 'name')).replace(/^execute_tool /, ''),
    callId: boundedText(attributes['gen_ai.tool.call.id']),
    arguments: boundedJson(attributes['gen_ai.tool.call.arguments']),
    result: boundedText(result),
    error: failure === undefined ? undefined : (optionalText(attributes['error.type']) ?? 'failed'),
  };
}

/** A span of an OTLP file with the trace it belongs to; null where it has no ids. Never throws, whatever the span is. */
export function genAiSpan(span: unknown): { traceId: string; span: GenAiSpan } | null {
  const [traceId, id] = [fieldOf(span, 'traceId'), fieldOf(span, 'spanId')];
  if (typeof traceId !== 'string' || typeof id !== 'string' || traceId === '' || id === '') return null;
  const startMs = msOf(fieldOf(span, 'startTimeUnixNano'));
  const place = {
    id: id.slice(0, 64),
    parentId: boundedText(fieldOf(span, 'parentSpanId')).slice(0, 64),
    startMs,
    durationMs: Math.max(0, toMicros(msOf(fieldOf(span, 'endTimeUnixNano')) - startMs)),
  };
  return { traceId: traceId.slice(0, 64), span: { ...place, ...factsOf(span) } };
}

function factsOf(span: unknown) {
  const attributes = plainAttributes(fieldOf(span, 'attributes'));
  const operation = operationOf(attributes);
  if (operation === 'other') return { operation };
  const events = eventsOf(span);
  switch (operation) {
    case 'agent':
      return { operation, ...agentFacts(span, attributes, events) };
    case 'chat':
      return { operation, ...chatFacts(span, attributes, events) };
    case 'tool':
      return { operation, ...toolFacts(span, attributes, events) };
    case 'retrieval':
      return { operation, documents: listOf(parsedJson(attributes['gen_ai.retrieval.documents'])).slice(0, 1000) };
  }
}
