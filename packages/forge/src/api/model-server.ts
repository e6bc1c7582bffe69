import { createHash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Engine } from '../engine.ts';
import { ConfigError, EngineError, messageOf } from '../errors.ts';
import { type AnswerHead, wholeAnswer } from './model-server/answer.ts';
import { completeWhole, engineRequest, servedPrompt, tokenizerOf } from './model-server/complete.ts';
import { metricsText } from './model-server/metrics.ts';
import { errorBody, ModelServerProblem, modelServerProblemOf } from './model-server/problem.ts';
import {
  parseChat,
  parseCompletion,
  parseDetokenize,
  parseTokenize,
  type ServedRequest,
} from './model-server/request.ts';
import { streamAnswer } from './model-server/stream.ts';

export interface ModelServerParts {
  readonly engine: Engine;
  /** Under which requests name the model. */
  readonly name: string;
  /** Whether the engine puts prompts into the model's chat template: chats are served then, else plain completions. */
  readonly chat: boolean;
  /** What requests must carry as a bearer token; null: nothing, and only pages of this machine may ask. */
  readonly apiKey: string | null;
  /** ms since the epoch. */
  now(): number;
  /** In [0, 1): seeds of requests that name none. */
  random(): number;
  log(message: string): void;
}

export interface RunningModelServer {
  readonly url: string;
  /** No further requests; what is under way has a little time to end. The engine is not closed. */
  close(): Promise<void>;
}

const maxBodyBytes = 8 * 2 ** 20;
const maxInFlight = 4096;
const closeGraceMs = 10_000;
const closePollMs = 50;
const loopback = ['localhost', '127.0.0.1', '[::1]'];

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Throws ModelServerProblem where a request may not be answered. */
function createGuard(apiKey: string | null) {
  const expected = apiKey === null ? null : digest(`Bearer ${apiKey}`);
  return (headers: { authorization?: string; host?: string; origin?: string }) => {
    if (expected !== null) {
      if (timingSafeEqual(digest(headers.authorization ?? ''), expected)) return;
      throw new ModelServerProblem(401, 'authorization: the API key is missing or wrong', { code: 'invalid_api_key' });
    }
    // A page of another site that a browser was made to show must not use this server.
    const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!loopback.includes(host) || headers.origin !== undefined)
      throw new ModelServerProblem(403, 'without an API key only programs of this machine are answered');
  };
}

/** Requests under way: bounded, counted, and ended together. */
function createFlight(stop: AbortSignal) {
  let inFlight = 0;
  let answered = 0;
  return {
    counts: () => ({ inFlight, answered }),
    async track<Result>(work: (stop: AbortSignal) => Promise<Result>): Promise<Result> {
      if (inFlight >= maxInFlight) throw new ModelServerProblem(503, `more than ${maxInFlight} requests are under way`);
      inFlight++;
      try {
        const result = await work(stop);
        answered++;
        return result;
      } finally {
        inFlight--;
      }
    },
  };
}

async function bodyOf(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    throw new ModelServerProblem(400, 'body: not JSON');
  }
}

