import { fieldOf, listOf } from '../../lib/otlp-json.ts';

/** What was said in one message, however the conventions wrote it at the time. */
export interface SpanMessage {
  readonly role: string;
  readonly text: string;
  /** Undefined where the message has none apart from its text. */
  readonly reasoning: string | undefined;
  readonly toolCalls: readonly ToolRequest[];
  readonly toolResponses: readonly { readonly id: string; readonly text: string }[];
}

export interface ToolRequest {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

export interface SpanEvent {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Conversation {
  readonly input: readonly SpanMessage[];
  readonly output: readonly SpanMessage[];
}

/** Of a text that is kept, characters. */
const maxTextChars = 200_000;
const maxMessages = 2000;

/** The value that a JSON text stands for, or the text itself. */
export function parsedJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** Anything as a text of bounded length: text as it is, the rest as JSON. */
export function boundedText(value: unknown): string {
  if (value === undefined || value === null) return '';
  try {
    return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, maxTextChars);
  } catch {
    // Nested too deeply to be written.
    return '';
  }
}

/** A JSON value of bounded size: what is too large becomes the beginning of its text. */
export function boundedJson(value: unknown): unknown {
  const parsed = parsedJson(value);
  const text = boundedText(parsed);
  return text.length < maxTextChars && (text !== '' || parsed === '') ? parsed : text;
}

function toolRequest(part: unknown): ToolRequest[] {
  const inner = fieldOf(part, 'function') ?? part;
  const name = fieldOf(inner, 'name');
  if (typeof name !== 'string') return [];
  return [{ id: boundedText(fieldOf(part, 'id')), name, arguments: boundedJson(fieldOf(inner, 'arguments')) }];
}

const contentOf = (part: unknown) => boundedText(fieldOf(part, 'content') ?? fieldOf(part, 'text'));

/** One part of a message: text, reasoning, a tool call or what came back. Others (images, files) say nothing here. */
function partOf(part: unknown): Partial<SpanMessage> {
  if (typeof part === 'string') return { text: boundedText(part) };
  switch (fieldOf(part, 'type')) {
    case 'text':
    case 'output_text':
    case 'input_text':
      return { text: contentOf(part) };
    case 'reasoning':
    case 'thinking':
      return { reasoning: contentOf(part) };
    case 'tool_call':
    case 'function':
      return { toolCalls: toolRequest(part) };
    case 'tool_call_response': {
      const response = fieldOf(part, 'response') ?? fieldOf(part, 'result') ?? fieldOf(part, 'content');
      return { toolResponses: [{ id: boundedText(fieldOf(part, 'id')), text: boundedText(response) }] };
    }
    default:
      return {};
  }
}

function reasoningOf(parts: readonly Partial<SpanMessage>[]): string | undefined {
  const found = parts.flatMap(({ reasoning }) => reasoning ?? []);
  return found.length === 0 ? undefined : found.join('\n');
}

/** In the shape of the conventions since 1.37 (role, parts), or of chat APIs (role, content, tool_calls). */
function messageOf(value: unknown, role: string): SpanMessage {
  const content = fieldOf(value, 'content');
  const parts = fieldOf(value, 'parts') ?? (Array.isArray(content) ? content : [contentPart(value, content)]);
  const given = fieldOf(value, 'role');
  const said = listOf(parts).map(partOf);
  const asked = listOf(parsedJson(fieldOf(value, 'tool_calls'))).flatMap(toolRequest);
  const message = {
    role: typeof given === 'string' ? given : role,
    text: said.flatMap(({ text }) => text ?? []).join(''),
    reasoning: reasoningOf(said),
    toolCalls: [...said.flatMap(({ toolCalls }) => toolCalls ?? []), ...asked],
    toolResponses: said.flatMap(({ toolResponses }) => toolResponses ?? []),
  };
  if (message.role !== 'tool' || message.toolResponses.length > 0) return message;
  const id = boundedText(fieldOf(value, 'tool_call_id') ?? fieldOf(value, 'id'));
  return { ...message, toolResponses: [{ id, text: message.text }] };
}

const contentPart = (value: unknown, content: unknown) =>
  typeof value === 'string' ? value : { type: 'text', content: content ?? '' };

/** A list of messages, one message, or a text; as a value or as JSON. */
function messagesIn(value: unknown, role: string): SpanMessage[] {
  if (value === undefined) return [];
  const parsed = parsedJson(value);
  // A prompt such as `42` is JSON too, and means its own text.
  if (parsed === null || typeof parsed !== 'object') return [messageOf(boundedText(value), role)];
  const list = Array.isArray(parsed) ? parsed : listOf(fieldOf(parsed, 'messages') ?? [parsed]);
  return list.slice(-maxMessages).map((one) => messageOf(one, role));
}

/** `gen_ai.prompt.0.content`, `gen_ai.completion.0.tool_calls.0.name`: lists that were spread over attributes. */
function spreadMessages(attributes: Readonly<Record<string, unknown>>, name: string, role: string): SpanMessage[] {
  const messages: Record<string, unknown>[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith(`${name}.`)) continue;
    const [at, field, callAt, callField] = key.slice(name.length + 1).split('.');
    const index = Number(at);
    if (!Number.isInteger(index) || index < 0 || index >= maxMessages) continue;
    messages[index] ??= {};
    const message = messages[index] as Record<string, unknown>;
    if (field === 'role' || field === 'content') message[field] = value;
    if (field !== 'tool_calls' || callField === undefined) continue;
    message.tool_calls ??= [];
    const calls = message.tool_calls as Record<string, unknown>[];
    const call = Number(callAt);
    if (Number.isInteger(call) && call >= 0 && call < 100) calls[call] = { ...calls[call], [callField]: value };
  }
  return messages
    .flatMap((message) => ({ ...message, content: parsedContent(message.content) }))
    .map((one) => messageOf(one, role));
}

