import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { GenerateRequest, Generation, TokenUsage, ToolCall } from '../../engine.ts';
import { EngineError } from '../../errors.ts';
import { messageOfBody } from './http-failure.ts';

/** Whole in an answer; in a stream in parts, told apart by their index (https://platform.openai.com/docs/guides/function-calling). */
const toolCallPart = z.object({
  index: z.int().nonnegative().max(127).nullish(),
  id: z.string().nullish(),
  // Some servers send the arguments as an object already.
  function: z
    .object({ name: z.string().nullish(), arguments: z.union([z.string(), z.record(z.string(), z.json())]).nullish() })
    .nullish(),
});
const message = z.object({
  content: z.string().nullish(),
  tool_calls: z.array(toolCallPart).max(128).nullish(),
  // Thinking, as vLLM and llama-server name it, and as Ollama does. Not part of the answer; its tokens are in the usage.
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
});
const choice = z.object({
  text: z.string().nullish(),
  message: message.nullish(),
  delta: message.nullish(),
  finish_reason: z.string().nullish(),
  // vLLM, where it is asked for: the tokens of this piece.
  token_ids: z.array(z.int().nonnegative()).nullish(),
});
const usage = z.object({
  prompt_tokens: z.number().nonnegative(),
  completion_tokens: z.number().nonnegative().default(0),
  prompt_tokens_details: z.object({ cached_tokens: z.number().nonnegative().nullish() }).nullish(),
});
/** One JSON of a server: a whole answer or an event of a stream, of /completions or of /chat/completions. */
const payload = z.object({
  choices: z.array(choice).nullish(),
  usage: usage.nullish().catch(null),
  error: z.unknown().optional(),
});

/** What the JSONs of one answer add up to. */
export interface Collected {
  text: string;
  /** By the index that the server gives them. */
  readonly toolCalls: Map<number, ToolCall>;
  finishReason: string | undefined;
  usage: TokenUsage | undefined;
  /** A choice was there, even an empty one. */
  answered: boolean;
  /** A token was there, of the answer or of thinking before it. */
  started: boolean;
  /** Tokens so far, where the server tells the tokens of its pieces; else pieces. */
  tokens: number;
  /** Ids of the tokens, where the server tells them; undefined where it does not. */
  tokenIds: number[] | undefined;
}

/** Before the first chunk of a stream. */
export const nothingCollected = (): Collected => ({
  text: '',
  toolCalls: new Map(),
  finishReason: undefined,
  usage: undefined,
  answered: false,
  started: false,
  tokens: 0,
  tokenIds: undefined,
});

/** Half a JSON or half a stream is a server in trouble: the same request may succeed later. */
export const broken = (what: string) => new EngineError('bad-response', what, { retryable: true });

function startOf(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 80)}...` : line;
}

/** Throws EngineError where the bytes are no UTF-8. */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new EngineError('bad-response', 'the answer is not UTF-8');
  return bytes.toString('utf8');
}

/** Throws EngineError that shows the beginning of what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw broken(`the answer is not whole JSON: "${startOf(text)}"`);
  }
}

function collectToolCalls(into: Collected, parts: readonly z.infer<typeof toolCallPart>[]): void {
  for (const { index, id, function: part } of parts) {
    // Where no index is sent, an id begins a call and what has none goes on with the last.
    const at = index ?? (id ? into.toolCalls.size : Math.max(0, into.toolCalls.size - 1));
    const before = into.toolCalls.get(at);
    const given = part?.arguments ?? '';
    into.toolCalls.set(at, {
      id: id || before?.id || `call-${at}`,
      name: part?.name || before?.name || '',
      arguments: (before?.arguments ?? '') + (typeof given === 'string' ? given : JSON.stringify(given)),
    });
  }
}

/** Adds one JSON. Throws EngineError where it is an error or no answer of this protocol. */
export function collect(into: Collected, json: unknown): void {
  const parsed = payload.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new EngineError(
      'bad-response',
      `not an answer of the OpenAI protocol: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  const { choices, usage: counted, error } = parsed.data;
  if (error !== undefined && error !== null) {
    throw new EngineError('server-error', `error in the answer: ${messageOfBody(JSON.stringify({ error }))}`, {
      retryable: true,
    });
  }
  const first = choices?.[0];
  if (first !== undefined) {
    into.answered = true;
    const said = first.message ?? first.delta;
    const text = first.text ?? said?.content ?? '';
    into.text += text;
    collectToolCalls(into, said?.tool_calls ?? []);
    const thought = Boolean(said?.reasoning_content || said?.reasoning);
    into.started ||= text !== '' || into.toolCalls.size > 0 || thought;
    into.tokens += first.token_ids?.length ?? (text !== '' || thought || (said?.tool_calls ?? []).length > 0 ? 1 : 0);
    if (first.token_ids) {
      into.tokenIds ??= [];
      for (const id of first.token_ids) into.tokenIds.push(id);
    }
    into.finishReason = first.finish_reason ?? into.finishReason;
  }
  if (counted) {
    into.usage = {
      promptTokens: counted.prompt_tokens,
      completionTokens: counted.completion_tokens,
      cachedPromptTokens: counted.prompt_tokens_details?.cached_tokens ?? 0,
    };
  }
}

/** A reason that is no reason to doubt the text: servers have more words for "stop" than the protocol has. */
const refusals: Readonly<Record<string, string>> = {
  content_filter: "the server's content filter withheld the answer",
  tool_calls: 'the model called a tool instead of answering',
  function_call: 'the model called a function instead of answering',
  error: 'the server stopped with an error',
  abort: 'the server gave the request up',
};

/** Text, asked tools and finish reason, cut before the first stop string (some servers take four at most, some leave it in). */
export function finish(
  collected: Collected,
  { stop, conversation }: Pick<GenerateRequest, 'stop' | 'conversation'>,
): Pick<Generation, 'text' | 'finishReason' | 'toolCalls'> {
  if (!collected.answered) throw new EngineError('bad-response', 'the answer has no choices');
  const finishReason = collected.finishReason === 'length' ? 'length' : 'stop';
  if (conversation !== undefined && collected.toolCalls.size > 0) {
    return { text: collected.text, toolCalls: [...collected.toolCalls.values()], finishReason };
  }
  const refusal = refusals[collected.finishReason ?? ''];
  if (refusal !== undefined) throw new EngineError('bad-response', refusal);
  const ends = stop.map((one) => collected.text.indexOf(one)).filter((at) => at >= 0);
  if (ends.length > 0) return { text: collected.text.slice(0, Math.min(...ends)), finishReason: 'stop' };
  return { text: collected.text, finishReason };
}
