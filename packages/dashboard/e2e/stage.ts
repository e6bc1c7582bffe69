import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type ForgeServer, startForgeServer } from '../../forge/src/testing/forge-server.ts';
import { startPostgres } from '../../forge/src/testing/postgres-server.ts';
import { launchBrowser } from './browser.ts';

export type DatabaseKind = 'embedded' | 'postgres';

const root = join(import.meta.dirname, '..', '..', '..');

/** `port`: 0 for any free one. */
export const startServer = (home: string, env: Record<string, string>, port = '0') =>
  startForgeServer({ cwd: root, env, args: ['--port', port, '--data-folder', home] });

/** A server over an empty database, and a browser. */
export async function openStage(database: DatabaseKind) {
  const home = await mkdtemp(join(tmpdir(), 'forge-dashboard-'));
  const postgres = database === 'postgres' ? await startPostgres() : undefined;
  const env = { FORGE_HOME: home, ...(postgres && { DATABASE_URL: postgres.url }) };
  const server = await startServer(home, env);
  const browser = await launchBrowser();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(20_000);
  return {
    home,
    env,
    server,
    browser,
    context,
    /** `last`: the server that runs now, where a test started another one. */
    async close(last: ForgeServer): Promise<void> {
      await browser.close();
      await last.stop();
      await postgres?.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface Created {
  readonly id: string;
  readonly state: string;
  readonly runs: { id: string; done: number; status: string }[];
}

/** Creates an experiment over the API and starts it. */
export async function create(server: ForgeServer, source: string): Promise<Created> {
  const response = await fetch(`${server.url}/api/experiments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source, start: true }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Created;
}

export async function read(server: ForgeServer, id: string): Promise<Created> {
  return (await (await fetch(`${server.url}/api/experiments/${id}`)).json()) as Created;
}

export const finished = (server: ForgeServer, id: string) =>
  expect.poll(async () => (await read(server, id)).state, { timeout: 60_000 }).toBe('finished');
