import { createHash } from 'node:crypto';
import type { CallRecord, ExampleResult } from '../run.ts';
import { type AgentStep, agentSteps } from './agent-trace.ts';
import {
  type OtlpAttribute,
  type OtlpEvent,
  type OtlpSpan,
  realAttribute,
  textAttribute,
  textsAttribute,
  unixNanos,
  wholeAttribute,
} from './otlp-json.ts';

/**
 * Attribute names: semantic conventions for generative AI, status Development, as in @opentelemetry/semantic-conventions 1.45.0
 * and https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-spans.md, gen-ai-agent-spans.md).
 */
export interface RunFacts {
  readonly experiment: string;
  readonly variant: string;
  readonly runId: string;
  /** Name of the engine component. */
  readonly engine: string;
  readonly model: string;
  /** What retrieval asks, where the method retrieves: the corpus, or the retriever's name. */
  readonly dataSource?: string;
}

interface SpanOptions {
  /** False: no prompts, answers, arguments, results or documents. */
  readonly content: boolean;
}

/** A span before it has ids and a place in time: ms from the start of the example. */
interface Draft {
  readonly name: string;
  readonly kind: 1 | 3;
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: readonly OtlpAttribute[];
  readonly eventTexts?: readonly { name: string; attributes: readonly OtlpAttribute[] }[];
  readonly error?: string | undefined;
}

const maxNameChars = 200;

type MessagePart = Readonly<Record<string, unknown>>;

