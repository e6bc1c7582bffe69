import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What can go wrong with a server, by name. */
export const stubFaults = {
  'rate-limited': (reply) =>
    reply.json(429, { error: { message: 'slow down', type: 'requests' } }, { 'retry-after': '1' }),
  'rate-limited-until-date': (reply) =>
    reply.json(429, { error: 'slow down' }, { 'retry-after': new Date(Date.now() + 2000).toUTCString() }),
  'out-of-quota': (reply) => reply.json(429, { error: { message: 'pay first', code: 'insufficient_quota' } }),
  overloaded: (reply) => reply.send(503, 'text/plain', 'busy'),
  'internal-error': (reply) => reply.json(500, { error: { message: 'it broke' } }),
  'bad-gateway': (reply) => reply.send(502, 'text/html', '<html><title>502</title></html>'),
  'no-such-model': (reply) => reply.json(404, { error: { message: 'The model `stub` does not exist.' } }),
  'wrong-key': (reply) => reply.json(401, { error: { message: 'Incorrect API key provided: sk-secret-of-test' } }),
  'unknown-field': (reply) =>
    reply.json(400, { error: { message: 'Unrecognized request argument supplied: top_k', param: 'top_k' } }),
  'context-overflow': (reply) =>
    reply.json(400, { error: { message: 'This model has a maximum context length of 8 tokens', code: 400 } }),
  moved: (reply) => reply.send(301, 'text/plain', '', { location: 'https://elsewhere.example/v1' }),
  hang: () => {},
  reset: (reply) => reply.response.socket?.resetAndDestroy(),
  'half-json': (reply) => reply.send(200, 'application/json', '{"choices":[{"text":"half an ans'),
  'cut-off-body': (reply) => {
    reply.response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 });
    reply.response.write('{"choices":[');
    setTimeout(() => reply.response.socket?.destroy(), 5);
  },
  'cut-off-stream': (reply) =>
    reply.send(200, 'text/event-stream', 'data: {"choices":[{"index":0,"text":"so","delta":{"content":"so"}}]}\n\n'),
  'error-in-stream': (reply) =>
    reply.send(
      200,
      'text/event-stream',
      'data: {"choices":[]}\n\ndata: {"error":{"message":"died","code":500}}\n\ndata: [DONE]\n\n',
    ),
  html: (reply) => reply.send(200, 'text/html; charset=utf-8', '<html><body>Welcome</body></html>'),
  'not-utf-8': (reply) =>
    reply.send(200, 'application/json', Buffer.from('{"choices":[{"text":"\xff","finish_reason":"stop"}]}', 'latin1')),
  'not-an-object': (reply) => reply.json(200, [1]),
  'empty-choices': (reply) => reply.json(200, { choices: [] }),
  'content-filter': (reply) =>
    reply.json(200, { choices: [{ message: { content: '' }, text: '', finish_reason: 'content_filter' }] }),
  'tool-calls': (reply) =>
    reply.json(200, { choices: [{ message: { content: null, tool_calls: [] }, finish_reason: 'tool_calls' }] }),
  huge: (reply) => {
    reply.response.writeHead(200, { 'content-type': 'application/json' });
    const part = Buffer.alloc(65536, ' ');
    const more = () => {
      while (!reply.response.destroyed && reply.response.write(part));
    };
    reply.response.on('drain', more);
    more();
  },
  drip: async (reply) => {
    reply.response.writeHead(200, { 'content-type': 'application/json' });
    while (!reply.response.destroyed) {
      reply.response.write(' ');
      await sleep(20);
    }
  },
} as const satisfies Record<string, (reply: Reply) => unknown>;

export type StubFault = keyof typeof stubFaults;

export interface StubOptions {
  /** 0 = any free port. */
  readonly port?: number;
  /** From the request's arrival to the first byte of the answer, ms. */
  readonly latencyMs?: number;
  /** What the model writes; tokens are its words, each with the space before it. */
  readonly text?: string;
  readonly fault?: StubFault;
  /** Every nth request fails (1 = all of them); without it only the first `faultCount` do. */
  readonly faultEvery?: number;
  readonly faultCount?: number;
  /** Without token counts in answers. */
  readonly withoutUsage?: boolean;
  /** Without /tokenize (hosted services) and without echo and prompt_logprobs (llama-server). */
  readonly withoutTokenize?: boolean;
  readonly withoutEcho?: boolean;
  /** Sees each request; an answer that it gives is sent as it is (in-process only). */
  readonly answer?: (request: StubRequest) => StubAnswer | undefined;
}

export interface StubRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

export interface StubAnswer {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
}

