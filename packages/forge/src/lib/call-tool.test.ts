import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Tool } from '../tool.ts';
import { callTool } from './call-tool.ts';
import { redact } from './redact.ts';

const asking = (
  call: Tool['call'],
  shape: z.ZodRawShape = { query: z.string().max(20), k: z.int().optional() },
): Tool => ({
  name: 'look',
  description: 'looks',
  arguments: z.strictObject(shape),
  call,
});
const echo = asking(async (input) => ({ text: JSON.stringify(input) }));
const bounds = { timeoutMs: 1000, maxChars: 100, secrets: [] };
const observe = async (tool: Tool, input: string, over: object = {}) =>
  (await callTool([tool], { tool: 'look', input }, { ...bounds, ...over })).observation;

describe('callTool', () => {
  it.each([
    ['plain words', { query: 'plain words' }],
    ['{"query":"x","k":2}', { query: 'x', k: 2 }],
    ['{1, 2} as a set', { query: '{1, 2} as a set' }],
  ])('reads %s', async (input, expected) => {
    const { arguments: given, observation } = await callTool([echo], { tool: 'look', input }, bounds);
    expect(given).toEqual(expected);
    expect(observation).toEqual({ text: JSON.stringify(expected) });
  });

  it('says which tools there are where one is not', async () => {
    const { observation, arguments: given } = await callTool([echo], { tool: 'delete_all', input: 'x' }, bounds);
    expect(observation).toEqual({
      text: 'error: there is no tool "delete_all"; there are look',
      error: 'unknown-tool',
    });
    expect(given).toBe('x');
  });

  it.each([
    ['{"k":2}', /query.*look takes query, k/],
    ['{"query":"x","extra":1}', /Unrecognized key.*extra/],
    ['a text that is longer than twenty characters', /query: Too big/],
    ['', /query/],
    ['{"query":"x', /not whole JSON; look takes query, k/],
  ])('refuses %s, and says what is wanted', async (input, message) => {
    const observation = await observe(echo, input);
    expect(observation.error).toBe('bad-arguments');
    expect(observation.text).toMatch(message);
  });

  it('makes an observation of what a tool throws, of its silence, and of its length', async () => {
    const broken = asking(async () => {
      throw new Error('the shelf fell\n  down');
    });
    expect(await observe(broken, 'x')).toEqual({ text: 'error: the shelf fell down', error: 'failed' });
    const silent = asking(() => new Promise(() => {}));
    expect(await observe(silent, 'x', { timeoutMs: 20 })).toEqual({
      text: 'error: no answer within 0.02 s',
      error: 'timeout',
    });
    const long = asking(async () => ({ text: 'a'.repeat(1e6) }));
    expect((await observe(long, 'x')).text).toBe(`${'a'.repeat(100)} ...`);
  });

  it('tells a tool that its time is over', async () => {
    let told = false;
    const listening = asking(async (_, signal) => {
      await sleep(5000, undefined, { signal }).catch(() => {
        told = true;
      });
      return { text: 'late' };
    });
    await observe(listening, 'x', { timeoutMs: 10 });
    await sleep(5);
    expect(told).toBe(true);
  });

  it('throws only when its caller gives up', async () => {
    const controller = new AbortController();
    const silent = asking(() => new Promise(() => {}));
    const called = observe(silent, 'x', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(called).rejects.toThrow('enough');
    await expect(observe(echo, 'x', { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('blacks secrets out before it cuts, in whichever spelling', async () => {
    const secret = 'sk-a/b+c=1234';
    const leaky = asking(async () => ({
      text: `${'-'.repeat(90)}${secret} ${encodeURIComponent(secret)} ${Buffer.from(secret).toString('base64')}`,
    }));
    const { text } = await observe(leaky, 'x', { secrets: [secret], maxChars: 1000 });
    expect(text).toBe(`${'-'.repeat(90)}[secret] [secret] [secret]`);
    expect((await observe(leaky, 'x', { secrets: [secret] })).text).not.toContain('sk-');
  });
});

describe('redact', () => {
  it('takes the longer of two secrets that share a beginning', () => {
    expect(redact('abcd abc', ['abc', 'abcd'])).toBe('[secret] [secret]');
    expect(redact('unchanged', ['', 'nothing'])).toBe('unchanged');
  });
});
