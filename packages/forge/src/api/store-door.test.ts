import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../store.ts';
import { openStore } from '../stores/index.ts';
import { openRemote } from '../stores/remote.ts';
import { embedded } from '../testing/database-template.ts';
import { storeContract } from '../testing/store-contract.ts';
import { problemOf, problemResponse } from './problem.ts';
import { storeDoor } from './store-door.ts';

describe('a store lent by a server', () => {
  let dir: string;
  let held: Store;
  let server: ReturnType<typeof serve>;
  let url: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-lent-'));
    held = await openStore(embedded(join(dir, 'database')));
    const site = new Hono().route(
      '/api/store',
      storeDoor(held, 'secret', () => {}),
    );
    site.onError((error, c) => problemResponse(c, problemOf(error)));
    await new Promise<void>((resolve) => {
      server = serve({ fetch: site.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve());
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await held.close();
    await rm(dir, { recursive: true, force: true });
  });

  storeContract(async () => openRemote({ url, token: 'secret' }));

  it('is for those who have the token, and for what a store can do', async () => {
    await expect(openRemote({ url, token: 'guess' }).totals()).rejects.toThrow(/token/);
    const headers = { authorization: 'Bearer secret' };
    const response = await fetch(`${url}/api/store/close`, { method: 'POST', headers, body: '[]' });
    expect(response.status).toBe(404);
    expect((await fetch(`${url}/api/store/constructor`, { method: 'POST', headers, body: '[]' })).status).toBe(404);
  });
});
