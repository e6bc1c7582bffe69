import pg from 'pg';
import { ConfigError } from '../errors.ts';
import { verifiedTls } from '../lib/verified-tls.ts';
import { type Connection, databaseFailure, type OpenOptions, type Query } from './connection.ts';
import { migrate } from './migrate.ts';

/** Text of every column but booleans: the schema's columns turn it into values. */
const textTypes: pg.CustomTypesConfig = {
  getTypeParser: (id: number) =>
    id === pg.types.builtins.BOOL ? (value: string) => value === 't' : (value: string) => value,
} as pg.CustomTypesConfig;

/** `host:port/database`, never the user or password. Throws ConfigError where it is no connection string. */
function placeOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ConfigError('DATABASE_URL: not a URL; give postgres://user:password@host:5432/database');
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new ConfigError(
      `DATABASE_URL: "${parsed.protocol}//" is not Postgres; give postgres://user:password@host:5432/database`,
    );
  }
  return `${parsed.host}${parsed.pathname}`;
}

/** A pool of connections to a Postgres server (14 or newer; Neon), its tables brought up to date. Throws ConfigError. */
export async function openPostgres(url: string, { asItIs = false }: OpenOptions = {}): Promise<Connection> {
  const place = placeOf(url);
  const pool = new pg.Pool({
    connectionString: verifiedTls(url),
    max: 4,
    connectionTimeoutMillis: 15_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 120_000,
    // Where the network falls silent no answer comes, not even that of the timeout above.
    query_timeout: 130_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'llm-forge',
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {});

  async function queryOn(client: pg.Pool | pg.PoolClient, text: string, params: readonly unknown[] = []) {
    try {
      const query = { text, values: [...params], rowMode: 'array' as const, types: textTypes };
      return (await client.query<unknown[]>(query)).rows;
    } catch (error) {
      throw databaseFailure(place, error);
    }
  }

  async function session<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw databaseFailure(place, error);
    });
    // A connection that breaks between two statements: the next statement says so.
    client.on('error', () => {});
    let failed = true;
    try {
      const done = await work((text, params) => queryOn(client, text, params));
      failed = false;
      return done;
    } finally {
      // After an error it may be in the middle of a transaction: it is closed, not used again.
      client.release(failed);
    }
  }

  async function prepare(query: Query): Promise<void> {
    const [encoding] = await query('show server_encoding');
    if (encoding?.[0] !== 'UTF8') {
      throw new ConfigError(`database ${place}: its encoding is ${encoding?.[0]}; create one with: encoding 'UTF8'`);
    }
    if (!asItIs) await migrate(query, place);
  }

  try {
    await session(prepare);
  } catch (error) {
    await pool.end().catch(() => {});
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    query: (text, params) => queryOn(pool, text, params),
    session,
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}
