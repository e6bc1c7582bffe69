import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { ConfigError } from '../errors.ts';
import type { Connection } from './connection.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Any number that no other program is likely to lock in the same database. */
const advisoryLock = 7_208_511_934;

/** How far the tables are: how many migrations, and when the newest of them was written (ms since the epoch). */
export interface SchemaVersion {
  readonly migrations: number;
  readonly newest: number;
}

const allMigrations = () => readMigrationFiles({ migrationsFolder });

/** What this program's tables are at. */
export function newestSchema(): SchemaVersion {
  const all = allMigrations();
  return { migrations: all.length, newest: all.at(-1)?.folderMillis ?? 0 };
}

/** What a database's tables are at; no migrations where it has none. */
export async function storedSchema(query: Connection['query']): Promise<SchemaVersion> {
  const [there] = await query("select to_regclass('drizzle.__drizzle_migrations')::text");
  if (there?.[0] === null) return { migrations: 0, newest: 0 };
  const [row] = await query('select count(*), coalesce(max(created_at), 0) from drizzle.__drizzle_migrations');
  return { migrations: Number(row?.[0]), newest: Number(row?.[1]) };
}

/** The tables that any version of the schema has: others in the same database are not ours. */
export const ownTables = (): ReadonlySet<string> =>
  new Set(
    allMigrations()
      .flatMap(({ sql }) => sql)
      .flatMap((statement) => /^\s*create table (?:if not exists )?(?:"public"\.)?"(\w+)"/i.exec(statement)?.[1] ?? []),
  );

const createRecord = [
  'create schema if not exists drizzle',
  'create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
];

/** Applies what is missing up to a version, within the caller's transaction. */
export async function applyMigrations(query: Connection['query'], place: string, upTo: number): Promise<void> {
  await query('select pg_advisory_xact_lock($1)', [advisoryLock]);
  for (const statement of createRecord) await query(statement);
  const rows = await query('select coalesce(max(created_at), 0) from drizzle.__drizzle_migrations');
  const applied = Number(rows[0]?.[0] ?? 0);
  if (applied > newestSchema().newest) {
    throw new ConfigError(
      `database ${place}: its tables are of a newer version of LLM Forge; update LLM Forge or use another database`,
    );
  }
  for (const { folderMillis, sql, hash } of allMigrations()) {
    if (folderMillis <= applied || folderMillis > upTo) continue;
    for (const statement of sql) await query(statement);
    await query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [hash, folderMillis]);
  }
}

/**
 * Brings the tables up to this version's schema in one transaction; two processes that open a database at the same time
 * take turns. `query` must be one session of its own. The record of what was applied is drizzle-kit's own table.
 */
export async function migrate(query: Connection['query'], place: string): Promise<void> {
  await query('begin');
  try {
    await applyMigrations(query, place, newestSchema().newest);
    await query('commit');
  } catch (error) {
    await query('rollback').catch(() => {});
    throw error;
  }
}
