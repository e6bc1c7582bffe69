import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../engine.ts';
import { definition } from '../engines/llama-cpp.ts';
import { ConfigError } from '../errors.ts';
import { smallShape } from '../testing/random-model.ts';
import { type ModelServerParts, type RunningModelServer, startModelServer } from './model-server.ts';

const baseDir = fileURLToPath(new URL('../../../..', import.meta.url));
const prompt =
  "Question: Vera has 58 stones. Vera buys 13. Vera sells 9. How many stones does Vera have now?\nLet's think step by step.";
const greedy = { prompt, temperature: 0, max_tokens: 40 };

let engine: Engine;
let server: RunningModelServer;
const logged: string[] = [];
const patience = { timeout: 20_000 };

const serving = (over: Partial<ModelServerParts> = {}, host = '127.0.0.1') => {
  const parts = { engine, name: 'lab', chat: false, apiKey: null, now: Date.now, random: () => 0.5 };
  return startModelServer({ ...parts, log: (message) => void logged.push(message), ...over }, { host, port: 0 });
};
const open = (over: object = {}) => {
  const settings = { model: 'models/lab/lab-world-2m.gguf', gpu: false, threads: 1, contextSize: 1024, batch: 4 };
  const parts = { baseDir, cacheDir: tmpdir(), env: {}, now: Date.now, notify: () => {} };
  return definition.create(definition.options.parse({ ...settings, ...over }), parts);
};

beforeAll(async () => {
  engine = await open();
  server = await serving();
});
afterAll(async () => {
  await server.close();
  await engine.close();
});

const post = (path: string, body: unknown, init: RequestInit = {}, url = server.url) =>
  fetch(`${url}${path}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init });
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, field by field.
const json = async (answer: Response): Promise<any> => answer.json();

/** The JSONs of a stream, up to its [DONE]. */
async function eventsOf(answer: Response) {
  const lines = (await answer.text()).split('\n\n').filter((line) => line !== '');
  expect(lines.pop()).toBe('data: [DONE]');
  return lines.map((line) => JSON.parse(line.slice('data: '.length)));
}

const metric = async (name: string) =>
  Number(new RegExp(`^vllm:${name}\\{.*\\} (.*)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())?.[1]);

