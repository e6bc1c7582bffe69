import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessSettings } from '../api/access.ts';
import { createCorpora } from '../api/corpora.ts';
import { createJobs } from '../api/jobs.ts';
import { createLiveSummaries } from '../api/live-summary.ts';
import { startServer } from '../api/server.ts';
import { compareInputs } from '../compare-inputs.ts';
import type { Store } from '../store.ts';

export interface AccessServer {
  readonly url: string;
  /** `token`: sent as Bearer. */
  request(
    method: string,
    path: string,
    given?: { token?: string | undefined; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  close(): Promise<void>;
}

export interface AccessServerOptions extends Partial<AccessSettings> {
  readonly store: Store;
  /** Experiments and corpora are relative to it. */
  readonly dir: string;
}

/** The server of `forge serve` on a free port, in this process: its limits can be made small. */
export async function startAccessServer(options: AccessServerOptions): Promise<AccessServer> {
  const { store, dir, host = '127.0.0.1', allowedHosts = [], ...settings } = options;
  const dashboard = await mkdtemp(join(tmpdir(), 'forge-access-pages-'));
  await writeFile(join(dashboard, 'index.html'), '<!doctype html><title>Home</title>');
  await mkdir(join(dashboard, '_next', 'static'), { recursive: true });
  await writeFile(join(dashboard, '_next', 'static', 'page.js'), 'void 0;');
  const surroundings = { baseDir: dir, cacheDir: join(dir, 'cache'), env: {}, now: Date.now, notify: () => {} };
  const clock = { now: Date.now, monotonic: () => performance.now() };
  const log = () => {};
  const base = { store, surroundings, clock, random: () => 0.5, log };
  const jobs = createJobs({ ...base, origin: { codeRevision: 'test', forgeVersion: '0', machine: { cores: 2 } } });
  const corpora = createCorpora(surroundings, { monotonic: clock.monotonic, log });
  const compareThread = {
    compare: async (input: Parameters<typeof compareInputs>[0]) => compareInputs(input),
    close: async () => {},
  };
  const liveSummary = createLiveSummaries(store, clock);
  const access = { required: false, publicReadOnly: false, proxies: 0, randomBytes, ...settings };
  const closeParts = async () => {
    await jobs.close();
    await corpora.close();
    await rm(dashboard, { recursive: true, force: true });
  };
  try {
    const server = await startServer(
      { ...base, jobs, corpora, compareThread, liveSummary, version: '0', database: 'embedded' },
      { host, port: 0, anyPort: false, allowedHosts, dashboard, token: null, access },
    );
    return {
      url: server.url,
      request(method, path, { token, body, headers = {} } = {}) {
        return fetch(`${server.url}${path}`, {
          method,
          redirect: 'manual',
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      },
      async close() {
        await server.close();
        await closeParts();
      },
    };
  } catch (error) {
    await closeParts();
    throw error;
  }
}
