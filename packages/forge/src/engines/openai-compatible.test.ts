import { afterEach, describe, expect, it } from 'vitest';
import type { Notice } from '../definition.ts';
import type { Engine, GenerateRequest } from '../engine.ts';
import { ConfigError, EngineError } from '../errors.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { type StubFault, type StubOptions, type StubRequest, startOpenAiStub } from '../testing/openai-stub-server.ts';
import { definition } from './openai-compatible.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function stubOf(options: StubOptions = {}) {
  const stub = await startOpenAiStub(options);
  open.push(stub);
  return stub;
}

function make(given: object, env: Record<string, string> = {}, notices: Notice[] = []): Engine {
  const parts = {
    baseDir: '.',
    cacheDir: '.',
    env,
    now: () => Date.now(),
    notify: (one: Notice) => void notices.push(one),
  };
  return definition.create(definition.options.parse({ model: 'stub', ...given }), parts) as Engine;
}

const request = (changed: Partial<GenerateRequest> = {}): GenerateRequest => {
  return { prompt: 'Why?', temperature: 0, topP: 1, topK: 0, maxTokens: 50, stop: [], seed: 3, ...changed };
};

/** An engine against a stub with these options, and what the stub was sent. */
async function pair(options: StubOptions = {}, given: object = {}, env: Record<string, string> = {}) {
  const sent: StubRequest[] = [];
  const notices: Notice[] = [];
  const stub = await stubOf({
    ...options,
    answer(one) {
      sent.push(one);
      return options.answer?.(one);
    },
  });
  const engine = make({ baseUrl: stub.baseUrl, ...given }, env, notices);
  open.push(engine);
  return { stub, engine, sent, notices };
}

for (const api of ['chat', 'completions'] as const) {
  for (const stream of [true, false]) {
    describe(`${api}, ${stream ? 'streamed' : 'whole'}`, () => {
      engineContract('openai-compatible', {
        async create() {
          const stub = await startOpenAiStub({ latencyMs: 5 });
          const engine = make({ baseUrl: stub.baseUrl, api, stream, concurrency: 16 });
          return {
            ...engine,
            async close() {
              await engine.close();
              await stub.close();
            },
          };
        },
      });
    });
  }
}

describe('what it sends', () => {
  it('is every sampling field, so that no default of the server counts', async () => {
    const { engine, sent } = await pair();
    await engine.generate(request({ temperature: 0.7, topP: 0.9, topK: 40, stop: ['\n'] }));
    await engine.generate(request());
    const fields = {
      model: 'stub',
      messages: [{ role: 'user', content: 'Why?' }],
      max_tokens: 50,
      seed: 3,
      min_p: 0,
      repetition_penalty: 1,
    };
    const streamed = { stream: true, stream_options: { include_usage: true } };
    expect(sent[0]).toMatchObject({ path: '/v1/chat/completions' });
    expect(sent[0]?.body).toEqual({ ...fields, ...streamed, temperature: 0.7, top_p: 0.9, top_k: 40, stop: ['\n'] });
    expect(sent[1]?.body).toEqual({ ...fields, ...streamed, temperature: 0, top_p: 1, top_k: -1 });
  });

  it('is what OpenAI takes where that is asked for; the other stops cut the answer here', async () => {
    const { engine, sent } = await pair(
      {},
      { samplingFields: 'standard', api: 'completions', stream: false, maxTokensField: 'max_completion_tokens' },
    );
    const { text } = await engine.generate(request({ stop: ['a1', 'a2', 'a3', 'a4', ' question'] }));
    expect(sent[0]?.body).toEqual({
      model: 'stub',
      prompt: 'Why?',
      temperature: 0,
      top_p: 1,
      max_completion_tokens: 50,
      seed: 3,
      stop: ['a1', 'a2', 'a3', 'a4'],
    });
    expect(text).toBe('The answer to the');
    await expect(engine.generate(request({ topK: 5 }))).rejects.toThrow(/topK: 5 cannot be sent/);
  });

  it('takes fields from extraBody last, and leaves out those that are null', async () => {
    const extraBody = { top_k: 7, seed: null, chat_template_kwargs: { enable_thinking: false } };
    const { engine, sent } = await pair({}, { extraBody });
    await engine.generate(request());
    expect(sent[0]?.body).toMatchObject({ top_k: 7, chat_template_kwargs: { enable_thinking: false } });
    expect(sent[0]?.body).not.toHaveProperty('seed');
    expect(engine.fingerprint).toContain('enable_thinking');
  });

  it('is the key as a header, and nowhere else', async () => {
    const env = { MY_KEY: 'sk-secret-of-test', OTHER: 'second-secret' };
    const { engine, sent } = await pair(
      { fault: 'wrong-key' },
      { apiKeyEnv: 'MY_KEY', headersEnv: { 'X-Gate': 'OTHER' }, headers: { 'X-Team': 'lab' } },
      env,
    );
    const error = await engine.generate(request()).catch((one) => one);
    expect(sent[0]?.headers).toMatchObject({
      authorization: 'Bearer sk-secret-of-test',
      'x-gate': 'second-secret',
      'x-team': 'lab',
    });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('[secret]');
    expect(`${error.stack}${JSON.stringify(engine)}${engine.fingerprint}`).not.toMatch(/sk-secret|second-secret/);
  });

  it('keeps the OpenAI key from servers that are not OpenAI’s', async () => {
    const { engine, sent } = await pair({}, {}, { OPENAI_API_KEY: 'sk-mine' });
    await engine.generate(request());
    expect(sent[0]?.headers).not.toHaveProperty('authorization');
    const hosted = { baseUrl: 'https://api.openai.com/v1' };
    expect(() => make(hosted)).toThrow(/OPENAI_API_KEY is not set/);
    expect(make(hosted, { OPENAI_API_KEY: 'sk-mine' }).settings.samplingFields).toBe('standard');
  });

  it('uses each connection again, and no more of them than told', async () => {
    const { stub, engine } = await pair({ latencyMs: 2 }, { concurrency: 4 });
    await Promise.all(Array.from({ length: 40 }, () => engine.generate(request())));
    expect(stub.stats).toMatchObject({ requests: 40, connections: 4, maxInFlight: 4 });
  });
});

