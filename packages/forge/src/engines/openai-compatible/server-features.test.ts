import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest } from '../../engine.ts';
import { ConfigError, EngineError } from '../../errors.ts';
import { type StubAnswer, type StubRequest, startOpenAiStub } from '../../testing/openai-stub-server.ts';
import { definition } from '../openai-compatible.ts';
import { loadOfMetrics } from './load.ts';
import { parsePrometheus } from './prometheus.ts';

const fixtures = new URL('./fixtures/', import.meta.url);
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const json = (body: unknown, status = 200): StubAnswer => {
  return { status, contentType: 'application/json', body: typeof body === 'string' ? body : JSON.stringify(body) };
};

/** An engine against a stub that answers as told, and what the stub was sent. */
async function pair(answer: (one: StubRequest) => StubAnswer | undefined = () => undefined, given: object = {}) {
  const sent: StubRequest[] = [];
  const stub = await startOpenAiStub({
    answer(one) {
      sent.push(one);
      return answer(one);
    },
  });
  const parts = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify: () => {} };
  const options = definition.options.parse({ baseUrl: stub.baseUrl, model: 'base', ...given });
  const engine = (await definition.create(options, parts)) as Engine;
  open.push(engine, stub);
  return { engine, sent, paths: () => sent.map(({ path }) => path) };
}

const request: GenerateRequest = { prompt: 'Why?', temperature: 0, topP: 1, topK: 0, maxTokens: 9, stop: [], seed: 3 };

describe('load', () => {
  const metrics = (name: string) => readFileSync(new URL(`metrics/${name}`, fixtures), 'utf8');

  it.each([
    [
      'vllm.prom',
      {
        runningRequests: 12,
        waitingRequests: 3,
        kvCacheUsage: 0.4375,
        prefixQueryTokens: 1_250_000,
        prefixHitTokens: 800_000,
      },
    ],
    [
      'vllm-0.8.prom',
      { runningRequests: 1, waitingRequests: 0, kvCacheUsage: 0.125, prefixQueryTokens: 512, prefixHitTokens: 256 },
    ],
    [
      'sglang.prom',
      { runningRequests: 14, waitingRequests: 2, kvCacheUsage: 0.28, prefixQueryTokens: 5000, prefixHitTokens: 3168 },
    ],
    [
      'llama-server.prom',
      {
        runningRequests: 4,
        waitingRequests: 46,
        kvCacheUsage: null,
        prefixQueryTokens: 207_179,
        prefixHitTokens: 129_725,
      },
    ],
  ])('is read from %s', async (file, expected) => {
    const { engine, paths } = await pair(({ path }) =>
      path === '/metrics' ? { contentType: 'text/plain; version=0.0.4', body: metrics(file) } : undefined,
    );
    expect(await engine.load?.()).toEqual(expected);
    expect(paths()).toEqual(['/metrics']);
  });

  it('does not wait for the requests under way', async () => {
    let answered = 0;
    const stub = await startOpenAiStub({
      latencyMs: 300,
      answer: ({ path }) =>
        path === '/metrics' ? { contentType: 'text/plain', body: 'vllm:num_requests_running 1\n' } : undefined,
    });
    const parts = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify: () => {} };
    const options = { baseUrl: stub.baseUrl, model: 'base', concurrency: 1 };
    const engine = (await definition.create(definition.options.parse(options), parts)) as Engine;
    open.push(engine, stub);
    const asked = engine.generate(request).then(() => answered++);
    expect((await engine.load?.())?.runningRequests).toBe(1);
    expect(answered).toBe(0);
    await asked;
  });

  it('is an error where a server tells nothing, with what would make it tell', async () => {
    const { engine } = await pair();
    await expect(engine.load?.()).rejects.toThrow(/has no \/metrics \(HTTP 404\): .* llama-server with --metrics/);
    await expect(engine.load?.()).rejects.toBeInstanceOf(EngineError);
    expect(() => loadOfMetrics('python_gc_objects_collected_total 1\n')).toThrow(/none of the metrics of vLLM/);
  });

  it('takes Prometheus text as it comes: labels with any character, times, what is no number', () => {
    const text = [
      'a{x="}, {\\"y\\" \\\\ \\n",y="2"} 1 1759000000000',
      'a 2\r',
      '  a{} +Inf',
      'a{broken 3',
      'a{x="unclosed 4',
      'a NaN',
      'a',
      '# a 5',
      'ab 6',
    ].join('\n');
    expect(parsePrometheus(text, new Set(['a']))).toEqual([
      { name: 'a', labels: { x: '}, {"y" \\ \n', y: '2' }, value: 1 },
      { name: 'a', labels: {}, value: 2 },
      { name: 'a', labels: {}, value: Number.POSITIVE_INFINITY },
    ]);
  });
});