describe('completions', () => {
  it('are what the engine answers', async () => {
    const own = await engine.generate({ ...greedy, topP: 1, topK: 0, maxTokens: 40, stop: [], seed: 1 });
    const answer = await json(await post('/v1/completions', { ...greedy, model: 'lab' }));
    expect(answer).toMatchObject({
      object: 'text_completion',
      model: 'lab',
      choices: [{ text: own.text, finish_reason: own.finishReason, logprobs: null }],
      usage: { prompt_tokens: own.usage.promptTokens, completion_tokens: own.usage.completionTokens },
    });
    expect(answer.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(20);
  });

  it('come token by token where that is asked for', async () => {
    const whole = await json(await post('/v1/completions', greedy));
    const events = await eventsOf(
      await post('/v1/completions', { ...greedy, stream: true, stream_options: { include_usage: true } }),
    );
    const pieces = events.slice(0, -1).map(({ choices }) => choices[0].text as string);
    expect(pieces.join('')).toBe(whole.choices[0].text);
    expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(10);
    expect(events.at(-2).choices[0].finish_reason).toBe('stop');
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: whole.usage.completion_tokens } });
  });

  it('never stream a stop string or the start of one', async () => {
    const { text } = (await json(await post('/v1/completions', greedy))).choices[0];
    const middle = Math.floor(text.length / 2);
    const stop = [`${text.slice(middle - 3, middle)}never`, text.slice(middle, middle + 4)];
    const events = await eventsOf(await post('/v1/completions', { ...greedy, stream: true, stop }));
    expect(events.map(({ choices }) => choices[0].text).join('')).toBe(text.slice(0, text.indexOf(stop[1])));
  });

  it('echo a prompt with the log-probabilities of its tokens', async () => {
    const body = { ...greedy, max_tokens: 0, echo: true, logprobs: 1 };
    const { choices, usage } = await json(await post('/v1/completions', body));
    const scored = await engine.score?.({ prompt: '', continuation: prompt });
    const { tokens, token_logprobs: logprobs, text_offset: offsets } = choices[0].logprobs;
    expect(choices[0].text).toBe(prompt);
    expect(tokens.join('')).toBe(prompt);
    expect(logprobs[0]).toBeNull();
    expect(logprobs.slice(1)).toEqual(scored?.logprobs);
    expect(offsets.at(-1)).toBe(prompt.length - tokens.at(-1).length);
    expect(usage).toMatchObject({ prompt_tokens: tokens.length, completion_tokens: 0 });
  });

  it('take and tell token ids, whole and streamed', async () => {
    const { tokens: ids } = await json(await post('/tokenize', { prompt }));
    const asText = await json(await post('/v1/completions', { ...greedy, return_token_ids: true }));
    const asIds = { ...greedy, prompt: ids, return_token_ids: true };
    const { choices, usage } = await json(await post('/v1/completions', asIds));
    expect(choices[0]).toEqual(asText.choices[0]);
    expect(choices[0].prompt_token_ids).toEqual(ids);
    expect(choices[0].token_ids).toHaveLength(usage.completion_tokens);
    expect(usage.prompt_tokens).toBe(ids.length);
    expect((await json(await post('/detokenize', { tokens: choices[0].token_ids }))).content).toContain(
      choices[0].text,
    );
    const nested = await json(await post('/v1/completions', { ...greedy, prompt: [ids] }));
    expect(nested.choices[0].text).toBe(choices[0].text);
    expect(nested.choices[0].token_ids).toBeUndefined();

    const events = await eventsOf(await post('/v1/completions', { ...asIds, stream: true }));
    expect(events.flatMap((event) => event.choices[0].token_ids)).toEqual(choices[0].token_ids);
    expect(events.map((event) => event.choices[0].text).join('')).toBe(choices[0].text);

    const scoring = { ...greedy, max_tokens: 0, echo: true, logprobs: 1 };
    const echoed = await json(await post('/v1/completions', { ...scoring, prompt: ids }));
    expect(echoed.choices).toEqual((await json(await post('/v1/completions', scoring))).choices);
  });

  it('are sampled alike for the same seed', async () => {
    const texts = await Promise.all(
      [7, 7, 8].map(async (seed) => {
        const body = { ...greedy, prompt: 'Question:', temperature: 1.5, top_p: 0.95, top_k: 50, seed };
        return (await json(await post('/v1/completions', body))).choices[0].text;
      }),
    );
    expect(texts[1]).toBe(texts[0]);
    expect(texts[2]).not.toBe(texts[0]);
  });

  it('are given up when nobody reads them any more', async () => {
    const endless = { ...greedy, temperature: 50, seed: 1, max_tokens: 900 };
    for (const stream of [true, false]) {
      const failures = engine.stats?.().failures ?? 0;
      const reader = new AbortController();
      const answer = post('/v1/completions', { ...endless, stream }, { signal: reader.signal });
      if (stream) await (await answer).body?.getReader().read();
      else await expect.poll(() => metric('num_requests_running'), patience).toBe(1);
      reader.abort();
      await answer.catch(() => {});
      await expect.poll(() => engine.stats?.().failures, patience).toBe(failures + 1);
      expect(await metric('num_requests_running')).toBe(0);
    }
  });
});

describe('what cannot be done is said', () => {
  it.each([
    [new RegExp(`^token id 9999: the model has the ids 0 to ${smallShape.vocab_size - 1}`), 400, { prompt: [1, 9999] }],
    [/^prompt.1: /, 400, { prompt: [1, -1] }],
    [/^prompt: /, 400, { prompt: [] }],
    [/^prompt: /, 400, { prompt: [1, 'a'] }],
    [/^prompt: one prompt a request/, 400, { prompt: [[1], [2]] }],
    [/^prompt: one prompt a request/, 400, { prompt: ['a', 'b'] }],
    [/^prompt: /, 400, {}],
    [/^n: this server cannot do it/, 400, { prompt: 'x', n: 2 }],
    [/^presence_penalty: /, 400, { prompt: 'x', presence_penalty: 0.5 }],
    [/^temperature: /, 400, { prompt: 'x', temperature: -1 }],
    [/^logprobs: /, 400, { prompt: 'x', logprobs: 5 }],
    [/^max_tokens: 0 only with echo/, 400, { prompt: 'x', max_tokens: 0 }],
    [/^stream: not together/, 400, { prompt: 'x', echo: true, stream: true }],
    [/tokens, the context 1024/, 400, { prompt: 'x '.repeat(3000) }],
    [/tokens, the context 1024/, 400, { prompt: 'x '.repeat(3000), stream: true }],
    [/`other` does not exist; this server has `lab`/, 404, { prompt: 'x', model: 'other' }],
    [/not JSON/, 400, '{"prompt":'],
    [/^body: /, 400, '[]'],
    [/larger than/, 413, { prompt: 'x'.repeat(9 * 2 ** 20) }],
  ])('%s', async (message, status, body) => {
    const answer = await post('/v1/completions', body);
    const { error } = await json(answer);
    expect(answer.status).toBe(status);
    expect(error.message).toMatch(message);
    expect(error.type).toMatch(/_error$/);
  });

  it('neutral values of fields that it cannot follow are taken', async () => {
    const fields = {
      n: 1,
      min_p: 0,
      repetition_penalty: 1,
      top_k: -1,
      presence_penalty: 0,
      user: 'me',
      logit_bias: null,
    };
    expect((await post('/v1/completions', { ...greedy, ...fields })).status).toBe(200);
  });

  it('also unknown paths, and chats where the prompt goes in as it is', async () => {
    expect((await json(await post('/v1/embeddings', {}))).error.message).toBe('there is no POST /v1/embeddings here');
    expect((await json(await post('/v1/chat/completions', {}))).error.message).toMatch(/without --chat/);
  });
});

