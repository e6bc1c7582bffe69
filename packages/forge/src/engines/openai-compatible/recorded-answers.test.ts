import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { startOpenAiStub } from '../../testing/openai-stub-server.ts';
import { definition } from '../openai-compatible.ts';
import { createEventReader } from './event-stream.ts';

interface Recorded {
  source: string;
  api: 'chat' | 'completions';
  stream: boolean;
  body?: unknown;
  events?: unknown[];
  /** The request offers a tool. */
  tools?: boolean;
  expected: { text: string; finishReason: string; usage: object; toolCalls?: object[] };
}

const folder = new URL('./fixtures/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const recorded = files.map((file) => {
  return [file, JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded] as const;
});
const streamOf = (events: unknown[]) =>
  events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('');

const conversation = {
  messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
  tools: [{ name: 'get_weather', description: 'Weather of a place', parameters: { type: 'object' } }],
} as const;

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe('answers in the shapes of real servers', () => {
  it.each(recorded)('%s', async (_, { api, stream, body, events, tools, expected }) => {
    const answer = stream
      ? { contentType: 'text/event-stream; charset=utf-8', body: streamOf(events ?? []) }
      : { contentType: 'application/json', body: JSON.stringify(body) };
    const stub = await startOpenAiStub({ answer: () => answer });
    const parts = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify: () => {} };
    const engine = await definition.create(
      definition.options.parse({ baseUrl: stub.baseUrl, model: 'm', api, stream }),
      parts,
    );
    open.push(engine, stub);
    const generation = await engine.generate({
      prompt: '?',
      temperature: 0,
      topP: 1,
      topK: 0,
      maxTokens: 9,
      stop: [],
      seed: 0,
      ...(tools ? { conversation } : {}),
    });
    expect(generation).toMatchObject(expected);
  });

  it('are read alike however the network cuts them into parts', () => {
    const bytes = Buffer.from(
      `: comment\r\n\r\nevent: x\r\n${streamOf([{ a: '你好' }, { b: 2 }, '[DONE]'])}data: {"late":1}\n\n`,
    );
    for (let size = 1; size < bytes.length; size++) {
      const seen: string[] = [];
      const reader = createEventReader((json) => seen.push(json));
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      expect(seen).toEqual(['{"a":"你好"}', '{"b":2}']);
      expect(reader.done()).toBe(true);
    }
  });
});
