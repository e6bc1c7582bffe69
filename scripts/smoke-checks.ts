import { createHash } from 'node:crypto';
import { isLoopback } from '../packages/forge/src/lib/client-address.ts';

export interface SmokeCheck {
  readonly name: string;
  /** skip: there is nothing to look at, e.g. no experiment in a new database. */
  readonly status: 'ok' | 'skip' | 'fail';
  readonly found: string;
  readonly ms: number;
}

class Skip extends Error {}

const timeoutMs = 15_000;

/** A server of `forge serve`, by its address; what it says is read as text or JSON, whole. */
function createSite(url: string, token: string | undefined) {
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, url), { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs), ...init }).catch(
      (error) => {
        const { cause, message } = error as Error & { cause?: { message?: string; code?: string } };
        throw new Error(`${path}: no answer (${cause?.message || cause?.code || message})`);
      },
    );
  const known = (path: string) => ask(path, { headers: bearer });
  async function read(path: string): Promise<string> {
    const answer = await known(path);
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${body.slice(0, 300)}`);
    return body;
  }
  // biome-ignore lint/suspicious/noExplicitAny: looked into, field by field.
  const json = async (path: string): Promise<any> => JSON.parse(await read(path));
  return { ask, known, read, json, hasToken: token !== undefined };
}
type Site = ReturnType<typeof createSite>;

const expected: Readonly<Record<string, RegExp>> = {
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'content-security-policy': /frame-ancestors 'none'/,
};

async function health({ json }: Site): Promise<string> {
  for (const path of ['/api/health', '/api/ready']) {
    const { status } = await json(path);
    if (status !== 'ok') throw new Error(`${path}: says "${status}"`);
  }
  return 'answers, and so does its database';
}

async function access({ json, hasToken }: Site, url: string): Promise<string> {
  const { access: mode, caller } = await json('/api/session');
  if (mode === 'open' && !isLoopback(new URL(url).hostname))
    throw new Error('open: whoever reaches it may do everything');
  if (mode === 'token' && !hasToken)
    throw new Error('a token is needed: put one into FORGE_TOKEN (a viewer is enough)');
  return `${mode}; here as ${caller.name} (${caller.role})`;
}

async function version({ json }: Site): Promise<string> {
  const { version: of, database, totals } = await json('/api/overview');
  return `${of}, ${database}, ${totals.experiments} experiments, ${totals.examples} examples`;
}

async function headers({ known }: Site): Promise<string> {
  for (const path of ['/', '/no-such-page', '/api/health']) {
    const answer = await known(path);
    await answer.body?.cancel();
    for (const [name, pattern] of Object.entries(expected)) {
      const value = answer.headers.get(name);
      if (value === null || !pattern.test(value)) throw new Error(`${path}: ${name} is ${value ?? 'missing'}`);
    }
    if (/script-src[^;]*unsafe/.test(answer.headers.get('content-security-policy') ?? ''))
      throw new Error(`${path}: content-security-policy lets any script run`);
  }
  return Object.keys(expected).join(', ');
}

/** Sends nothing that could be taken: the bodies are empty. */
async function refusals({ ask, json }: Site): Promise<string> {
  const { access: mode } = await json('/api/session');
  const send = async (method: string, path: string, over: Record<string, string> = {}) => {
    const body = method === 'POST' ? { body: '{}' } : {};
    const answer = await ask(path, { method, headers: { 'content-type': 'application/json', ...over }, ...body });
    await answer.body?.cancel();
    return answer.status;
  };
  const foreign = await send('POST', '/api/experiments', { origin: 'https://elsewhere.example' });
  if (foreign !== 403) throw new Error(`a page of another site is answered ${foreign}, not 403`);
  if (mode === 'open') return 'other sites (this server is open to this machine)';
  const nothing = '/api/experiments/00000000-0000-0000-0000-000000000000';
  const wanted = mode === 'token' ? [['GET', '/api/experiments']] : [];
  for (const [method = '', path = ''] of [
    ...wanted,
    ['POST', '/api/experiments'],
    ['POST', '/api/experiments/plan'],
    ['POST', `${nothing}/start`],
    ['DELETE', nothing],
    ['GET', '/api/audit'],
  ]) {
    const status = await send(method, path);
    if (status !== 401) throw new Error(`without a token ${method} ${path} is answered ${status}, not 401`);
  }
  return `other sites, and who has no token: ${mode === 'token' ? 'everything' : 'to write, to spend, the audit log'}`;
}

async function experiments({ json }: Site): Promise<string> {
  const { items } = await json('/api/experiments?limit=100');
  if (items.length === 0) throw new Skip('none stored yet');
  return (
    items
      .map(({ name }: { name: string }) => name)
      .slice(0, 6)
      .join(', ') + (items.length > 6 ? ', ...' : '')
  );
}

async function finding({ json }: Site): Promise<string> {
  const { findings } = await json('/api/overview');
  if (findings.length === 0) throw new Skip('none stored yet');
  const { id, headline } = findings[0];
  const { runs } = await json(`/api/experiments/${id}`);
  const [example] = (await json(`/api/runs/${runs[0].id}/results?limit=1`)).items;
  await json(`/api/runs/${runs[0].id}/results/${encodeURIComponent(example.exampleId)}`);
  return headline[0].sentence;
}

async function liveEvents({ json, known }: Site): Promise<string> {
  const [one] = (await json('/api/experiments?limit=1')).items;
  if (one === undefined) throw new Skip('no experiment to follow');
  const path = `/api/experiments/${one.id}/events`;
  const answer = await known(path);
  const type = answer.headers.get('content-type') ?? '';
  if (answer.status !== 200 || !type.startsWith('text/event-stream'))
    throw new Error(`${path}: ${answer.status} ${type}`);
  let seen = '';
  for await (const part of answer.body ?? []) {
    seen += Buffer.from(part).toString('utf8');
    const [, name] = /^event: (\w+)/m.exec(seen) ?? [];
    if (name === 'progress') return `${one.name}: first event after the stream was opened`;
    if (seen.length > 100_000) break;
  }
  throw new Error(`${path}: no event "progress" in ${seen.length} characters`);
}

/** A page as a browser would take it: everything it loads is there, and its policy lets its own scripts run. */
async function page({ ask }: Site, path: string): Promise<number> {
  const answer = await ask(path);
  const html = await answer.text();
  if (answer.status !== 200 || !/<html/i.test(html)) throw new Error(`${path}: ${answer.status}, no page`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  for (const [, code = ''] of html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)) {
    const hash = createHash('sha256').update(code).digest('base64');
    if (!policy.includes(`'sha256-${hash}'`)) throw new Error(`${path}: its policy forbids one of its own scripts`);
  }
  const assets = new Set(
    [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|svg|woff2)[^"]*)"/g)].map(([, one]) => one),
  );
  for (const asset of assets) {
    const { status, headers: sent, body } = await ask(asset as string);
    await body?.cancel();
    const wanted = /\.js/.test(asset as string) ? /javascript/ : /\.css/.test(asset as string) ? /css/ : /./;
    if (status !== 200 || !wanted.test(sent.get('content-type') ?? ''))
      throw new Error(`${path}: ${asset} is answered ${status} ${sent.get('content-type')}`);
  }
  if (assets.size === 0) throw new Error(`${path}: loads nothing`);
  return assets.size;
}

async function dashboard(site: Site): Promise<string> {
  const paths = ['/', '/experiments', '/experiment', '/compare', '/login'];
  const counts = await Promise.all(paths.map((path) => page(site, path)));
  return `${paths.join(' ')}: ${counts.reduce((sum, one) => sum + one)} files loaded, scripts allowed`;
}

async function docs({ json, read }: Site): Promise<string> {
  const { paths } = await json('/api/openapi.json');
  if (!(await read('/docs')).includes('swagger-ui')) throw new Error('/docs: not the documentation');
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'start.js']) await read(`/docs/${file}`);
  return `${Object.keys(paths).length} paths`;
}

const checks: Readonly<Record<string, (site: Site, url: string) => Promise<string>>> = {
  health,
  access,
  version,
  'security headers': headers,
  refuses: refusals,
  experiments,
  finding,
  'live events': liveEvents,
  dashboard,
  'API docs': docs,
};

/** Looks at a running server from outside; nothing is written. `token`: of any role; needed where the server is not public. */
export async function* smoke(url: string, token?: string): AsyncGenerator<SmokeCheck> {
  const site = createSite(url, token);
  for (const [name, check] of Object.entries(checks)) {
    const begun = performance.now();
    const outcome = await check(site, url).then(
      (found) => ({ status: 'ok' as const, found }),
      (error: Error) => ({
        status: error instanceof Skip ? ('skip' as const) : ('fail' as const),
        found: error.message,
      }),
    );
    yield { name, ...outcome, ms: performance.now() - begun };
    // Where nobody answers nothing else can be learnt.
    if (name === 'health' && outcome.status === 'fail') return;
  }
}
