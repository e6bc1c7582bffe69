import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from '../packages/dashboard/e2e/browser.ts';
import { hasOpenssl, makeCertificate } from '../packages/forge/src/testing/certificate.ts';
import { forge } from '../packages/forge/src/testing/forge-process.ts';
import { type ForgeServer, startForgeServer } from '../packages/forge/src/testing/forge-server.ts';
import { type Config, startVercelEdge } from './vercel-edge.ts';

const root = join(import.meta.dirname, '..');
const name = 'dashboard.example';
/** Of the file or of how it was sent, not of the site. */
const ofSending =
  /^(content-(type|length|encoding)|transfer-encoding|connection|keep-alive|date|last-modified|vary|x-request-id)$/;

const build = (output: string, api: string) =>
  promisify(execFile)(process.execPath, [join(root, 'scripts/build-vercel.ts'), output], {
    env: { ...process.env, FORGE_API_URL: api },
  });

describe('npm run build:vercel', () => {
  it.each(['', 'http://forge.example', 'https://forge.example/api'])(
    'refuses "%s" as the address of the API',
    async (api) => {
      await expect(build(join(tmpdir(), 'never'), api)).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^FORGE_API_URL: .*give the address of the API/),
      });
    },
  );

  it('is what vercel.json builds with', async () => {
    const settings = JSON.parse(await readFile(join(root, 'vercel.json'), 'utf8'));
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(settings.buildCommand).toBe('npm run build:vercel');
    expect(scripts['build:vercel']).toBe('node scripts/build-vercel.ts');
    expect(settings.framework).toBeNull();
  });
});

describe.skipIf(!hasOpenssl)('the dashboard on Vercel, the API elsewhere', () => {
  let dir: string;
  let output: string;
  let server: ForgeServer;
  let edge: Awaited<ReturnType<typeof startVercelEdge>>;
  let token: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-vercel-'));
    output = join(dir, 'output');
    const env = { FORGE_HOME: join(dir, 'home') };
    // A server that is reached by a name starts only when there is an admin token.
    const made = await forge(['token', 'create', '--name', 'vercel', '--role', 'admin', '--json'], { cwd: root, env });
    token = JSON.parse(made.stdout).token;
    server = await startForgeServer({ cwd: root, env, args: ['--port', '0', '--allow-host', name] });
    await build(output, server.url);
    edge = await startVercelEdge(output, makeCertificate(dir, `DNS:${name}`));
  });
  afterAll(async () => {
    await edge?.close();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function ask(path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { host: name, ...options.headers };
    const asked = request(`${edge.url}${path}`, { rejectUnauthorized: false, ...options, headers }, resolve);
    asked.on('error', reject).end();
    return promise;
  }

  it('gives every page and file the status and headers that forge serve gives it', async () => {
    const { overrides } = JSON.parse(await readFile(join(output, 'config.json'), 'utf8')) as Config;
    const pages = ['', ...Object.values(overrides).map(({ path }) => path)];
    const chunk = (await readdir(join(output, 'static/_next/static/chunks'))).find((file) => file.endsWith('.js'));
    expect(pages.length).toBeGreaterThan(10);
    for (const path of [
      ...pages,
      `_next/static/chunks/${chunk}`,
      'icon.svg',
      'index.txt',
      'nowhere',
      'x/nowhere.txt',
    ]) {
      const own = await fetch(`${server.url}/${path}`);
      const there = await ask(`/${path}`);
      there.resume();
      const kept = (headers: Iterable<[string, unknown]>) =>
        Object.fromEntries([...headers].filter(([header]) => !ofSending.test(header)));
      expect([path, there.statusCode, kept(Object.entries(there.headers))]).toEqual([
        path,
        own.status,
        kept(own.headers),
      ]);
    }
    const slash = await ask('/experiments/new/');
    expect([slash.statusCode, slash.headers.location]).toEqual([308, '/experiments/new']);
  });

  it('sends /api, /docs and /guide on: answers, refusals, events as they come', async () => {
    const health = await ask('/api/health');
    expect([health.statusCode, await text(health)]).toEqual([200, '{"status":"ok"}']);
    expect(health.headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect((await ask('/api/experiments')).statusCode).toBe(401);
    expect((await ask('/docs')).headers.location).toBe('/login?next=/docs');
    expect(await text(await ask('/guide/nothing'))).toMatch(/^the guide /);
    const foreign = { origin: 'https://evil.example', 'content-type': 'application/json' };
    expect((await ask('/api/session', { method: 'POST', headers: foreign })).statusCode).toBe(403);
    expect((await ask('/metrics')).statusCode).toBe(404);
  });

  it.skipIf(browserPath === undefined)(
    'is signed in to, makes an experiment and follows it, in a browser',
    async () => {
      const browser = await launchBrowser([`--host-resolver-rules=MAP ${name}:443 127.0.0.1:${edge.port}`]);
      const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } });
      context.setDefaultTimeout(20_000);
      try {
        const site = `https://${name}`;
        const page = await context.newPage();
        await page.goto(`${site}/experiments/new?example=quickstart`);
        await page.waitForURL(/\/login\?next=/);
        await page.getByLabel('Token').fill(token);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.waitForURL(`${site}/experiments/new?example=quickstart`);
        expect(await context.cookies()).toMatchObject([
          { name: '__Host-forge_session', domain: name, httpOnly: true, secure: true, sameSite: 'Strict' },
        ]);

        // From here on the console has nothing to say: until now it named what was refused.
        const problems: string[] = [];
        context.on('weberror', (error) => problems.push(error.error().message));
        context.on('console', (message) => {
          if (message.type() === 'error') problems.push(message.text());
        });
        await page.getByLabel('Sample size').fill('6');
        await page.getByText('Valid: 2 variants').waitFor();
        await page.getByRole('button', { name: 'Start', exact: true }).click();
        await page.waitForURL(/\/experiment\?id=/);
        // By the events of the run, through the edge.
        await page.getByRole('heading', { level: 1, name: /finished$/ }).waitFor({ timeout: 60_000 });
        expect(problems).toEqual([]);
      } finally {
        await browser.close();
      }
    },
    120_000,
  );
});
