import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createHttpClient } from '../engines/openai-compatible/http-client.ts';
import { definition } from '../engines/openai-compatible.ts';
import { checkReach, reaching } from './option-reach.ts';
import { isPrivateAddress } from './private-address.ts';
import { publicLookup } from './public-lookup.ts';

let port: number;
let visits = 0;
const server = createServer((_, response) => {
  visits++;
  response.end('{}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

const limits = (...privateHosts: string[]) => ({ folders: [], privateHosts, secrets: [] });

function clientOf(lookup: (host: string) => Promise<LookupAddress[]>, ...privateHosts: string[]) {
  const baseUrl = new URL(`http://name.test:${port}/v1`);
  return createHttpClient({
    baseUrl,
    headers: {},
    maxConnections: 1,
    timeoutMs: 20_000,
    maxResponseBytes: 1000,
    now: () => performance.now(),
    lookup: publicLookup(baseUrl, limits(...privateHosts), lookup),
  });
}
const at = (address: string) => async () => [{ address, family: address.includes(':') ? 6 : 4 }];

describe('a name in a config over the API', () => {
  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
  ])('that is at %s is not connected to', async (address) => {
    const before = visits;
    const client = clientOf(at(address));
    await expect(client.send({ path: '/' })).rejects.toThrow(/name\.test is at .* not on the public internet/);
    expect(visits).toBe(before);
    client.close();
  });

  it('is looked up for each connection, so that a second answer is checked too (DNS rebinding)', async () => {
    let asked = 0;
    // At first public, and nobody there; then this machine.
    const client = clientOf(async () => (asked++ === 0 ? at('192.0.2.1')() : at('127.0.0.1')()));
    await client.send({ path: '/', signal: AbortSignal.timeout(500) }).catch(() => {});
    await expect(client.send({ path: '/' })).rejects.toThrow(/public internet/);
    expect(asked).toBe(2);
    expect(visits).toBe(0);
    client.close();
  });

  it('is left to the system where the operator listed the host, and for the user’s own configs', () => {
    const url = new URL(`http://name.test:${port}`);
    expect(publicLookup(url, limits(`name.test:${port}`))).toBeUndefined();
    expect(publicLookup(url, limits('*.test'))).toBeDefined();
    expect(publicLookup(url, undefined)).toBeUndefined();
    expect(publicLookup(url, limits())).toBeDefined();
  });

  it('an engine under limits does not reach this machine by a name of the system', async () => {
    const before = visits;
    const s = { baseDir: '.', cacheDir: '.', env: {}, now: Date.now, notify() {} };
    // create alone, without the check of the address before it: the connection itself refuses.
    const options = definition.options.parse({ baseUrl: `http://localhost:${port}/v1`, model: 'm', maxRetries: 0 });
    const request = { prompt: 'x', temperature: 0, topP: 1, topK: 0, maxTokens: 1, stop: [], seed: 0 };
    const limited = await definition.create(options, { ...s, limits: limits() });
    await expect(limited.generate(request)).rejects.toThrow(/public internet/);
    expect(visits).toBe(before);
    const listed = await definition.create(options, { ...s, limits: limits(`localhost:${port}`) });
    await listed.generate(request).catch(() => {});
    expect(visits).toBeGreaterThan(before);
    await limited.close();
    await listed.close();
  });

  it('however a private IPv4 address is written, it is refused', async () => {
    const schema = z.strictObject({ url: reaching('address', z.string()) });
    const forms = (a: number, b: number, c: number, d: number) => {
      const all = ((a * 256 + b) * 256 + c) * 256 + d;
      const hex = (n: number) => n.toString(16);
      const octal = (n: number) => `0${n.toString(8)}`;
      return [
        `${a}.${b}.${c}.${d}`,
        String(all),
        `0x${hex(all)}`,
        [a, b, c, d].map(octal).join('.'),
        [a, b, c, d].map((n) => `0x${hex(n)}`).join('.'),
        `${a}.${(b * 256 + c) * 256 + d}`,
        `${a}.${b}.${c * 256 + d}`,
        `${a}.${b}.${c}.${d}.`,
        `[::ffff:${a}.${b}.${c}.${d}]`,
        `[::ffff:${hex(a * 256 + b)}:${hex(c * 256 + d)}]`,
      ];
    };
    const byte = fc.integer({ min: 0, max: 255 });
    const first = fc.constantFrom([10, -1], [127, -1], [169, 254], [192, 168], [172, 20], [0, -1]);
    await fc.assert(
      fc.asyncProperty(first, byte, byte, byte, fc.nat(9), async ([a = 0, fixed = -1], b, c, d, form) => {
        const host = forms(a, fixed < 0 ? b : fixed, c, d)[form] as string;
        await expect(checkReach(schema, { url: `http://${host}:80/x` }, { limits: limits() })).rejects.toThrow();
      }),
      { numRuns: 500, interruptAfterTimeLimit: 5000 },
    );
    expect(isPrivateAddress('8.8.8.8')).toBe(false);
  });
});