describe('options that cannot work', () => {
  it.each([
    [{ baseUrl: 'http://me:pw@localhost/v1' }, /user name or password/],
    [
      { baseUrl: 'http://localhost/v1', headers: { Authorization: 'Bearer x' } },
      /headersEnv: \{ Authorization: VARIABLE \}/,
    ],
    [{ baseUrl: 'http://localhost/v1', apiKeyEnv: 'NOT_SET' }, /NOT_SET is not set/],
    [{ baseUrl: 'http://localhost/v1', headers: { 'a b': 'x' } }, /not a header/],
    [{ baseUrl: 'ftp://localhost/v1' }, /http or https URL/],
  ])('%j', (given, message) => {
    expect(() => make(given)).toThrow(message);
  });
});

describe('what it measures', () => {
  it('the time to the first token, from a stream', async () => {
    const { engine } = await pair({ latencyMs: 40 });
    const { timing } = await engine.generate(request());
    expect(timing.prefillMs).toBeGreaterThanOrEqual(35);
    expect(timing.decodeMs).toBeLessThan(timing.prefillMs);
    expect(timing.totalMs).toBeCloseTo(timing.queuedMs + timing.prefillMs + timing.decodeMs, 6);
  });

  it('waiting for a connection, apart from the rest', async () => {
    const { engine } = await pair({ latencyMs: 40 }, { concurrency: 1 });
    const [, second] = await Promise.all([engine.generate(request()), engine.generate(request())]);
    expect(second?.timing.queuedMs).toBeGreaterThanOrEqual(35);
  });

  it.each([true, false])('tokens by /tokenize where the answer has no usage (stream: %s)', async (stream) => {
    const { engine, notices } = await pair({ withoutUsage: true, text: 'one two three' }, { stream });
    const { usage } = await engine.generate(request({ prompt: 'a b c d' }));
    expect(usage).toEqual({ promptTokens: 4, completionTokens: 3, cachedPromptTokens: 0 });
    expect(notices).toEqual([]);
  });

  it('0 tokens where the server counts nowhere, with one warning', async () => {
    const { engine, notices, sent } = await pair({ withoutUsage: true, withoutTokenize: true });
    for (let i = 0; i < 3; i++) expect((await engine.generate(request())).usage.promptTokens).toBe(0);
    expect(notices.map(({ message }) => message)).toEqual([expect.stringContaining('no token counts')]);
    expect(sent.filter(({ path }) => path === '/tokenize')).toHaveLength(1);
    expect(await engine.countTokens?.('12345678')).toBe(2);
  });
});

describe('score', () => {
  it('adds up the log-probabilities of the continuation from an echo', async () => {
    const { engine, sent } = await pair({}, { api: 'completions' });
    expect(await engine.score?.({ prompt: 'Why not?', continuation: ' of course' })).toEqual({
      tokens: [' of', ' course'],
      logprobs: [-3, -7],
      total: -10,
    });
    expect(sent).toHaveLength(1);
  });

  it('counts tokens where their text does not tell, as with halves of characters', async () => {
    const tokens: Record<string, string[]> = {
      'A:': ['<s>', 'A', ':'],
      'A: ü': ['<s>', 'A', ':', ' ', '\ufffd', '\ufffd'],
    };
    const { engine } = await pair(
      {
        answer({ body }) {
          const all = tokens[String(body.prompt)] as string[];
          const logprobs = { tokens: [...all, 'x'], token_logprobs: [null, ...all.map(() => -1)] };
          return {
            contentType: 'application/json',
            body: JSON.stringify({ choices: [{ logprobs }], usage: { prompt_tokens: all.length } }),
          };
        },
      },
      { api: 'completions' },
    );
    expect(await engine.score?.({ prompt: 'A:', continuation: ' ü' })).toMatchObject({
      logprobs: [-1, -1, -1],
      total: -3,
    });
  });

  it('is refused in one line where the server ignores echo', async () => {
    const { engine } = await pair({ withoutEcho: true }, { api: 'completions' });
    await expect(engine.score?.({ prompt: 'A', continuation: 'B', end: true })).rejects.toThrow('use end: false');
    await expect(engine.score?.({ prompt: 'A', continuation: 'B' })).rejects.toThrow(
      /use vLLM, SGLang or the llama-cpp engine/,
    );
  });
});

