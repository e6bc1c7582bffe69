import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuardedFetch, type FetchLimits, type GuardedFetchError } from './guarded-fetch.ts';
import { hostPattern } from './host-pattern.ts';
import { isPrivateAddress } from './private-address.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

async function serve(handler: RequestListener): Promise<{ host: string; url: string; port: number }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, port };
}

const limits = (given: Partial<FetchLimits>): FetchLimits => ({
  allowedHosts: [],
  allowPrivate: true,
  maxBytes: 100_000,
  timeoutMs: 5000,
  maxRedirects: 3,
  ...given,
});

const errorOf = (work: Promise<unknown>): Promise<GuardedFetchError> =>
  work.then(
    () => {
      throw new Error('it was answered');
    },
    (error) => error,
  );

/** `name.test` is at 127.0.0.1. */
const loopbackNames = async () => [{ address: '127.0.0.1', family: 4 }];

describe('addresses', () => {
  const closed = [
    ...[
      '0.0.0.0',
      '0.1.2.3',
      '10.0.0.1',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
    ],
    ...[
      '172.31.255.255',
      '192.168.1.1',
      '198.18.0.1',
      '203.0.113.9',
      '224.0.0.1',
      '239.255.255.255',
      '255.255.255.255',
    ],
    ...['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1'],
    ...['64:ff9b:1::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '2002:7f00:1::'],
    ...['2001::1', '2001:db8::1', '100::1', '', 'localhost', '1.2.3'],
  ];
  it.each(closed)('%s is not public', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });
  it.each(['8.8.8.8', '100.63.255.255', '172.32.0.1', '192.169.0.1', '2620:0:861:ed1a::1', '2606:4700::1111'])(
    '%s is public',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});

describe('host patterns', () => {
  const cases: [pattern: string, address: string, matches: boolean][] = [
    ['example.org', 'https://example.org/a', true],
    ['Example.ORG', 'https://EXAMPLE.org.', true],
    ['example.org', 'https://www.example.org', false],
    ['example.org', 'https://example.org.evil.net', false],
    ['example.org', 'https://example.org:8443', false],
    ['example.org', 'http://example.org:80', true],
    ['example.org:8443', 'https://example.org:8443', true],
    ['example.org:443', 'https://example.org', true],
    ['example.org:443', 'http://example.org', false],
    ['*.example.org', 'https://a.b.example.org', true],
    ['*.example.org', 'https://example.org', false],
    ['*.example.org', 'https://evilexample.org', false],
    ['*.0.1', 'http://127.0.0.1', false],
    ['bücher.example', 'https://xn--bcher-kva.example', true],
    ['[::1]:8080', 'http://[0:0:0:0:0:0:0:1]:8080', true],
    ['127.0.0.1', 'http://2130706433', true],
    ['127.0.0.1:*', 'http://127.0.0.1:8731', true],
    ['127.0.0.1:*', 'http://127.0.0.2:8731', false],
  ];
  it.each(cases)('%s and %s: %s', (pattern, address, matches) => {
    expect(hostPattern(pattern, 'allowedHosts')(new URL(address))).toBe(matches);
  });
  it.each(['', '*', '*.', 'https://example.org', 'example.org/path', 'a@b', 'a b', '*.*.org', 'example.org:x'])(
    'refuses the pattern "%s"',
    (pattern) => {
      expect(() => hostPattern(pattern, 'allowedHosts')).toThrow(
        /allowedHosts: ".*" names no host; write example\.org/,
      );
    },
  );
});

describe('what is refused', () => {
  it('every host that is not on the list, before its name is looked up', async () => {
    const asked: string[] = [];
    const lookup = async (host: string) => {
      asked.push(host);
      return loopbackNames();
    };
    const fetch = createGuardedFetch(limits({ allowedHosts: ['good.test'], lookup }));
    const error = await errorOf(fetch('http://evil.test/'));
    expect(error).toMatchObject({
      kind: 'refused',
      message: '"evil.test" is not an allowed host; allowed: good.test (option allowedHosts)',
    });
    expect(asked).toEqual([]);
  });

  it.each([
    'file:///etc/passwd',
    'ftp://good.test/',
    'data:text/plain,x',
    'http://user:pass@good.test/',
    'http://good.test@evil.test/',
    'not an address',
    'http://good.test:22/',
  ])('%s', async (address) => {
    const fetch = createGuardedFetch(limits({ allowedHosts: ['good.test'], lookup: loopbackNames }));
    expect(await errorOf(fetch(address))).toMatchObject({ kind: 'refused' });
  });

  it.each([
    ...['127.0.0.1', '2130706433', '0177.0.0.1', '0x7f.0.0.1', '0x7f000001', '127.1', '127.0.0.1.', '１２７.０.０.１'],
    ...['0', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '169.254.169.254', '[::]'],
  ])('a private address, spelled %s, though its host is on the list', async (host) => {
    const { hostname } = new URL(`http://${host}`);
    const fetch = createGuardedFetch(limits({ allowedHosts: [hostname], allowPrivate: false, timeoutMs: 1000 }));
    const error = await errorOf(fetch(`http://${host}/`));
    expect(error).toMatchObject({ kind: 'refused' });
    expect(error.message).toMatch(/is not on the public internet; allowPrivate: true would allow it/);
  });

  it('a name that leads to this machine', async () => {
    const fetch = createGuardedFetch(
      limits({ allowedHosts: ['name.test'], allowPrivate: false, lookup: loopbackNames }),
    );
    expect(await errorOf(fetch('http://name.test/'))).toMatchObject({
      kind: 'refused',
      message: 'name.test is at 127.0.0.1, which is not on the public internet; allowPrivate: true would allow it',
    });
  });
});

describe('names', () => {
  /** Stands for the public internet; the rest of 127.0.0.0/8 for a private network. */
  const isPrivate = (address: string) => address !== '127.0.0.1';

  it('are looked up once, and the connection goes to the address that was checked', async () => {
    const { port } = await serve((_, response) => response.end('public'));
    const answers = ['127.0.0.1', '127.0.0.2'];
    let asked = 0;
    const lookup = async () => [{ address: answers[asked++] ?? '127.0.0.2', family: 4 }];
    const allowedHosts = [`name.test:${port}`];
    const fetch = createGuardedFetch(limits({ allowedHosts, allowPrivate: false, isPrivate, lookup }));
    expect((await fetch(`http://name.test:${port}/`)).text).toBe('public');
    expect(asked).toBe(1);
    expect(await errorOf(fetch(`http://name.test:${port}/`))).toMatchObject({ kind: 'refused' });
  });

  it('with a public and a private address are connected to at the public one', async () => {
    const { port } = await serve((request, response) => response.end(request.socket.localAddress));
    const lookup = async () => ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    const allowedHosts = [`name.test:${port}`];
    const fetch = createGuardedFetch(limits({ allowedHosts, allowPrivate: false, isPrivate, lookup }));
    expect((await fetch(`http://name.test:${port}/`)).text).toBe('127.0.0.1');
  });

  it('are looked up anew for each redirect', async () => {
    const { port } = await serve((_, response) => response.writeHead(302, { location: '/next' }).end());
    let asked = 0;
    const lookup = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
    const allowedHosts = [`name.test:${port}`];
    const fetch = createGuardedFetch(limits({ allowedHosts, allowPrivate: false, isPrivate, lookup }));
    const error = await errorOf(fetch(`http://name.test:${port}/`));
    expect(error).toMatchObject({ kind: 'refused' });
    expect(error.message).toContain('name.test is at 127.0.0.2');
  });

  it('that take too long to look up end with the time', async () => {
    const lookup = () => new Promise<never>(() => {});
    const fetch = createGuardedFetch(limits({ allowedHosts: ['name.test'], lookup, timeoutMs: 50 }));
    expect(await errorOf(fetch('http://name.test/'))).toMatchObject({
      kind: 'timeout',
      message: 'name.test: no answer within 0.05 s',
    });
  });

  it('that nobody knows are a failure', async () => {
    const lookup = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND name.test'), { code: 'ENOTFOUND' });
    };
    const fetch = createGuardedFetch(limits({ allowedHosts: ['name.test'], lookup }));
    expect(await errorOf(fetch('http://name.test/'))).toMatchObject({
      kind: 'failed',
      message: 'name.test: there is no host of this name',
    });
  });
});