const hexDigest = (...parts: readonly (string | number)[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** Of a run and an example: an export that is repeated has the same ids. */
const traceIdOf = (runId: string, exampleId: string) => hexDigest(runId, exampleId).slice(0, 32);
const spanIdOf = (traceId: string, index: number) => hexDigest(traceId, index).slice(0, 16);

const jsonAttribute = (key: string, value: unknown) => textAttribute(key, JSON.stringify(value) ?? 'null');

/** In the conventions' shape (gen-ai-input-messages.json, gen-ai-output-messages.json), as JSON text. */
const messages = (key: string, role: string, parts: readonly MessagePart[], finishReason?: string) =>
  jsonAttribute(key, [{ role, parts, ...(finishReason === undefined ? {} : { finish_reason: finishReason }) }]);
const textPart = (text: string): MessagePart => ({ type: 'text', content: text });

/** A well-known name where the conventions have one. */
const providerOf = (engine: string) => (engine === 'openai-compatible' ? 'openai' : engine);

const sampling = ({ sampling: given, seed }: CallRecord): OtlpAttribute[] => [
  ...realAttribute('gen_ai.request.temperature', given.temperature),
  ...realAttribute('gen_ai.request.top_p', given.topP),
  ...(given.topK === 0 ? [] : realAttribute('gen_ai.request.top_k', given.topK)),
  wholeAttribute('gen_ai.request.max_tokens', given.maxTokens),
  wholeAttribute('gen_ai.request.seed', seed),
  ...(given.stop.length === 0 ? [] : [textsAttribute('gen_ai.request.stop_sequences', given.stop)]),
];

const usage = (input: number, output: number, cached: number): OtlpAttribute[] => [
  wholeAttribute('gen_ai.usage.input_tokens', input),
  wholeAttribute('gen_ai.usage.output_tokens', output),
  wholeAttribute('gen_ai.usage.cache_read.input_tokens', cached),
];

const requestOf = (call: CallRecord, facts: RunFacts): OtlpAttribute[] => [
  textAttribute('gen_ai.provider.name', providerOf(facts.engine)),
  textAttribute('gen_ai.request.model', facts.model),
  ...sampling(call),
  ...usage(call.usage.promptTokens, call.usage.completionTokens, call.usage.cachedPromptTokens),
  textsAttribute('gen_ai.response.finish_reasons', [call.finishReason]),
  ...(call.cached ? [{ key: 'forge.call.cached', value: { boolValue: true } }] : []),
  ...(call.retries === 0 ? [] : [wholeAttribute('forge.call.retries', call.retries)]),
];

const durationOf = ({ timing }: CallRecord) => Math.max(0, timing.totalMs - timing.queuedMs);

function chatOfCall(call: CallRecord, facts: RunFacts, startMs: number, { content }: SpanOptions): Draft {
  return {
    name: `chat ${facts.model}`,
    kind: 3,
    startMs,
    durationMs: durationOf(call),
    attributes: [
      textAttribute('gen_ai.operation.name', 'chat'),
      ...requestOf(call, facts),
      ...(content
        ? [
            messages('gen_ai.input.messages', 'user', [textPart(call.prompt)]),
            messages('gen_ai.output.messages', 'assistant', [textPart(call.output)], call.finishReason),
          ]
        : []),
      ...(call.error === undefined ? [] : [textAttribute('error.type', call.error.kind)]),
    ],
    ...(call.error === undefined ? {} : { error: content ? call.error.message : call.error.kind }),
  };
}

const isCall = ({ kind, tool }: AgentStep) => kind === 'tool' && tool !== undefined;

/** What the model said in a turn: its thought, its very words, the tools that it asked for. */
function turnParts(steps: readonly AgentStep[], call: CallRecord | undefined, callIds: ReadonlyMap<AgentStep, string>) {
  const thought = steps[0]?.thought ?? '';
  const said = call?.output ?? steps.find(({ kind }) => kind !== 'tool')?.text ?? '';
  return [
    // An empty thought is one too: the text has the words of the action in it.
    ...(thought === said ? [] : [{ type: 'reasoning', content: thought }]),
    ...(said === '' ? [] : [textPart(said)]),
    ...steps.filter(isCall).map((step) => ({
      type: 'tool_call',
      id: callIds.get(step),
      name: step.tool,
      arguments: step.arguments ?? null,
    })),
  ];
}

/** A turn of an agent; the call has the prompt and the sampling, where the run logged it. */
function chatOfTurn(
  steps: readonly [AgentStep, ...AgentStep[]],
  { call, callIds }: { call: CallRecord | undefined; callIds: ReadonlyMap<AgentStep, string> },
  facts: RunFacts,
  { content }: SpanOptions,
): Draft {
  const [first] = steps;
  const finish = call?.finishReason ?? 'stop';
  const unread = steps.filter(({ error }) => error === 'unparsable');
  return {
    name: call === undefined ? 'chat' : `chat ${facts.model}`,
    kind: 3,
    startMs: first.startedMs,
    durationMs: first.modelMs,
    attributes: [
      textAttribute('gen_ai.operation.name', 'chat'),
      ...(call === undefined
        ? usage(first.promptTokens, first.completionTokens, first.cachedTokens)
        : requestOf(call, facts)),
      ...(content && call !== undefined ? [messages('gen_ai.input.messages', 'user', [textPart(call.prompt)])] : []),
      ...(content ? [messages('gen_ai.output.messages', 'assistant', turnParts(steps, call, callIds), finish)] : []),
    ],
    // No tool was executed, so there is no span of one.
    eventTexts: unread.map(({ text }) => ({
      name: 'forge.unparsable_step',
      attributes: content ? [textAttribute('forge.observation', text)] : [],
    })),
  };
}

/** Where there is no such tool, its name is what the model wrote: content too. */
const toolName = ({ tool = '', error }: AgentStep, content: boolean) =>
  content || error !== 'unknown-tool' ? tool.slice(0, maxNameChars) : 'unknown';

function toolSpan(step: AgentStep, callId: string, startMs: number, { content }: SpanOptions): Draft {
  const { error, text } = step;
  const tool = toolName(step, content);
  return {
    name: `execute_tool ${tool}`,
    kind: 1,
    startMs,
    durationMs: step.toolMs ?? 0,
    attributes: [
      textAttribute('gen_ai.operation.name', 'execute_tool'),
      textAttribute('gen_ai.tool.name', tool),
      textAttribute('gen_ai.tool.type', 'function'),
      textAttribute('gen_ai.tool.call.id', callId),
      ...(content
        ? [
            jsonAttribute('gen_ai.tool.call.arguments', step.arguments ?? null),
            textAttribute('gen_ai.tool.call.result', text),
          ]
        : []),
      ...(error === undefined ? [] : [textAttribute('error.type', error)]),
    ],
    ...(error === undefined ? {} : { error: content ? text : error }),
  };
}

/** The turns of an agent, each with the tools that it asked for. */
function agentDrafts(result: ExampleResult, facts: RunFacts, options: SpanOptions): Draft[] {
  const steps = agentSteps(result.steps);
  const callIds = new Map(
    steps.map((step, i) => [step, `call_${hexDigest(facts.runId, result.exampleId, i).slice(0, 12)}`]),
  );
  const turns = [...Map.groupBy(steps, ({ turn }) => turn).values()] as [AgentStep, ...AgentStep[]][];
  return turns.flatMap((turn) => {
    const [first] = turn;
    const call = result.calls[first.turn - 1];
    const toolsStart = first.startedMs + first.modelMs;
    return [
      chatOfTurn(turn, { call, callIds }, facts, options),
      ...turn.filter(isCall).map((step) => toolSpan(step, callIds.get(step) as string, toolsStart, options)),
    ];
  });
}

/** Retrieval as one span: what was found is stored, when exactly is not; it is what comes before the first call. */
function retrievalDrafts(result: ExampleResult, facts: RunFacts, endMs: number, { content }: SpanOptions): Draft[] {
  const passages = result.steps.filter(({ kind }) => kind === 'passage');
  if (passages.length === 0) return [];
  const documents = passages.map(({ id, documentId, score, title, url, text }) => ({
    id,
    score,
    document_id: documentId,
    title,
    url,
    content: text,
  }));
  const source = facts.dataSource;
  return [
    {
      name: source === undefined ? 'retrieval' : `retrieval ${source}`,
      kind: 3,
      startMs: 0,
      durationMs: endMs,
      attributes: [
        textAttribute('gen_ai.operation.name', 'retrieval'),
        ...(source === undefined ? [] : [textAttribute('gen_ai.data_source.id', source)]),
        ...(content
          ? [
              textAttribute('gen_ai.retrieval.query.text', result.question),
              jsonAttribute('gen_ai.retrieval.documents', documents),
            ]
          : []),
      ],
    },
  ];
}

/**
 * Calls of a method that is no agent: one after another up to the example's end, as methods ask, or all at the end's side by
 * side where they took longer together than the example did.
 */
function callDrafts(result: ExampleResult, facts: RunFacts, options: SpanOptions): Draft[] {
  const total = result.calls.reduce((sum, call) => sum + durationOf(call), 0);
  const sideBySide = total > result.latencyMs;
  let startMs = Math.max(0, result.latencyMs - total);
  const firstMs = startMs;
  const chats = result.calls.map((call) => {
    const chat = chatOfCall(call, facts, sideBySide ? 0 : startMs, options);
    startMs += durationOf(call);
    return chat;
  });
  return [...retrievalDrafts(result, facts, firstMs, options), ...chats];
}

function rootDraft(result: ExampleResult, facts: RunFacts, durationMs: number, { content }: SpanOptions): Draft {
  const { failure } = result;
  const limit = agentSteps(result.steps).at(-1)?.limit;
  const scores = Object.entries(result.scores).flatMap(([metric, score]) =>
    realAttribute(`forge.scores.${metric}`, score),
  );
  return {
    name: `invoke_agent ${facts.variant}`,
    kind: 1,
    startMs: 0,
    durationMs,
    attributes: [
      textAttribute('gen_ai.operation.name', 'invoke_agent'),
      textAttribute('gen_ai.provider.name', providerOf(facts.engine)),
      textAttribute('gen_ai.agent.name', facts.variant),
      // Of a method that asked no model, the engine's is none of its.
      ...(result.calls.length === 0 ? [] : [textAttribute('gen_ai.request.model', facts.model)]),
      ...(content ? [messages('gen_ai.input.messages', 'user', [textPart(result.question)])] : []),
      ...(content && failure === undefined
        ? [
            messages(
              'gen_ai.output.messages',
              'assistant',
              [textPart(result.answer)],
              limit === undefined ? 'stop' : 'length',
            ),
          ]
        : []),
      textAttribute('forge.experiment', facts.experiment),
      textAttribute('forge.run.id', facts.runId),
      textAttribute('forge.example.id', result.exampleId),
      ...(result.flags.length === 0 ? [] : [textsAttribute('forge.flags', result.flags)]),
      ...(limit === undefined ? [] : [textAttribute('forge.limit', limit)]),
      ...scores,
      ...(failure === undefined ? [] : [textAttribute('error.type', failure.kind)]),
    ],
    ...(failure === undefined ? {} : { error: content ? failure.message : failure.kind }),
  };
}

/**
 * The trace of one example: `invoke_agent` with a `chat` for each model call, an `execute_tool` for each tool call and a
 * `retrieval` where passages were found. Pure; the same result gives the same spans, the root first.
 */
export function spansOf(result: ExampleResult, facts: RunFacts, options: SpanOptions): OtlpSpan[] {
  const isAgent = agentSteps(result.steps).length > 0;
  const children = isAgent ? agentDrafts(result, facts, options) : callDrafts(result, facts, options);
  const durationMs = Math.max(result.latencyMs, ...children.map((child) => child.startMs + child.durationMs));
  const startedMs = result.finishedAt - durationMs;
  const traceId = traceIdOf(facts.runId, result.exampleId);
  const at = (ms: number) => unixNanos(startedMs + ms);
  return [rootDraft(result, facts, durationMs, options), ...children].map((draft, i): OtlpSpan => {
    const end = at(draft.startMs + draft.durationMs);
    const events = (draft.eventTexts ?? []).map((event): OtlpEvent => ({ ...event, timeUnixNano: end }));
    return {
      traceId,
      spanId: spanIdOf(traceId, i),
      ...(i === 0 ? {} : { parentSpanId: spanIdOf(traceId, 0) }),
      name: draft.name,
      kind: draft.kind,
      startTimeUnixNano: at(draft.startMs),
      endTimeUnixNano: end,
      attributes: draft.attributes,
      ...(events.length === 0 ? {} : { events }),
      status: draft.error === undefined ? { code: 0 } : { code: 2, message: draft.error },
    };
  });
}