/** Counted since the start or the last GET /stub/reset; `GET /stub/stats` answers with it. Times are ms since the epoch. */
export interface StubStats {
  requests: number;
  connections: number;
  inFlight: number;
  maxInFlight: number;
  firstRequestAt: number;
  lastResponseAt: number;
}

export interface StubServer {
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseUrl: string;
  readonly stats: Readonly<StubStats>;
  close(): Promise<void>;
}

interface Reply {
  readonly response: ServerResponse;
  send(status: number, contentType: string, body: string | Buffer, headers?: Record<string, string>): void;
  json(status: number, body: unknown, headers?: Record<string, string>): void;
}

const defaultText =
  'The answer to the question is forty two, and whoever wants to know why must read the whole of the book again.';

const wordsOf = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

/** A token for each word that came up; its id is its place. */
const vocabulary: string[] = [];

const idsOf = (words: readonly string[]): number[] =>
  words.map((word) => {
    const known = vocabulary.indexOf(word);
    return known >= 0 ? known : vocabulary.push(word) - 1;
  });
const textOf = (ids: readonly unknown[]): string => ids.map((id) => vocabulary[Number(id)] ?? '').join('');

/** What the model writes for a request: its text, or with a temperature above 0 one that its seed chose. */
function complete(body: Record<string, unknown>, text: string) {
  const temperature = (body.temperature as number | undefined) ?? 1;
  const written = temperature > 0 ? `${text} Chosen by seed ${body.seed}.` : text;
  let words = wordsOf(written);
  let finishReason = 'stop';
  const stops = (body.stop as string[] | undefined) ?? [];
  const ends = stops.map((stop) => written.indexOf(stop)).filter((at) => at >= 0);
  if (ends.length > 0) words = wordsOf(written.slice(0, Math.min(...ends)).trimEnd());
  const maxTokens = (body.max_tokens as number | undefined) ?? 16;
  if (words.length > maxTokens) {
    words = words.slice(0, maxTokens);
    finishReason = 'length';
  }
  return { words, finishReason };
}

const promptOf = (body: Record<string, unknown>) =>
  Array.isArray(body.messages)
    ? String(body.messages.at(-1)?.content)
    : Array.isArray(body.prompt)
      ? textOf(body.prompt)
      : String(body.prompt);

function usageOf(prompt: string, words: readonly string[]) {
  const promptTokens = wordsOf(prompt).length;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: words.length,
    total_tokens: promptTokens + words.length,
    prompt_tokens_details: { cached_tokens: 0 },
  };
}

/** The echo of vLLM: prompt and completion with the log-probability of each token: minus its length, null for the first. */
function echoLogprobs(start: readonly string[], prompt: string, words: readonly string[]) {
  const tokens = [...start, ...wordsOf(prompt), ...words];
  return { tokens, token_logprobs: tokens.map((token, i) => (i === 0 ? null : -token.length)) };
}

/** vLLM's prompt_logprobs of a chat, without the tokens that a template would add: minus each token's length. */
function chatLogprobs(messages: unknown) {
  const words = (messages as { content: string }[]).flatMap(({ content }) => wordsOf(content));
  return [null, ...words.map((word, i) => ({ [i]: { logprob: -word.length, rank: 1, decoded_token: word } }))];
}

function answerWhole(reply: Reply, body: Record<string, unknown>, chat: boolean, options: StubOptions) {
  const prompt = promptOf(body);
  const { words, finishReason } = complete(body, options.text ?? defaultText);
  const echo = body.echo === true && options.withoutEcho !== true;
  const text = (echo ? prompt : '') + words.join('');
  // Ids are the whole prompt; a text gets a start token.
  const start = Array.isArray(body.prompt) ? [] : ['<s>'];
  const usage = usageOf(prompt, words);
  reply.json(200, {
    id: 'stub-1',
    object: chat ? 'chat.completion' : 'text_completion',
    created: 0,
    model: body.model,
    choices: [
      {
        index: 0,
        ...(chat ? { message: { role: 'assistant', content: text } } : { text }),
        logprobs: echo ? echoLogprobs(start, prompt, words) : null,
        finish_reason: finishReason,
        ...(body.return_token_ids === true ? { token_ids: idsOf(words) } : {}),
      },
    ],
    ...(chat && 'prompt_logprobs' in body && !options.withoutEcho
      ? { prompt_logprobs: chatLogprobs(body.messages) }
      : {}),
    // The echoed start token is one of the prompt's, as vLLM counts it.
    ...(options.withoutUsage
      ? {}
      : { usage: echo ? { ...usage, prompt_tokens: usage.prompt_tokens + start.length } : usage }),
  });
}

