import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Connection, Query } from '../../stores/connection.ts';
import { newestSchema, storedSchema } from '../../stores/migrate.ts';
import { openExclusive, placeOf } from '../open-database.ts';
import type { Workspace } from '../workspace.ts';
import { type Check, fail, ok, warn } from './check.ts';

async function schemaCheck(query: Query, place: string): Promise<Check> {
  const [stored, here] = [await storedSchema(query), newestSchema()];
  if (stored.migrations === 0) return ok('database', `${place}: empty, its tables are made by the first command`);
  if (stored.newest > here.newest)
    return fail('database', `${place}: its tables are of a newer version`, 'update LLM Forge, or use another database');
  if (stored.newest < here.newest)
    return warn(
      'database',
      `${place}: its tables are of an earlier version (${stored.migrations} of ${here.migrations} migrations)`,
      'the next command brings them up to date; write a backup first: forge backup <file>',
    );
  return ok('database', `${place}: answers, tables are of this version (${here.migrations} migrations)`);
}

/** A table that is never there for anybody: made and thrown away in one transaction. */
async function writableCheck(connection: Connection, place: string): Promise<Check> {
  try {
    await connection.session(async (query) => {
      await query('begin');
      await query('create table public.forge_doctor (one integer)');
      await query('insert into public.forge_doctor values (1)');
      await query('rollback');
    });
    return ok('database writes', place);
  } catch (error) {
    return fail(
      'database writes',
      messageOf(error),
      'give the user the right to create and write tables in schema public',
    );
  }
}

/** Whether the database answers, what version its tables are of, and whether it can be written. It is left as it is. */
export async function databaseChecks(workspace: Workspace, ownServer: string | undefined): Promise<Check[]> {
  const place = placeOf(workspace);
  if (workspace.database === 'embedded' && ownServer === undefined && !existsSync(join(workspace.home, 'database')))
    return [ok('database', `${place}: not there yet, the first command makes it`)];
  let connection: Connection | undefined;
  try {
    connection = await openExclusive(workspace);
    const checks = [await schemaCheck(connection.query, place)];
    if (ownServer === undefined) checks.push(await writableCheck(connection, place));
    return checks;
  } catch (error) {
    const mend =
      workspace.database === 'embedded'
        ? 'see the message; a backup is put back with: forge restore <file>'
        : 'look at DATABASE_URL and whether the server runs';
    return [fail('database', messageOf(error), mend)];
  } finally {
    await connection?.close();
  }
}