describe('chats', () => {
  it('go through the template of the model', async () => {
    const chatting = await open({ chat: true, batch: 1 });
    const chats = await serving({ engine: chatting, chat: true });
    try {
      const own = await chatting.generate({ ...greedy, topP: 1, topK: 0, maxTokens: 12, stop: [], seed: 1 });
      const body = { messages: [{ role: 'user', content: [{ type: 'text', text: prompt }] }], temperature: 0 };
      const whole = await json(await post('/v1/chat/completions', { ...body, max_tokens: 12 }, {}, chats.url));
      expect(whole).toMatchObject({
        object: 'chat.completion',
        choices: [{ message: { role: 'assistant', content: own.text } }],
        usage: { prompt_tokens: own.usage.promptTokens },
      });
      const events = await eventsOf(
        await post('/v1/chat/completions', { ...body, max_completion_tokens: 12, stream: true }, {}, chats.url),
      );
      expect(events[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
      expect(events.map(({ choices }) => choices[0].delta.content).join('')).toBe(own.text);
      const two = [...body.messages, { role: 'assistant', content: 'So?' }, ...body.messages];
      const refused = await json(await post('/v1/chat/completions', { messages: two }, {}, chats.url));
      expect(refused.error.message).toMatch(/^messages: one message of role user/);
    } finally {
      await chats.close();
      await chatting.close();
    }
  });
});

describe('who may ask', () => {
  it('is who has the key, where there is one; a public address needs one', async () => {
    const guarded = await serving({ apiKey: 'sk-of-the-test' });
    const ask = (headers: Record<string, string>) => fetch(`${guarded.url}/v1/models`, { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer sk-wrong' })).status).toBe(401);
    expect((await ask({ authorization: 'Bearer sk-of-the-test', origin: 'http://page.example' })).status).toBe(200);
    expect((await fetch(`${guarded.url}/health`)).status).toBe(200);
    await guarded.close();
    await expect(serving({}, '0.0.0.0')).rejects.toThrow(/set FORGE_MODEL_SERVER_KEY/);
    await expect(serving({}, '0.0.0.0')).rejects.toBeInstanceOf(ConfigError);
  });

  it('is no page of another site, where there is none', async () => {
    const status = (headers: Record<string, string>) =>
      new Promise((resolve, reject) =>
        httpRequest(`${server.url}/v1/models`, { headers }, (answer) => resolve(answer.resume().statusCode))
          .on('error', reject)
          .end(),
      );
    expect(await status({ host: 'rebound.example' })).toBe(403);
    expect(await status({ origin: 'http://page.example' })).toBe(403);
    expect(await status({ host: 'localhost:1' })).toBe(200);
  });
});

describe('the rest', () => {
  it('counts tokens as vLLM and llama-server are asked to', async () => {
    const count = await engine.countTokens?.('one two three');
    const asked = await json(await post('/tokenize', { prompt: 'one two three', add_special_tokens: false }));
    expect(asked).toEqual({ count, tokens: await engine.tokenizer?.encode('one two three'), max_model_len: 1024 });
    expect(await json(await post('/tokenize', { content: 'one two three' }))).toMatchObject({ count });
    const whole = await json(await post('/detokenize', { tokens: asked.tokens }));
    expect(whole).toEqual({ prompt: 'one two three', content: 'one two three' });
    expect((await post('/detokenize', { tokens: [9999] })).status).toBe(400);
    expect((await post('/tokenize', {})).status).toBe(400);
  });

  it('counts what was done', async () => {
    const before = [await metric('prompt_tokens_total'), await metric('prefix_cache_hits_total')];
    const { usage } = await json(await post('/v1/completions', greedy));
    expect((await metric('prompt_tokens_total')) - (before[0] ?? 0)).toBe(usage.prompt_tokens);
    expect((await metric('prefix_cache_hits_total')) - (before[1] ?? 0)).toBe(
      usage.prompt_tokens_details.cached_tokens,
    );
  });

  it('lets what is under way end when it closes', async () => {
    const closing = await serving();
    const answer = await post('/v1/completions', { ...greedy, stream: true }, {}, closing.url);
    const closed = closing.close();
    expect((await eventsOf(answer)).at(-1).choices[0].finish_reason).toBe('stop');
    await closed;
    await expect(fetch(closing.url)).rejects.toThrow();
    expect(logged).toEqual([]);
  });
});
