import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../access-record.ts';
import { ConfigError } from '../errors.ts';
import { secretHash } from '../lib/access-secret.ts';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import { type AccessServer, type AccessServerOptions, startAccessServer } from '../testing/access-server.ts';
import { experimentYaml, writeRows } from '../testing/api-contract.ts';
import { newToken } from '../testing/new-token.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import type { Session } from './access-schemas.ts';
import type { Problem } from './problem-schema.ts';

let dir: string;
let postgres: PostgresServer;
let store: Store;
const servers: AccessServer[] = [];
async function start(options: Partial<AccessServerOptions> = {}): Promise<AccessServer> {
  const server = await startAccessServer({ store, dir, ...options });
  servers.push(server);
  return server;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-access-'));
  await writeRows(dir);
  postgres = await startPostgres();
  store = await openStore({ url: postgres.url });
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await store?.close();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

const problemOf = async (answer: Response) => {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  return (await answer.json()) as Problem;
};
const sessionOf = async (answer: Response) => (await answer.json()) as Session;

/** Signs in; what a browser would send from then on. */
async function signIn(server: AccessServer, token: string, headers: Record<string, string> = {}) {
  const answer = await server.request('POST', '/api/session', { body: { token }, headers });
  expect(answer.status).toBe(200);
  const set = answer.headers.get('set-cookie') ?? '';
  return { set, cookie: set.split(';')[0] ?? '', session: await sessionOf(answer) };
}

// First: there are no tokens yet.
describe('a server that nobody else reaches', () => {
  it('is open until the first token is made, and never again', async () => {
    const server = await start();
    expect((await server.request('GET', '/api/overview')).status).toBe(200);
    const session = await sessionOf(await server.request('GET', '/api/session'));
    expect(session).toEqual({
      access: 'open',
      caller: { name: 'local', role: 'admin', via: 'open' },
      csrf: null,
      expiresAt: null,
    });
    const made = await server.request('POST', '/api/experiments', { body: { source: experimentYaml('open') } });
    expect(made.status).toBe(200);
    const [entry] = (await store.listAudit({ limit: 1 })).items;
    const { id } = (await made.json()) as { id: string };
    expect(entry).toMatchObject({
      caller: 'local',
      via: 'open',
      tokenId: null,
      action: 'POST /experiments',
      target: id,
      status: 200,
      address: '127.0.0.1',
    });

    await newToken(store, 'viewer', Date.now() - 1);
    await expect.poll(async () => (await server.request('GET', '/api/overview')).status, { timeout: 5000 }).toBe(401);
    // Of the expired one nothing is left but that there was one.
    expect((await server.request('GET', '/api/overview')).status).toBe(401);
  });

  it('needs a token from the start where it is told so', async () => {
    const server = await start({ required: true });
    expect(await problemOf(await server.request('GET', '/api/overview'))).toMatchObject({
      status: 401,
      detail: expect.stringMatching(/Authorization: Bearer forge_.*\/login.*forge token create/),
    });
  });
});

describe('a server that others reach', () => {
  it.each([
    ['host', { host: '0.0.0.0' }, /--host 0\.0\.0\.0: others could reach.*forge token create --name NAME --role admin/],
    ['name', { allowedHosts: ['forge.example'] }, /--allow-host forge\.example: others/],
  ])('does not start without an admin token: %s', async (_, options, error) => {
    await newToken(store, 'editor');
    await newToken(store, 'admin', Date.now() - 1);
    const refused = await start(options).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(ConfigError);
    expect(String(refused)).toMatch(error);
    const open = await start({ ...options, publicReadOnly: true });
    expect((await open.request('GET', '/api/overview')).status).toBe(200);
    const spends = await open.request('POST', '/api/experiments', { body: { source: experimentYaml('no') } });
    expect(await problemOf(spends)).toMatchObject({ status: 401, detail: expect.stringContaining('only be read') });
  });

  it('starts with one, and asks everybody for a token', async () => {
    const token = await newToken(store, 'admin');
    const server = await start({ host: '0.0.0.0' });
    expect((await server.request('GET', '/api/overview')).status).toBe(401);
    expect((await server.request('GET', '/api/overview', { token })).status).toBe(200);
    expect((await server.request('GET', '/api/health')).status).toBe(200);
    // What is not there is nobody's business either.
    expect((await server.request('GET', '/api/nothing')).status).toBe(401);
    expect((await server.request('GET', '/api/nothing', { token })).status).toBe(404);
  });
});

describe('a token', () => {
  it('that is wrong, revoked or expired says so', async () => {
    const server = await start();
    const soon = await newToken(store, 'viewer', Date.now() + 300);
    expect((await server.request('GET', '/api/overview', { token: soon })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const revoked = await newToken(store, 'viewer');
    const [record] = (await store.listTokens({ limit: 1 })).items;
    await store.revokeToken(record?.id ?? '');
    for (const [token, words] of [
      [soon, /has expired/],
      [revoked, /was revoked/],
      [`forge_${'x'.repeat(43)}`, /not known here/],
      ['hello', /begin with forge_/],
    ] as const) {
      const answer = await server.request('GET', '/api/overview', { token });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      const { status, detail } = await problemOf(answer);
      expect(status).toBe(401);
      expect(detail).toMatch(words);
      expect(detail).not.toContain(token === 'hello' ? 'hello' : token);
    }
  });

  it('is stored as its hash alone', async () => {
    const text = await newToken(store, 'editor');
    const { items } = await store.listTokens({ limit: 1000 });
    expect(JSON.stringify(items)).not.toContain(text.slice(6));
    expect(items[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a session', () => {
  it('is a cookie that no script reads and no other site sends', async () => {
    const server = await start();
    const token = await newToken(store, 'editor');
    const { set, cookie, session } = await signIn(server, token);
    expect(set).toMatch(/^forge_session=[\w-]{43};/);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=43200']) expect(set).toContain(part);
    expect(set).not.toContain('Secure');
    expect(session).toMatchObject({ access: 'token', caller: { name: 'a editor', role: 'editor', via: 'session' } });
    expect(await sessionOf(await server.request('GET', '/api/session', { headers: { cookie } }))).toEqual(session);
    const behindTls = await server.request('POST', '/api/session', {
      body: { token },
      headers: { 'x-forwarded-proto': 'https' },
    });
    expect(behindTls.headers.get('set-cookie')).toMatch(/^__Host-forge_session=.*Secure/);
    // What is stored is a hash.
    const text = cookie.split('=')[1] ?? '';
    expect(await store.findSession(text)).toBeNull();
    expect(await store.findSession(secretHash(text))).toMatchObject({ token: { role: 'editor' } });
  });

  it('changes nothing without the CSRF token, nor for another site', async () => {
    const server = await start();
    const { cookie, session } = await signIn(server, await newToken(store, 'editor'));
    const other = await signIn(server, await newToken(store, 'editor'));
    const body = { source: experimentYaml('csrf') };
    const create = (headers: Record<string, string>) =>
      server.request('POST', '/api/experiments', { body, headers: { cookie, ...headers } });
    const right = { 'x-forge-csrf': session.csrf ?? '' };
    expect(await problemOf(await create({}))).toMatchObject({ status: 403, field: 'x-forge-csrf' });
    expect((await create({ 'x-forge-csrf': other.session.csrf ?? '' })).status).toBe(403);
    expect((await create({ ...right, origin: 'https://evil.example' })).status).toBe(403);
    expect((await create({ ...right, origin: 'null' })).status).toBe(403);
    expect((await create({ ...right, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await create({ ...right, 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await create({ ...right, origin: server.url, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const foreign = { origin: 'https://evil.example' };
    expect((await server.request('POST', '/api/session', { body: { token: 'x' }, headers: foreign })).status).toBe(403);
  });

  it('is used by a dashboard that is served under an allowed name, with TLS, and by no other', async () => {
    const token = await newToken(store, 'admin');
    const server = await start({ allowedHosts: ['Lab.example'] });
    const from = (origin: string, site = 'same-origin') =>
      server.request('POST', '/api/session', { body: { token }, headers: { origin, 'sec-fetch-site': site } });
    const signedIn = await from('https://lab.example');
    expect(signedIn.status).toBe(200);
    expect(signedIn.headers.get('set-cookie')).toMatch(/^__Host-forge_session=.*Secure/);
    for (const origin of [
      'http://lab.example',
      'https://lab.example:8443',
      'https://lab.example.evil.example',
      'https://x.lab.example',
      'https://localhost',
    ])
      expect([origin, (await from(origin)).status]).toEqual([origin, 403]);
    // Its own page says same-origin; a page there that calls the server by the server's name does not.
    expect((await from('https://lab.example', 'cross-site')).status).toBe(403);
  });

  it('ends when one signs out, when its token is revoked, and when another begins', async () => {
    const server = await start();
    const token = await newToken(store, 'viewer');
    const [record] = (await store.listTokens({ limit: 1 })).items;
    const reads = async (cookie: string) =>
      (await server.request('GET', '/api/overview', { headers: { cookie } })).status;
    const first = await signIn(server, token);
    expect(await reads(first.cookie)).toBe(200);
    const out = (headers: Record<string, string>) =>
      server.request('DELETE', '/api/session', { headers: { cookie: first.cookie, ...headers } });
    expect((await out({})).status).toBe(403);
    const gone = await out({ 'x-forge-csrf': first.session.csrf ?? '' });
    expect(gone.status).toBe(204);
    expect(gone.headers.get('set-cookie')).toMatch(/forge_session=;/);
    expect(await reads(first.cookie)).toBe(401);

    const second = await signIn(server, token);
    const third = await signIn(server, token, { cookie: second.cookie });
    expect(await reads(second.cookie)).toBe(401);
    expect(await reads(third.cookie)).toBe(200);
    await store.revokeToken(record?.id ?? '');
    expect(await reads(third.cookie)).toBe(401);
  });

  it('does not begin with a wrong token, and that is written down', async () => {
    const server = await start();
    const wrong = `forge_${'y'.repeat(43)}`;
    const answer = await server.request('POST', '/api/session', { body: { token: wrong } });
    expect(await problemOf(answer)).toMatchObject({ status: 401, field: 'token' });
    expect(answer.headers.get('set-cookie')).toBeNull();
    const [entry] = (await store.listAudit({ limit: 1 })).items;
    expect(entry).toMatchObject({ action: 'POST /session', status: 401, via: 'sign-in', caller: 'nobody' });
    expect(JSON.stringify(entry)).not.toContain(wrong.slice(6));
  });

  it('opens the documentation, which else leads to the page where one signs in', async () => {
    const server = await start();
    const closed = await server.request('GET', '/docs');
    expect([closed.status, closed.headers.get('location')]).toEqual([303, '/login?next=/docs']);
    expect((await server.request('GET', '/docs/start.js')).status).toBe(303);
    const { cookie } = await signIn(server, await newToken(store, 'viewer'));
    expect((await server.request('GET', '/docs', { headers: { cookie } })).status).toBe(200);
    expect((await server.request('GET', '/')).status).toBe(200);
  });
});

describe('a stream of events', () => {
  it('ends when the token of who follows it is revoked', async () => {
    const server = await start({ limits: { recheckMs: 100 } });
    const editor = await newToken(store, 'editor');
    const source = experimentYaml('slow', '', 2000);
    const made = await server.request('POST', '/api/experiments', { token: editor, body: { source, start: true } });
    const { id } = (await made.json()) as { id: string };
    const token = await newToken(store, 'viewer');
    const [record] = (await store.listTokens({ limit: 1 })).items;
    expect((await server.request('GET', `/api/experiments/${id}/events`)).status).toBe(401);
    const stream = await server.request('GET', `/api/experiments/${id}/events`, { token });
    expect(stream.status).toBe(200);
    const read = (async () => {
      let text = '';
      for await (const part of (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()))
        text += part;
      return text;
    })();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await store.revokeToken(record?.id ?? '');
    const text = await read;
    expect(text).toContain('event: progress');
    expect(text).not.toContain('event: end');
    const { state } = (await (await server.request('GET', `/api/experiments/${id}`, { token: editor })).json()) as {
      state: string;
    };
    expect(state).toBe('running');
    await server.request('POST', `/api/experiments/${id}/cancel`, { token: editor });
  }, 60_000);
});

describe('limits', () => {
  it('hold back each token, each address, sign-ins and wrong tokens, and say when to come again', async () => {
    const few = { burst: 3, perSecond: 0.5 };
    const server = await start({ limits: { token: few, address: few, signIn: { burst: 2, perSecond: 0.1 } } });
    const tokens = [await newToken(store, 'viewer'), await newToken(store, 'viewer')];
    for (const token of tokens) {
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) statuses.push((await server.request('GET', '/api/health', { token })).status);
      expect(statuses).toEqual([200, 200, 200, 429]);
    }
    const held = await server.request('GET', '/api/overview', { token: tokens[0] });
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await problemOf(held)).toMatchObject({ status: 429, detail: expect.stringMatching(/try again in \d+ s/) });

    const signIns = await start({ limits: { signIn: { burst: 2, perSecond: 0.1 } } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++)
      statuses.push((await signIns.request('POST', '/api/session', { body: { token: 'forge_x' } })).status);
    expect(statuses).toEqual([401, 401, 429, 429]);

    const guesses = await start({ limits: { failures: { burst: 2, perSecond: 0.1 } } });
    const guessed: number[] = [];
    for (let i = 0; i < 4; i++)
      guessed.push((await guesses.request('GET', '/api/overview', { token: 'forge_x' })).status);
    expect(guessed).toEqual([401, 401, 429, 429]);
  });

  it('tell the clients of a trusted proxy apart, and believe nobody else', async () => {
    const few = { burst: 1, perSecond: 0.01 };
    const ask = async (server: AccessServer, from: string) =>
      (await server.request('GET', '/api/health', { headers: { 'x-forwarded-for': from } })).status;
    const behind = await start({ proxies: 1, limits: { address: few } });
    expect([await ask(behind, '203.0.113.1'), await ask(behind, '203.0.113.2')]).toEqual([200, 200]);
    // What the client itself wrote stands before what the proxy heard.
    expect([await ask(behind, '198.51.100.9, 203.0.113.1'), await ask(behind, '203.0.113.2')]).toEqual([429, 429]);
    const direct = await start({ limits: { address: few } });
    expect([await ask(direct, '203.0.113.1'), await ask(direct, '203.0.113.2')]).toEqual([200, 429]);
  });

  it('hear nobody out who may not send a body, and no body that is too large', async () => {
    const server = await start();
    const body = { source: 'x'.repeat(2 ** 20 + 1) };
    expect((await server.request('POST', '/api/experiments', { body })).status).toBe(401);
    const token = await newToken(store, 'editor');
    expect((await server.request('POST', '/api/experiments', { body, token })).status).toBe(413);
    expect((await server.request('POST', '/api/session', { body })).status).toBe(413);
  });
});

describe('the audit log', () => {
  it('has who did what to which, with its outcome and from where, and no bodies', async () => {
    const server = await start();
    const [editor, viewer, admin] = [
      await newToken(store, 'editor'),
      await newToken(store, 'viewer'),
      await newToken(store, 'admin'),
    ];
    const body = { source: experimentYaml('audited', 'tags: [planted-in-the-body]') };
    const before = (await store.listAudit({ limit: 1 })).items[0]?.id ?? 0;
    await server.request('POST', '/api/experiments', { token: editor, body: { source: experimentYaml('audited') } });
    await server.request('POST', '/api/experiments', { token: editor, body });
    await server.request('POST', '/api/experiments/ffffffff/start', { token: editor });
    await server.request('DELETE', '/api/experiments/ffffffff', { token: viewer });
    await server.request('GET', '/api/overview', { token: viewer });
    await server.request('POST', '/api/experiments/validate', { token: editor, body });
    expect((await server.request('GET', '/api/audit', { token: editor })).status).toBe(403);
    const answer = await server.request('GET', '/api/audit?limit=10', { token: admin });
    const { items } = (await answer.json()) as { items: AuditEntry[] };
    const fresh = items.filter(({ id }) => id > before).reverse();
    expect(
      fresh.map(({ caller, action, target, status }) => [caller, action, target?.slice(0, 8) ?? null, status]),
    ).toEqual([
      ['a editor', 'POST /experiments', expect.stringMatching(/^[0-9a-f]{8}$/), 200],
      ['a editor', 'POST /experiments', null, 400],
      ['a editor', 'POST /experiments/{id}/start', 'ffffffff', 404],
      ['a viewer', 'DELETE /experiments/{id}', 'ffffffff', 403],
      ['a editor', 'GET /audit', null, 403],
    ]);
    expect(fresh.every(({ address, tokenId }) => address === '127.0.0.1' && tokenId !== null)).toBe(true);
    expect(JSON.stringify(items)).not.toMatch(/planted-in-the-body|forge_/);
  });
});

describe('headers', () => {
  it('of pages, files and answers leave other sites and scripts nothing', async () => {
    const server = await start();
    const token = await newToken(store, 'viewer');
    for (const path of ['/', '/nowhere', '/_next/static/page.js', '/api/overview', '/api/nothing', '/docs']) {
      const { headers } = await server.request('GET', path, { token });
      expect([path, headers.get('x-content-type-options')]).toEqual([path, 'nosniff']);
      expect([path, headers.get('referrer-policy')]).toEqual([path, 'same-origin']);
      expect([path, headers.get('cross-origin-opener-policy')]).toEqual([path, 'same-origin']);
      expect([path, headers.get('cross-origin-resource-policy')]).toEqual([path, 'same-origin']);
      const policy = headers.get('content-security-policy') ?? '';
      expect([path, policy]).toEqual([path, expect.stringContaining("frame-ancestors 'none'")]);
      expect([path, policy]).toEqual([path, expect.stringContaining("base-uri 'none'")]);
      if (!policy.startsWith("default-src 'none'"))
        expect([path, policy]).toEqual([path, expect.stringContaining("object-src 'none'")]);
      expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    }
    expect((await server.request('GET', '/api/overview', { token })).headers.get('cache-control')).toBe('no-store');
  });

  it('with the name of another host are refused, before anything is looked at', async () => {
    const server = await start();
    const { port } = new URL(server.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: `evil.example:${port}` };
      httpRequest({ host: '127.0.0.1', port, path: '/api/health', headers }, (answer) => resolve(answer.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
