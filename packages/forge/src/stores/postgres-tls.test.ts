import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifiedTls } from '../lib/verified-tls.ts';
import { hasOpenssl } from '../testing/certificate.ts';
import { forge } from '../testing/forge-process.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres-server.ts';
import { enableTls } from '../testing/postgres-tls.ts';
import { openWorkQueue } from '../workers/work-queue.ts';
import { openStore } from './index.ts';

describe.skipIf(!hasOpenssl)('Postgres with TLS, as hosts offer it', () => {
  let dir: string;
  let server: PostgresServer;
  let authority: string;
  /** As a host prints it. */
  let url: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'forge-tls-'));
    server = await startPostgres();
    authority = await enableTls(server.url, dir);
    url = `${server.url}?sslmode=require&channel_binding=require`;
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** TLS versions of the connections that the server has from a program; null: none. */
  async function encrypted(application: string): Promise<(string | null)[]> {
    const client = new pg.Client(server.url);
    await client.connect();
    const text = 'select version from pg_stat_ssl join pg_stat_activity using (pid) where application_name = $1';
    const { rows } = await client.query(text, [application]).finally(() => client.end());
    return rows.map(({ version }) => version);
  }

  it('is not spoken to where nobody vouches for its certificate, and says what to do', async () => {
    const refused = openStore({ url });
    await expect(refused).rejects.toThrow(/certificate is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/);
    await expect(openStore({ url })).rejects.toThrow(/sslrootcert=FILE.*NODE_EXTRA_CA_CERTS/);
  });

  it('holds the store and the queue, each connection encrypted', async () => {
    const trusted = `${url}&sslrootcert=${authority}`;
    const store = await openStore({ url: trusted });
    const queue = await openWorkQueue(trusted, () => {});
    try {
      expect(await store.totals()).toMatchObject({ experiments: 0 });
      expect(await queue.next({ engines: ['scripted'], gpu: false, models: [] })).toBeNull();
      for (const application of ['llm-forge', 'llm-forge-queue']) {
        const versions = await encrypted(application);
        expect(versions.length).toBeGreaterThan(0);
        expect(versions.every((version) => version?.startsWith('TLSv1.'))).toBe(true);
      }
    } finally {
      await queue.close();
      await store.close();
    }
  });

  it('is used by commands with the connection string as it was printed, without a warning', async () => {
    const env = { DATABASE_URL: url, NODE_EXTRA_CA_CERTS: authority };
    const { code, stdout, stderr } = await forge(['list', '--json'], { cwd: dir, env });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ items: [] });
  });

  it('is refused under a name that the certificate does not have', async () => {
    const elsewhere = new URL(`${url}&sslrootcert=${authority}`);
    elsewhere.hostname = 'localhost';
    await expect(openStore({ url: elsewhere.href })).rejects.toThrow(/not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });
});

describe('Postgres without TLS', () => {
  it('says so where TLS is asked for', async () => {
    // What it answers to the question for TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html
    const plain = createServer((socket) => socket.once('data', () => socket.end('N'))).listen(0, '127.0.0.1');
    await new Promise((resolve) => plain.once('listening', resolve));
    const { port } = plain.address() as { port: number };
    const url = `postgres://forge:forge@127.0.0.1:${port}/forge?sslmode=require`;
    expect(verifiedTls(url)).not.toBe(url);
    await expect(openStore({ url })).rejects.toThrow(/does not support SSL connections; leave sslmode out/);
    plain.close();
  });
});

describe('a pooler', () => {
  it('that takes no settings of a session is told from a connection that was lost', async () => {
    // Recorded from PgBouncer 1.18 in transaction mode.
    const fields = ['SFATAL', 'C08P01', 'Munsupported startup parameter: statement_timeout'];
    const body = Buffer.from(`${fields.join('\0')}\0\0`);
    const head = Buffer.from([0x45, 0, 0, 0, body.length + 4]);
    const pooler = createServer((socket) => socket.once('data', () => socket.end(Buffer.concat([head, body]))));
    pooler.listen(0, '127.0.0.1');
    await new Promise((resolve) => pooler.once('listening', resolve));
    const { port } = pooler.address() as { port: number };
    const url = `postgres://forge:forge@127.0.0.1:${port}/forge`;
    await expect(openStore({ url })).rejects.toThrow(/direct connection string.*without "-pooler"/);
    pooler.close();
  });
});