function answerStream(reply: Reply, body: Record<string, unknown>, chat: boolean, options: StubOptions) {
  const { words, finishReason } = complete(body, options.text ?? defaultText);
  const head = {
    id: 'stub-1',
    object: chat ? 'chat.completion.chunk' : 'text_completion',
    created: 0,
    model: body.model,
  };
  const chunks: unknown[] = words.map((text) => ({
    ...head,
    choices: [
      {
        index: 0,
        ...(chat ? { delta: { content: text } } : { text }),
        finish_reason: null,
        ...(body.return_token_ids === true ? { token_ids: idsOf([text]) } : {}),
      },
    ],
  }));
  chunks.push({
    ...head,
    choices: [{ index: 0, ...(chat ? { delta: {} } : { text: '' }), finish_reason: finishReason }],
  });
  if (!options.withoutUsage) chunks.push({ ...head, choices: [], usage: usageOf(promptOf(body), words) });
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  reply.send(200, 'text/event-stream', `${events.join('')}data: [DONE]\n\n`);
}

function replyThrough(response: ServerResponse): Reply {
  const send: Reply['send'] = (status, contentType, body, headers = {}) => {
    const length = Buffer.byteLength(body);
    response.writeHead(status, { 'content-type': contentType, 'content-length': length, ...headers });
    response.end(body);
  };
  const json: Reply['json'] = (status, body, headers) =>
    send(status, 'application/json', JSON.stringify(body), headers);
  return { response, send, json };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
}

/**
 * A server that speaks as much of the OpenAI protocol as the engine uses (`/v1/completions`, `/v1/chat/completions`,
 * streamed or whole, vLLM's echo and token ids, `/tokenize`), with a fixed latency and the faults above.
 */
export async function startOpenAiStub(options: StubOptions = {}): Promise<StubServer> {
  const { latencyMs = 0, fault, faultEvery, faultCount = Number.POSITIVE_INFINITY } = options;
  const stats = { requests: 0, connections: 0, inFlight: 0, maxInFlight: 0, firstRequestAt: 0, lastResponseAt: 0 };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = replyThrough(response);
    const path = request.url ?? '';
    if (path === '/stub/stats') return reply.json(200, stats);
    if (path === '/stub/reset') {
      Object.assign(stats, { requests: 0, connections: 0, maxInFlight: 0, firstRequestAt: 0, lastResponseAt: 0 });
      return reply.json(200, {});
    }
    const body = await readBody(request);
    const given = options.answer?.({ path, headers: request.headers, body });
    if (given !== undefined) return reply.send(given.status ?? 200, given.contentType, given.body);
    if (path === '/tokenize' && !options.withoutTokenize) {
      const words = wordsOf(String(body.prompt));
      const tokens = idsOf(words);
      return reply.json(200, { count: tokens.length, tokens });
    }
    if (path === '/detokenize' && !options.withoutTokenize) {
      return reply.json(200, { prompt: textOf(body.tokens as number[]) });
    }
    const chat = path === '/v1/chat/completions';
    if (!chat && path !== '/v1/completions') return reply.json(404, { error: { message: 'Not Found' } });

    const number = ++stats.requests;
    if (number === 1) stats.firstRequestAt = Date.now();
    stats.inFlight++;
    stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight);
    response.on('close', () => {
      stats.inFlight--;
      stats.lastResponseAt = Date.now();
    });
    if (latencyMs > 0) await sleep(latencyMs);
    const fails = faultEvery === undefined ? number <= faultCount : number % faultEvery === 0;
    if (fault !== undefined && fails) stubFaults[fault](reply);
    else (body.stream === true ? answerStream : answerWhole)(reply, body, chat, options);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on('connection', () => stats.connections++);
  // Longer than any pause of a client between two requests: no connection closes just as it is used again.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', 1024, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    stats,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Run as a program: prints one JSON line with its URL, and ends when its standard input closes.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'latency-ms': { type: 'string', default: '0' },
      fault: { type: 'string' },
      'fault-every': { type: 'string' },
      text: { type: 'string' },
    },
  });
  const { fault, text } = values;
  if (fault !== undefined && !(fault in stubFaults))
    throw new Error(`--fault: one of ${Object.keys(stubFaults).join(', ')}`);
  const stub = await startOpenAiStub({
    port: Number(values.port),
    latencyMs: Number(values['latency-ms']),
    ...(text === undefined ? {} : { text }),
    ...(fault === undefined ? {} : { fault: fault as StubFault }),
    ...(values['fault-every'] === undefined ? {} : { faultEvery: Number(values['fault-every']) }),
  });
  console.log(JSON.stringify({ baseUrl: stub.baseUrl }));
  process.stdin.on('end', () => process.exit(0)).resume();
}