describe('redirects', () => {
  /** Sends `/to?<address>` on to the address; answers everything else with what it was asked. */
  const echo = (request: IncomingMessage, response: ServerResponse) => {
    const [path, target] = (request.url ?? '').split('?');
    const status = Number(/^\/to\/(\d+)$/.exec(path ?? '')?.[1]);
    if (target !== undefined && status > 0)
      return void response.writeHead(status, { location: decodeURIComponent(target) }).end();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
  };
  const to = (status: number, target: string) => `/to/${status}?${encodeURIComponent(target)}`;

  it('are followed to an allowed host only', async () => {
    const { host, url } = await serve(echo);
    const other = await serve((_, response) => response.end('secret'));
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    const answer = await fetch(`${url}${to(302, '/there')}`);
    expect(answer.url).toBe(`${url}/there`);
    expect(await errorOf(fetch(`${url}${to(302, `${other.url}/`)}`))).toMatchObject({ kind: 'refused' });
    expect(await errorOf(fetch(`${url}${to(302, 'file:///etc/passwd')}`))).toMatchObject({ kind: 'refused' });
    expect(await errorOf(fetch(`${url}${to(302, 'http://[')}`))).toMatchObject({ kind: 'failed' });
  });

  it('from an allowed host to a private one are refused', async () => {
    const { port } = await serve(echo);
    const fetch = createGuardedFetch(
      limits({
        allowedHosts: [`name.test:${port}`, '127.0.0.2:80'],
        allowPrivate: false,
        lookup: loopbackNames,
        isPrivate: (address) => address !== '127.0.0.1',
      }),
    );
    expect(await errorOf(fetch(`http://name.test:${port}${to(301, 'http://127.0.0.2/')}`))).toMatchObject({
      kind: 'refused',
      message: '127.0.0.2 is not on the public internet; allowPrivate: true would allow it',
    });
  });

  it('end after maxRedirects', async () => {
    let asked = 0;
    const { host, url } = await serve((_, response) => {
      asked++;
      response.writeHead(302, { location: '/again' }).end();
    });
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    expect(await errorOf(fetch(url))).toMatchObject({
      kind: 'failed',
      message: `${host}: more than 3 redirects (option maxRedirects)`,
    });
    expect(asked).toBe(4);
  });

  it('to another origin carry no key and no body', async () => {
    const { host, url } = await serve(echo);
    const other = await serve(echo);
    const fetch = createGuardedFetch(limits({ allowedHosts: [host, other.host] }));
    const headers = { authorization: 'Bearer key', cookie: 'key', 'X-Api-Key': 'key', 'User-Agent': 'forge' };
    const here = JSON.parse((await fetch(`${url}${to(302, '/here')}`, { headers })).text);
    expect(here.headers).toMatchObject({ authorization: 'Bearer key', cookie: 'key', 'x-api-key': 'key' });
    const { text } = await fetch(`${url}${to(302, `${other.url}/there`)}`, { headers });
    expect(text).not.toContain('key');
    expect(JSON.parse(text).headers).toMatchObject({ 'user-agent': 'forge' });
    const post = { method: 'POST', body: 'key', headers: { 'content-type': 'text/plain' } } as const;
    expect(await errorOf(fetch(`${url}${to(307, `${other.url}/there`)}`, post))).toMatchObject({ kind: 'refused' });
    const answer = JSON.parse((await fetch(`${url}${to(303, '/done')}`, post)).text);
    expect(answer).toMatchObject({ method: 'GET', url: '/done' });
    expect(answer.headers).not.toHaveProperty('content-type');
    expect(JSON.parse((await fetch(`${url}${to(308, '/done')}`, post)).text)).toMatchObject({ method: 'POST' });
  });
});

