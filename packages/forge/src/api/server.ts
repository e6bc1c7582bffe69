import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { trimTrailingSlash } from 'hono/trailing-slash';
import { ConfigError } from '../errors.ts';
import { type Access, type AccessSettings, createAccess } from './access.ts';
import { docsGuard } from './access-guard.ts';
import { createApi } from './app.ts';
import { isSafe } from './caller.ts';
import { dashboardFiles } from './dashboard-files.ts';
import { databaseDoor, type LentDatabase } from './database-door.ts';
import { docsPage } from './docs-page.ts';
import { guidePages } from './guide-pages.ts';
import { type Observation, observeRequests } from './observe-requests.ts';
import { HttpProblem, problemOf, problemResponse } from './problem.ts';
import type { ApiParts } from './routing.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { storeDoor } from './store-door.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Where the port is taken, the next free one. */
  readonly anyPort: boolean;
  /** Names besides `host` and the loopback ones by which browsers may call this server. */
  readonly allowedHosts: readonly string[];
  /** The folder of the built dashboard. */
  readonly dashboard: string;
  /** The folder of the guide, built or not: then /guide says how to build it. Unset: no /guide. */
  readonly guide?: string;
  /** With which commands of the same user may use the store; null: they open the database themselves. */
  readonly token: string | null;
  readonly access: Omit<AccessSettings, 'host' | 'allowedHosts'>;
  /** The embedded database itself, lent with the same token. */
  readonly database?: LentDatabase;
  /** What is counted and logged of requests; without it neither. */
  readonly observation?: Observation;
}

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A batch of results, each with its prompts and outputs. */
const maxStoreBodyBytes = 256 * 2 ** 20;
const prometheusText = 'text/plain; version=0.0.4; charset=utf-8';
const loopback = ['localhost', '127.0.0.1', '[::1]'];

const hostName = (host: string) => host.replace(/:\d+$/, '').toLowerCase();

/**
 * Refuses requests that a page of another site made the browser send: a foreign Host is a name that was made to point
 * here (DNS rebinding), a foreign Origin is a form or script of another site. A dashboard that is served elsewhere and sends
 * `/api` on to this server changes the Host on the way, not the Origin: an allowed name may be one, too.
 */
function guardAgainstOtherSites(options: ServerOptions) {
  const allowed = options.allowedHosts.map((host) => host.toLowerCase());
  const names = new Set([...loopback, options.host.toLowerCase(), ...allowed]);
  const origins = new Set(allowed.map((host) => `https://${host}`));
  return ({ req }: Context): string | undefined => {
    const [host, origin, site] = [req.header('host'), req.header('origin'), req.header('sec-fetch-site')];
    if (host === undefined || !names.has(hostName(host))) {
      return `this server is not called "${host ?? ''}"; allow the name with: forge serve --allow-host ${hostName(host ?? 'name')}`;
    }
    // Browsers say so themselves, and no page can make them say otherwise.
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (!isSafe(req.method) && (foreign || origin === 'null')) return 'requests of other sites are not allowed';
    if (origin === undefined || origin === 'null' || origins.has(origin)) return undefined;
    if (URL.canParse(origin) && new URL(origin).host === host) return undefined;
    return `requests of ${origin} are not allowed; where the dashboard is served there, allow its name with: forge serve --allow-host`;
  };
}

async function createSite(parts: ApiParts, options: ServerOptions, access: Access): Promise<Hono> {
  const site = new Hono();
  const refusalOf = guardAgainstOtherSites(options);
  const { observation } = options;
  if (observation !== undefined) site.use(observeRequests(observation));
  site.use(async (c, next) => {
    const refusal = refusalOf(c);
    if (refusal !== undefined) return problemResponse(c, new HttpProblem(403, refusal));
    return next();
  });
  addSecurityHeaders(site);
  site.use(compress());
  site.use(trimTrailingSlash());
  if (options.token !== null) {
    if (options.database !== undefined) {
      site.use('/api/store/database/*', bodyLimit({ maxSize: maxStoreBodyBytes }));
      site.route('/api/store/database', databaseDoor(options.database, options.token, parts.jobs.announce));
    }
    site.route('/api/store', storeDoor(parts.store, options.token, parts.jobs.announce));
  }
  site.route('/api', createApi(parts, access));
  const { metrics } = observation ?? {};
  if (metrics !== undefined) {
    site.use('/metrics', docsGuard(access));
    site.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'content-type': prometheusText }));
  }
  site.use('/docs/*', docsGuard(access));
  site.route('/docs', docsPage());
  if (options.guide !== undefined) site.route('/guide', guidePages(options.guide));
  site.route('/', await dashboardFiles(options.dashboard));
  site.onError((error, c) => problemResponse(c, problemOf(error)));
  return site;
}

function listen(site: Hono, host: string, port: number): Promise<ReturnType<typeof serve>> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: site.fetch, hostname: host, port }, () => resolve(server));
    server.once('error', reject);
  });
}

/** Serves API and dashboard on one port. Throws ConfigError where it cannot listen, or must not: see checkReach. */
export async function startServer(parts: ApiParts, options: ServerOptions): Promise<RunningServer> {
  const { host, anyPort } = options;
  const access = createAccess(parts, { ...options.access, host, allowedHosts: options.allowedHosts });
  await access.checkReach();
  const site = await createSite(parts, options, access);
  const attempts = anyPort ? 20 : 1;
  for (let attempt = 0; ; attempt++) {
    try {
      const server = await listen(site, host, options.port + attempt);
      const { port } = server.address() as AddressInfo;
      return {
        url: `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`,
        close: () =>
          new Promise((resolve) => {
            server.close(() => resolve());
            // Open event streams would keep it from closing.
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && attempt + 1 < attempts) continue;
      if (code === 'EADDRINUSE')
        throw new ConfigError(`--port ${options.port}: in use by another program; choose another`);
      throw new ConfigError(`--host ${host} --port ${options.port}: cannot listen (${code})`);
    }
  }
}
