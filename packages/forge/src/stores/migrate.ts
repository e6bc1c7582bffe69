import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { ConfigError } from '../errors.ts';
import type { Connection } from './connection.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Any number that no other program is likely to lock in the same database. */
const advisoryLock = 7_208_511_934;

/**
 * Brings the tables up to this version's schema in one transaction; two processes that open a database at the same time
 * take turns. `query` must be one session of its own. The record of what was applied is drizzle-kit's own table.
 */
export async function migrate(query: Connection['query'], place: string): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder });
  const newest = migrations.at(-1)?.folderMillis ?? 0;
  await query('begin');
  try {
    await query('select pg_advisory_xact_lock($1)', [advisoryLock]);
    await query('create schema if not exists drizzle');
    await query(
      'create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
    );
    const rows = await query('select coalesce(max(created_at), 0) from drizzle.__drizzle_migrations');
    const applied = Number(rows[0]?.[0] ?? 0);
    if (applied > newest) {
      throw new ConfigError(
        `database ${place}: its tables are of a newer version of LLM Forge; update LLM Forge or use another database`,
      );
    }
    for (const migration of migrations.filter(({ folderMillis }) => folderMillis > applied)) {
      for (const statement of migration.sql) await query(statement);
      await query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [
        migration.hash,
        migration.folderMillis,
      ]);
    }
    await query('commit');
  } catch (error) {
    await query('rollback').catch(() => {});
    throw error;
  }
}