/** Some write a list of parts as JSON. */
function parsedContent(content: unknown): unknown {
  const parsed = parsedJson(content);
  return Array.isArray(parsed) ? parsed : content;
}

/** Before 1.37, messages were events of the span, named by their role. */
const eventRoles: Readonly<Record<string, string>> = {
  'gen_ai.system.message': 'system',
  'gen_ai.user.message': 'user',
  'gen_ai.assistant.message': 'assistant',
  'gen_ai.tool.message': 'tool',
};

function eventMessages({ attributes }: SpanEvent, role: string): SpanMessage[] {
  const body =
    attributes['gen_ai.event.content'] ??
    attributes['gen_ai.prompt'] ??
    attributes['gen_ai.completion'] ??
    attributes.message ??
    attributes.body;
  if (body === undefined) return [messageOf({ ...attributes, content: parsedContent(attributes.content) }, role)];
  const inner = fieldOf(parsedJson(body), 'message');
  return messagesIn(inner ?? body, role);
}

/** What went into a span's operation and what came out, from attributes and events of this and of older conventions. */
export function conversationOf(given: Readonly<Record<string, unknown>>, events: readonly SpanEvent[]): Conversation {
  const details = events.find(({ name }) => name === 'gen_ai.client.inference.operation.details');
  const attributes = { ...given, ...details?.attributes };
  const spoken = (names: (name: string) => string | undefined) =>
    events.flatMap((event) => {
      const role = names(event.name);
      return role === undefined ? [] : eventMessages(event, role);
    });
  return {
    input: [
      ...messagesIn(attributes['gen_ai.input.messages'] ?? attributes['gen_ai.prompt'], 'user'),
      ...spreadMessages(attributes, 'gen_ai.prompt', 'user'),
      ...spoken((name) => (name === 'gen_ai.content.prompt' ? 'user' : eventRoles[name])),
    ],
    output: [
      ...messagesIn(attributes['gen_ai.output.messages'] ?? attributes['gen_ai.completion'], 'assistant'),
      ...spreadMessages(attributes, 'gen_ai.completion', 'assistant'),
      ...spoken((name) => (['gen_ai.choice', 'gen_ai.content.completion'].includes(name) ? 'assistant' : undefined)),
    ],
  };
}
