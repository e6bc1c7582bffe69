import type { Definition } from '../definition.ts';
import type {
  Engine,
  EngineLoad,
  EngineParts,
  EngineStats,
  GenerateRequest,
  Generation,
  ScoreRequest,
  TokenLogprobs,
  TokenUsage,
} from '../engine.ts';
import { ConfigError, EngineError, messageOf } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { publicLookup } from '../lib/public-lookup.ts';
import { redact } from '../lib/redact.ts';
import {
  broken,
  type Collected,
  collect,
  decodeUtf8,
  finish,
  nothingCollected,
  parseJson,
} from './openai-compatible/answer.ts';
import { createEventReader } from './openai-compatible/event-stream.ts';
import { createHttpClient, type HttpAnswer, type HttpClient } from './openai-compatible/http-client.ts';
import { failureOfStatus } from './openai-compatible/http-failure.ts';
import { loadOfMetrics } from './openai-compatible/load.ts';
import { createAdapters } from './openai-compatible/lora.ts';
import { type Options, options, resolveServer } from './openai-compatible/options.ts';
import { requestBody } from './openai-compatible/request-body.ts';
import {
  echoBody,
  promptLogprobsBody,
  scoreByEcho,
  scoreByPromptLogprobs,
  scoreIds,
} from './openai-compatible/score.ts';
import { createServerTokenizer, type ServerTokenizer } from './openai-compatible/tokenize.ts';

/** Bytes of UTF-8 a token, roughly, in the tokenizers of current models: for servers that cannot count. */
const bytesPerToken = 4;
const metricsTimeoutMs = 10_000;

const noTokens: TokenUsage = { promptTokens: 0, completionTokens: 0, cachedPromptTokens: 0 };

/** 200 and of a type that can hold an answer; else throws what it means. */
function checkAnswer(answer: HttpAnswer, url: string, nowMs: number): void {
  const { status, headers } = answer;
  if (status !== 200) {
    throw failureOfStatus({ status, headers, body: answer.body.toString('utf8') }, url, nowMs);
  }
  const type = headers['content-type'] ?? '';
  if (/html/i.test(type)) {
    throw new EngineError(
      'bad-response',
      `${url} sent a web page (${type}) instead of JSON: is baseUrl the address of the API?`,
    );
  }
}

/** The one place where requests go out: asks, follows the stream, and says when the first token came. */
async function ask(
  client: HttpClient,
  request: { url: string; path: string; body: string; signal?: AbortSignal | undefined },
  parts: EngineParts,
  now: () => number,
) {
  const collected: Collected = nothingCollected();
  let firstTokenAt: number | undefined;
  const tokensAt: number[] = [];
  const events = createEventReader((json) => {
    collect(collected, parseJson(json));
    if (!collected.started) return;
    const at = now();
    firstTokenAt ??= at;
    while (tokensAt.length < collected.tokens) tokensAt.push(at);
  });
  const answer = await client.send({ ...request, onEventData: events.push });
  checkAnswer(answer, request.url, parts.now());
  if (!answer.eventStream) collect(collected, parseJson(decodeUtf8(answer.body)));
  else if (!events.done() && collected.finishReason === undefined)
    throw broken('the stream ended before the answer did');
  return { collected, answer, firstTokenAt, tokensAt };
}

/** Without a stream the split is not known: all of it is then decoding. */
function timingOf({ askedAt, sentAt, endedAt }: HttpAnswer, firstTokenAt: number | undefined): Generation['timing'] {
  const decodingFrom = firstTokenAt ?? sentAt;
  return {
    queuedMs: sentAt - askedAt,
    prefillMs: decodingFrom - sentAt,
    decodeMs: endedAt - decodingFrom,
    computeMs: 0,
    totalMs: endedAt - askedAt,
  };
}

