import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { openStore } from '../stores/index.ts';
import { apiContract } from '../testing/api-contract.ts';
import { embedded } from '../testing/database-template.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';

describe('API on PGlite', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-api-store-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  apiContract(() => openStore(embedded(join(dir, 'database'))));
});

describe('API on Postgres', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  apiContract(() => openStore({ url: server.url }));
});