describe('token times', () => {
  const chunk = (text: string, more: object = {}) => ({ choices: [{ index: 0, text, finish_reason: null, ...more }] });
  const streamOf = (events: unknown[]) => ({
    contentType: 'text/event-stream',
    body: `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`,
  });

  it('are those of the pieces, and only there where they are asked for', async () => {
    const { engine, sent } = await pair();
    const { tokenMs = [], timing, usage } = await engine.generate({ ...request, tokenTimes: true });
    expect(tokenMs).toHaveLength(usage.completionTokens);
    expect(tokenMs[0]).toBeCloseTo(timing.queuedMs + timing.prefillMs, 6);
    expect(tokenMs).toEqual([...tokenMs].sort((a, b) => a - b));
    expect(tokenMs.at(-1)).toBeLessThanOrEqual(timing.totalMs);
    expect(sent[0]?.body).toMatchObject({ return_token_ids: true });
    expect((await engine.generate(request)).tokenMs).toBeUndefined();
    expect(sent[1]?.body).not.toHaveProperty('return_token_ids');
  });

  it('are those of the tokens where vLLM says how many a piece has', async () => {
    const events = [chunk(' forty', { token_ids: [1, 2], prompt_token_ids: [7] }), chunk(' two', { token_ids: [3] })];
    const { engine } = await pair(() => streamOf([...events, chunk('', { token_ids: [], finish_reason: 'stop' })]), {
      api: 'completions',
    });
    expect((await engine.generate({ ...request, tokenTimes: true })).tokenMs).toHaveLength(3);
  });

  it('are not there for an answer in one piece', async () => {
    const { engine } = await pair(undefined, { stream: false });
    expect((await engine.generate({ ...request, tokenTimes: true })).tokenMs).toBeUndefined();
  });
});

describe('scores from answers of real servers', () => {
  const files = readdirSync(new URL('scores/', fixtures));
  it.each(files)('%s', async (file) => {
    const { prompt, continuation, body, expected } = JSON.parse(
      readFileSync(new URL(`scores/${file}`, fixtures), 'utf8'),
    );
    const api = file.includes('chat') ? 'chat' : 'completions';
    const { engine, sent } = await pair(() => json(body), { api });
    expect(await engine.score?.({ prompt, continuation })).toEqual(expected);
    expect(sent).toHaveLength(1);
  });

  it('count the tokens of the chat where a template changed the text', async () => {
    const entry = (decoded_token: string) => ({ 1: { logprob: -1, rank: 1, decoded_token } });
    const before = [null, entry('Say'), entry('A:')];
    const { engine, sent } = await pair(({ body }) =>
      json({ prompt_logprobs: body.add_generation_prompt ? before : [...before, entry('Be'), entry('cause')] }),
    );
    expect((await engine.score?.({ prompt: 'Say', continuation: ' Because' }))?.tokens).toEqual(['Be', 'cause']);
    expect(sent[0]?.body).toMatchObject({
      messages: [{ role: 'user' }, { role: 'assistant', content: ' Because' }],
      prompt_logprobs: 0,
      continue_final_message: true,
    });
    expect(sent[1]?.body).toMatchObject({ messages: [{ role: 'user' }], add_generation_prompt: true });
  });

  it('are refused in one line where the server ignores prompt_logprobs; OpenAI’s own service is not asked', async () => {
    const { engine } = await pair(() => json({ choices: [{ message: { content: 'x' }, finish_reason: 'length' }] }));
    await expect(engine.score?.({ prompt: 'A', continuation: 'B' })).rejects.toThrow(/ignores `prompt_logprobs`/);
    await expect(engine.score?.({ prompt: 'A', continuation: 'B' })).rejects.toBeInstanceOf(ConfigError);
    expect((await pair(undefined, { samplingFields: 'standard' })).engine.score).toBeUndefined();
  });
});