/** No message may show a secret: servers repeat keys in their errors. */
function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  const message = messageOf(error);
  const clean = redact(message, secrets);
  if (clean === message) return error;
  if (error instanceof EngineError) {
    const { kind, retryable, retryAfterMs } = error;
    return new EngineError(kind, clean, { retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }
  return error instanceof ConfigError ? new ConfigError(clean) : new Error(clean);
}

/** What the server says; else what its tokenizer counts (a chat template's own tokens are then not in it); else 0. */
async function usageOf(
  { prompt, signal }: GenerateRequest,
  { text, usage }: Collected,
  { count }: ServerTokenizer,
  warn: (message: string) => void,
): Promise<TokenUsage> {
  if (usage !== undefined) return usage;
  const promptTokens = await count(prompt, signal).catch(() => null);
  const completionTokens = await count(text, signal).catch(() => null);
  if (promptTokens === null || completionTokens === null) {
    warn('the server sends no token counts and has no /tokenize: tokens are recorded as 0');
    return noTokens;
  }
  return { promptTokens, completionTokens, cachedPromptTokens: 0 };
}

/** Warnings that are worth saying once. */
function createNotices(parts: EngineParts, model: string) {
  const said = new Set<string>();
  return (message: string) => {
    if (said.has(message)) return;
    said.add(message);
    parts.notify({ level: 'warning', message: `engine ${model}: ${message}` });
  };
}

function create(given: Options, parts: EngineParts): Engine {
  const {
    model,
    api,
    lora = [],
    concurrency,
    timeoutMs,
    maxRetries,
    maxResponseBytes,
    stream,
    maxTokensField,
    extraBody,
  } = given;
  const { baseUrl, headers, secrets, samplingFields } = resolveServer(given, parts.env);
  const now = () => performance.now();
  const lookup = publicLookup(baseUrl, parts.limits);
  const bounds = { maxConnections: concurrency, timeoutMs, maxResponseBytes };
  const client = createHttpClient({ baseUrl, headers, ...bounds, now, lookup });
  const warn = createNotices(parts, model);
  const tokenizer = createServerTokenizer(client, baseUrl, model);
  const root = baseUrl.pathname.replace(/\/$/, '');
  const path = `${root}/${api === 'chat' ? 'chat/completions' : 'completions'}${baseUrl.search}`;
  const adapters = createAdapters(client, root, model, lora);
  const shownUrl = `${baseUrl.origin}${root}`;
  const stats = { requests: 0, failures: 0, retries: 0, promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 };

  async function tracked<Result>(work: () => Promise<Result>): Promise<Result> {
    stats.requests++;
    try {
      return await work();
    } catch (error) {
      stats.failures++;
      throw withoutSecrets(error, secrets);
    }
  }

  async function generate(request: GenerateRequest): Promise<Generation> {
    const { prompt, promptTokens, signal } = request;
    const ids =
      given.tokenIds && promptTokens === undefined ? await tokenizer.encode(prompt, true, signal) : promptTokens;
    const asked = ids === undefined ? request : { ...request, promptTokens: ids };
    const body = requestBody(asked, await adapters.model(), given, samplingFields);
    const { collected, answer, firstTokenAt, tokensAt } = await ask(
      client,
      { url: shownUrl, path, body, signal },
      parts,
      now,
    );
    const ending = finish(collected, request);
    const usage = await usageOf(request, collected, tokenizer, warn);
    stats.promptTokens += usage.promptTokens;
    stats.cachedPromptTokens += usage.cachedPromptTokens;
    stats.completionTokens += usage.completionTokens;
    const tokenMs = tokensAt.map((at) => at - answer.askedAt);
    return {
      ...ending,
      usage,
      timing: timingOf(answer, firstTokenAt),
      ...(request.tokenIds && collected.tokenIds !== undefined ? { tokens: collected.tokenIds } : {}),
      ...(request.tokenTimes && answer.eventStream ? { tokenMs } : {}),
      cached: false,
      retries: 0,
    };
  }

  async function asked(body: string, signal: AbortSignal | undefined): Promise<unknown> {
    const answer = await client.send({ path, body, signal });
    checkAnswer(answer, shownUrl, parts.now());
    return parseJson(decodeUtf8(answer.body));
  }

  async function score(request: ScoreRequest): Promise<TokenLogprobs> {
    const { prompt, ids, signal } = request;
    const served = await adapters.model();
    if (given.tokenIds || ids !== undefined) {
      return scoreIds(request, tokenizer, (whole) => asked(echoBody(served, whole), signal));
    }
    // A chat template stands between a chat's messages and its tokens: there is no echo of it.
    return api === 'completions'
      ? scoreByEcho(request, (text) => asked(echoBody(served, text), signal))
      : scoreByPromptLogprobs(request, (answer) => asked(promptLogprobsBody(served, prompt, answer), signal));
  }

  async function load(): Promise<EngineLoad> {
    const path = `${root.replace(/\/v1$/, '')}/metrics${baseUrl.search}`;
    const answer = await client.send({ path, signal: AbortSignal.timeout(metricsTimeoutMs) });
    if (answer.status !== 200) {
      throw new EngineError(
        'bad-response',
        `${baseUrl.origin} has no /metrics (HTTP ${answer.status}): vLLM has them always, llama-server with --metrics, SGLang with --enable-metrics`,
      );
    }
    return loadOfMetrics(decodeUtf8(answer.body));
  }

  const settings = {
    baseUrl: shownUrl,
    model,
    api,
    samplingFields,
    maxTokensField,
    stream,
    timeoutMs,
    extraBody: canonicalJson(extraBody),
    ...(given.tokenIds && { tokenIds: true }),
    ...(lora.length > 0 && { lora: lora.map(({ name, path }) => `${name}=${path}`).join(',') }),
  };
  // Adapters and ids only where there are some: answers of before keep their place in the cache.
  const further = [...(lora.length === 0 ? [] : [lora]), ...(given.tokenIds ? ['token-ids'] : [])];
  const identity = [baseUrl.href, model, api, samplingFields, extraBody, ...further];
  return {
    name: 'openai-compatible',
    fingerprint: `openai-compatible:${canonicalJson(identity)}`,
    modelDigest: `served:${[model, ...lora.map(({ name }) => name)].join('+')}`,
    settings,
    concurrency,
    maxRetries,
    features: [api === 'chat' ? 'tool-calling' : 'token-ids'],
    generate: (request) => tracked(() => generate(request)),
    // Neither way is OpenAI's: its own service has none.
    ...((api === 'completions' || samplingFields === 'extended') && {
      score: (request) => tracked(() => score(request)),
    }),
    load: () => load().catch((error: unknown) => Promise.reject(withoutSecrets(error, secrets))),
    async countTokens(text) {
      const exact = await tokenizer.count(text).catch(() => null);
      if (exact !== null) return exact;
      warn(`the server has no /tokenize: tokens are estimated at ${bytesPerToken} bytes each`);
      return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
    },
    ...(api === 'completions' && {
      tokenizer: { encode: (text, { start = false } = {}) => tokenizer.encode(text, start), decode: tokenizer.decode },
    }),
    stats: (): EngineStats => ({ ...stats }),
    async close() {
      await adapters.unload();
      client.close();
    },
  };
}

export const definition: Definition<Engine, EngineParts, typeof options> = {
  name: 'openai-compatible',
  summary: 'A server that speaks the OpenAI protocol: vLLM, SGLang, llama-server, Ollama, hosted services',
  options,
  create,
};