describe('a server in trouble', () => {
  const cases: [StubFault, Partial<EngineError>, RegExp][] = [
    ['rate-limited', { kind: 'rate-limited', retryable: true, retryAfterMs: 1000 }, /^HTTP 429: slow down$/],
    ['out-of-quota', { kind: 'rate-limited', retryable: false }, /pay first/],
    ['overloaded', { kind: 'server-error', retryable: true, retryAfterMs: 0 }, /^HTTP 503: busy$/],
    ['internal-error', { kind: 'server-error', retryable: true }, /^HTTP 500: it broke$/],
    ['bad-gateway', { kind: 'server-error', retryable: true }, /^HTTP 502: 502$/],
    ['unknown-field', { kind: 'bad-request', retryable: false }, /set samplingFields: standard/],
    ['context-overflow', { kind: 'context-overflow', retryable: false }, /maximum context length of 8/],
    ['hang', { kind: 'timeout', retryable: true }, /did not finish .* timeoutMs \(0.2 s\)/],
    ['drip', { kind: 'timeout', retryable: true }, /did not finish/],
    ['reset', { kind: 'server-error', retryable: true }, /ECONNRESET/],
    ['cut-off-body', { kind: 'server-error', retryable: true }, /broke in the middle/],
    ['half-json', { kind: 'bad-response', retryable: true }, /not whole JSON: "\{"choices":\[\{"text":"half/],
    ['cut-off-stream', { kind: 'bad-response', retryable: true }, /stream ended before/],
    ['error-in-stream', { kind: 'server-error', retryable: true }, /died/],
    ['html', { kind: 'bad-response', retryable: false }, /web page .* is baseUrl the address/],
    ['not-utf-8', { kind: 'bad-response', retryable: false }, /not UTF-8/],
    ['not-an-object', { kind: 'bad-response', retryable: false }, /not an answer of the OpenAI protocol/],
    ['empty-choices', { kind: 'bad-response', retryable: false }, /no choices/],
    ['content-filter', { kind: 'bad-response', retryable: false }, /content filter/],
    ['tool-calls', { kind: 'bad-response', retryable: false }, /called a tool/],
    ['huge', { kind: 'bad-response', retryable: false }, /longer than maxResponseBytes \(100000\)/],
  ];
  it.each(cases)('%s is an EngineError, and the next request goes through', async (fault, expected, message) => {
    const timeoutMs = expected.kind === 'timeout' ? 200 : 20_000;
    const { engine } = await pair({ fault, faultCount: 1 }, { timeoutMs, maxResponseBytes: 100_000 });
    const error = await engine.generate(request()).catch((one) => one);
    expect(error).toBeInstanceOf(EngineError);
    expect({ kind: error.kind, retryable: error.retryable, retryAfterMs: error.retryAfterMs }).toEqual({
      retryAfterMs: undefined,
      ...expected,
    });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect((await engine.generate(request())).text).toContain('forty two');
    expect(engine.stats?.()).toMatchObject({ requests: 2, failures: 1 });
  });

  it('tells a Retry-After that is a date', async () => {
    const { engine } = await pair({ fault: 'rate-limited-until-date' });
    const error = await engine.generate(request()).catch((one) => one);
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(error.retryAfterMs).toBeLessThanOrEqual(2000);
  });

  it.each([
    ['no-such-model', /baseUrl, api, model: .* HTTP 404: The model `stub` does not exist/],
    ['moved', /baseUrl: .* redirects to https:\/\/elsewhere.example/],
    ['wrong-key', /apiKeyEnv: /],
  ] as const)('%s ends the run: every request would fare the same', async (fault, message) => {
    const { engine } = await pair({ fault });
    const error = await engine.generate(request()).catch((one) => one);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
  });

  it('is not there at all', async () => {
    const stub = await startOpenAiStub();
    await stub.close();
    const error = await make({ baseUrl: stub.baseUrl })
      .generate(request())
      .catch((one) => one);
    expect(error).toMatchObject({
      kind: 'server-error',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('closes a connection just as it is used again: the request goes out once more, unnoticed', async () => {
    const { engine, stub } = await pair({ fault: 'reset', faultEvery: 2 }, { concurrency: 1 });
    await engine.generate(request());
    expect((await engine.generate(request())).text).toContain('forty two');
    expect(stub.stats.requests).toBe(3);
    expect(engine.stats?.()).toMatchObject({ requests: 2, failures: 0 });
  });
});