describe('LoRA adapters', () => {
  const lora = [{ name: 'sql', path: '/models/sql-lora' }];
  const vllmLoads = ({ path }: StubRequest) =>
    path.startsWith('/v1/load') || path.startsWith('/v1/unload')
      ? { contentType: 'text/plain', body: "Success: LoRA adapter 'sql' added successfully." }
      : undefined;

  it('are loaded once before the first request, used, and unloaded at the end (vLLM)', async () => {
    const { engine, sent, paths } = await pair(vllmLoads, { lora });
    await Promise.all([engine.generate(request), engine.generate(request)]);
    const chat = '/v1/chat/completions';
    expect(paths()).toEqual(['/v1/load_lora_adapter', chat, chat]);
    expect(sent[0]?.body).toEqual({ lora_name: 'sql', lora_path: '/models/sql-lora' });
    expect(sent[1]?.body).toMatchObject({ model: 'sql' });
    expect(engine.fingerprint).toContain('/models/sql-lora');
    await engine.close();
    expect(sent.at(-1)).toMatchObject({ path: '/v1/unload_lora_adapter', body: { lora_name: 'sql' } });
  });

  it('of several leave the model as it is named', async () => {
    const { engine, sent } = await pair(vllmLoads, { lora: [...lora, { name: 'chess', path: '/models/chess' }] });
    await engine.generate(request);
    expect(sent.map(({ body }) => body.lora_name ?? body.model)).toEqual(['sql', 'chess', 'base']);
  });

  it('are loaded by SGLang as SGLang does it', async () => {
    const { engine, sent } = await pair(
      ({ path }) =>
        path === '/load_lora_adapter' ? json({ success: true, error_message: '', loaded_adapters: {} }) : undefined,
      { lora },
    );
    await engine.generate(request);
    expect(sent.map(({ path }) => path).slice(0, 2)).toEqual(['/v1/load_lora_adapter', '/load_lora_adapter']);
    expect(sent[2]?.body).toMatchObject({ model: 'base:sql' });
  });

  it('that are there already from the same place are used and stay', async () => {
    const loadedFrom = (root: string) => (one: StubRequest) => {
      if (one.path === '/v1/models') return json({ object: 'list', data: [{ id: 'sql', root, parent: 'base' }] });
      const message = "The lora adapter 'sql' has already been loaded.";
      return one.path === '/v1/load_lora_adapter' ? json({ error: { message, code: 400 } }, 400) : undefined;
    };
    const { engine, paths } = await pair(loadedFrom('/models/sql-lora'), { lora });
    await engine.generate(request);
    await engine.close();
    expect(paths()).toEqual(['/v1/load_lora_adapter', '/v1/models', '/v1/chat/completions']);
    const other = await pair(loadedFrom('/models/another'), { lora });
    await expect(other.engine.generate(request)).rejects.toThrow(/lora.sql: .* has already been loaded/);
  });

  it('that the server does not take end the run, with what to do', async () => {
    const { engine } = await pair(undefined, { lora });
    const error = await engine.generate(request).catch((one) => one);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^lora.sql: .*HTTP 404: Not Found.* VLLM_ALLOW_RUNTIME_LORA_UPDATING=True/);
  });
});