describe('bounds', () => {
  it('a body is unpacked and decoded', async () => {
    const { host, url } = await serve((request, response) => {
      if (request.url === '/gzip') response.setHeader('content-encoding', 'gzip').end(gzipSync('packed'));
      else if (request.url === '/br') response.setHeader('content-encoding', 'br').end(brotliCompressSync('packed'));
      else response.setHeader('content-type', 'text/plain; charset=latin1').end(Buffer.from([0xe9]));
    });
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    expect((await fetch(`${url}/gzip`)).text).toBe('packed');
    expect((await fetch(`${url}/br`)).text).toBe('packed');
    expect((await fetch(`${url}/latin`)).text).toBe('é');
  });

  it.each([
    ['plain', (response: ServerResponse) => response.end(Buffer.alloc(100_001))],
    [
      'a small gzip of much',
      (response: ServerResponse) =>
        response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(50_000_000))),
    ],
    [
      'without end',
      (response: ServerResponse) => {
        const chunk = Buffer.alloc(10_000);
        const more = () => response.write(chunk, () => setImmediate(more));
        more();
      },
    ],
  ])('a body longer than maxBytes: %s', async (_, answer) => {
    const { host, url } = await serve((_request, response) => void answer(response));
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    expect(await errorOf(fetch(url))).toMatchObject({
      kind: 'failed',
      message: `${host}: the answer is longer than 100000 bytes (option maxBytes)`,
    });
  });

  it.each([
    ['an unknown packing', { 'content-encoding': 'constructor' }, 'x', 'packed as "constructor"'],
    ['half a gzip', { 'content-encoding': 'gzip' }, gzipSync('packed').subarray(0, 15), 'unexpected end of file'],
    ['no gzip at all', { 'content-encoding': 'gzip' }, 'plain', 'incorrect header check'],
    [
      'another type',
      { 'content-type': 'text/html; charset=utf-8' },
      '<p>',
      'the answer is "text/html", not application/json',
    ],
    ['no type', {}, '{}', 'the answer is "of no type", not application/json'],
  ])('%s is a failure', async (_, headers, body, message) => {
    const { host, url } = await serve((_request, response) =>
      response.writeHead(200, headers as Record<string, string>).end(body),
    );
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    const error = await errorOf(
      fetch(url, 'content-encoding' in headers ? {} : { contentTypes: ['application/json'] }),
    );
    expect(error).toMatchObject({ kind: 'failed' });
    expect(error.message).toContain(message);
  });

  it('an answer that comes drop by drop ends with the time', async () => {
    const { host, url } = await serve((_, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const fetch = createGuardedFetch(limits({ allowedHosts: [host], timeoutMs: 200 }));
    const start = performance.now();
    expect(await errorOf(fetch(url))).toMatchObject({ kind: 'timeout', message: `${host}: no answer within 0.2 s` });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('a connection that breaks, and a port where nothing listens', async () => {
    const { host, url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('part');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await errorOf(createGuardedFetch(limits({ allowedHosts: [host] }))(url))).toMatchObject({ kind: 'failed' });
    const closed = createGuardedFetch(limits({ allowedHosts: ['127.0.0.1:1'] }));
    expect(await errorOf(closed('http://127.0.0.1:1/'))).toMatchObject({
      kind: 'failed',
      message: '127.0.0.1:1: nothing listens there',
    });
  });

  it('the caller’s abort is thrown as it is', async () => {
    const { host, url } = await serve((_, response) => response.write('.'));
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    const controller = new AbortController();
    const reason = new Error('enough');
    const error = errorOf(fetch(url, { signal: controller.signal }));
    await sleep(50);
    controller.abort(reason);
    expect(await error).toBe(reason);
  });

  it('an answer that is no success is an answer', async () => {
    const { host, url } = await serve((_, response) =>
      response.writeHead(429, { 'retry-after': '7', 'content-type': 'text/html' }).end('later'),
    );
    const fetch = createGuardedFetch(limits({ allowedHosts: [host] }));
    const answer = await fetch(url, { contentTypes: ['application/json'] });
    expect(answer).toMatchObject({ status: 429, text: 'later' });
    expect(answer.headers['retry-after']).toBe('7');
  });
});
