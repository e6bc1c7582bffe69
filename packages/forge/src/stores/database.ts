import { type Column, DrizzleQueryError, type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import { ConfigError } from '../errors.ts';
import type { PageRequest } from '../page.ts';
import type { Connection } from './connection.ts';
import { encodeJson } from './storable-text.ts';

/** Drizzle over either kind of connection. */
export interface Database {
  readonly tables: PgRemoteDatabase;
  /** Runs a query made with `tables`. Rejects with ConfigError. */
  run<T>(query: PromiseLike<T>): Promise<T>;
  /** Runs a statement written out; rows as arrays. Rejects with ConfigError. */
  statement(statement: SQL): Promise<unknown[][]>;
}

/** Queries over a connection, its errors as ConfigErrors. */
export function createDatabase(connection: Connection): Database {
  const dialect = new PgDialect();
  return {
    tables: drizzle(async (statement, params) => ({ rows: await connection.query(statement, params) })),
    async run(query) {
      try {
        return await query;
      } catch (error) {
        // Drizzle's own message holds the statement with every parameter: prompts and answers have no place in an error.
        throw error instanceof DrizzleQueryError && error.cause !== undefined ? error.cause : error;
      }
    },
    statement(statement) {
      const query = dialect.sqlToQuery(statement);
      return connection.query(query.sql, query.params);
    },
  };
}

const maxPageSize = 1000;

/** Throws ConfigError where the limit of a page is out of bounds. */
export function checkPage({ limit }: PageRequest): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
    throw new ConfigError(`limit: ${limit}; a page has 1 to ${maxPageSize} rows`);
  }
}

/** The last row of a page as what `after` takes. */
export const cursorOf = (fields: readonly unknown[]) => Buffer.from(JSON.stringify(fields)).toString('base64url');

/** What cursorOf was given. */
export function fieldsOf(cursor: string): readonly unknown[] {
  try {
    const fields = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown;
    if (Array.isArray(fields)) return fields;
  } catch {
    // Said below.
  }
  throw cursorError(cursor);
}

/** The error for a cursor that no page gave. */
export const cursorError = (cursor: string) =>
  new ConfigError(`after: "${cursor}" is not what a page gave as its next; start without it`);

/** A pattern for ILIKE that finds a text wherever it stands, its own % and _ meaning themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/** `column in (values)`, the values as one parameter however many they are. */
export const anyOf = (column: Column, type: 'text' | 'bigint' | 'uuid', values: readonly (string | number)[]): SQL =>
  sql`${column} = any(array(select value::${sql.raw(type)} from jsonb_array_elements_text(${encodeJson(values)}::jsonb)))`;