function createModelApi(parts: ModelServerParts, stop: AbortSignal): Hono {
  const { engine, name, chat, now, random, log } = parts;
  const guard = createGuard(parts.apiKey);
  const flight = createFlight(stop);
  const startedAt = Math.floor(now() / 1000);
  const contextSize = Number(engine.settings.contextSize ?? 0) || undefined;
  let served = 0;

  function checkModel(model: string | null): void {
    if (model === null || model === name) return;
    throw new ModelServerProblem(404, `The model \`${model}\` does not exist; this server has \`${name}\``, {
      param: 'model',
      code: 'model_not_found',
    });
  }

  async function answer(c: Context, given: ServedRequest): Promise<Response> {
    checkModel(given.model);
    const id = `${chat ? 'chatcmpl' : 'cmpl'}-${now().toString(36)}-${served++}`;
    const from: AnswerHead = { id, created: Math.floor(now() / 1000), model: name, chat };
    const gone = c.req.raw.signal;
    const prompt = await servedPrompt(engine, given);
    const ask = (own: AbortSignal) => {
      const signal = AbortSignal.any([stop, gone, own]);
      return { ...engineRequest(given, prompt, random, signal), signal };
    };
    if (!given.stream) {
      const whole = () => completeWhole(engine, given, prompt, ask(gone));
      const { answer: said, logprobs } = await flight.track(whole);
      return c.json(wholeAnswer(from, said, logprobs, given.tokenIds ? prompt.ids : undefined));
    }
    const events = await streamAnswer(
      from,
      { includeUsage: given.includeUsage, tokenIds: given.tokenIds },
      (own, onText) => flight.track(() => engine.generate({ ...ask(own), onText })),
      logUnexpected,
    );
    return c.body(events, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  }

  function logUnexpected(error: unknown): void {
    if (error instanceof ModelServerProblem || error instanceof EngineError) return;
    log(`unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  const api = new Hono();
  api.get('/health', (c) => c.json({ status: 'ok' }));
  api.use(async (c, next) => {
    guard(c.req.header());
    await next();
  });
  api.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new ModelServerProblem(413, `body: larger than ${maxBodyBytes} bytes`);
      },
    }),
  );
  api.get('/v1/models', (c) => {
    const one = { id: name, object: 'model', created: startedAt, owned_by: 'llm-forge' };
    return c.json({ object: 'list', data: [{ ...one, ...(contextSize && { max_model_len: contextSize }) }] });
  });
  api.post('/v1/completions', async (c) => {
    if (chat) throw new ModelServerProblem(400, 'this model is served with --chat: use /v1/chat/completions');
    return answer(c, parseCompletion(await bodyOf(c)));
  });
  api.post('/v1/chat/completions', async (c) => {
    if (!chat) throw new ModelServerProblem(400, 'this model is served without --chat: use /v1/completions');
    return answer(c, parseChat(await bodyOf(c)));
  });
  api.post('/tokenize', async (c) => {
    const { text, start } = parseTokenize(await bodyOf(c));
    const tokens = await tokenizerOf(engine).encode(text, { start });
    return c.json({ count: tokens.length, tokens, ...(contextSize && { max_model_len: contextSize }) });
  });
  api.post('/detokenize', async (c) => {
    // vLLM names it prompt, llama-server content.
    const text = await tokenizerOf(engine).decode(parseDetokenize(await bodyOf(c)));
    return c.json({ prompt: text, content: text });
  });
  api.get('/metrics', async (c) => {
    const stats = engine.stats?.();
    if (stats === undefined) throw new ModelServerProblem(501, 'the engine keeps no counters');
    const load = engine.load === undefined ? null : await engine.load();
    const counters = { ...flight.counts(), concurrency: engine.concurrency };
    return c.text(metricsText(name, counters, stats, load), 200, { 'content-type': 'text/plain; version=0.0.4' });
  });
  api.notFound((c) =>
    c.json(errorBody(new ModelServerProblem(404, `there is no ${c.req.method} ${c.req.path} here`)), 404),
  );
  api.onError((error, c) => {
    logUnexpected(error);
    const problem = modelServerProblemOf(error);
    return c.json(errorBody(problem), problem.status as 400, problem.status === 503 ? { 'retry-after': '1' } : {});
  });
  return api;
}

/** Serves an engine by the OpenAI protocol. Throws ConfigError where it cannot listen, and for a public address without a key. */
export async function startModelServer(
  parts: ModelServerParts,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<RunningModelServer> {
  if (parts.apiKey === null && !['localhost', '127.0.0.1', '::1'].includes(host)) {
    throw new ConfigError(
      `--host ${host}: others can reach it; set FORGE_MODEL_SERVER_KEY to the key that requests must carry, or listen on 127.0.0.1`,
    );
  }
  const stop = new AbortController();
  const api = createModelApi(parts, stop.signal);
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const listening = serve({ fetch: api.fetch, hostname: host, port }, () => resolve(listening));
    listening.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new ConfigError(
          error.code === 'EADDRINUSE'
            ? `--port ${port}: in use by another program; choose another, or 0 for any free one`
            : `--host ${host} --port ${port}: cannot listen (${error.code ?? messageOf(error)})`,
        ),
      ),
    );
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => stop.abort(), closeGraceMs);
      // A connection that its client keeps for later is closed as soon as it has nothing under way.
      const idle = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), closePollMs);
      await closed;
      clearTimeout(timer);
      clearInterval(idle);
    },
  };
}
