import { ConfigError } from '../../errors.ts';
import {
  type BackupHeader,
  type Row,
  readBackup,
  type TableSum,
  tableHash,
  verifyBackup,
} from '../../lib/backup-file.ts';
import type { Connection, Query } from '../connection.ts';
import { applyMigrations, newestSchema, storedSchema } from '../migrate.ts';
import { allRows, cellAt, insertSelect, quoted, type TableShape, tableShapes } from './table-shape.ts';

export interface RestoreOptions {
  /** Names the database in errors. */
  readonly place: string;
  /** Throws away what the database holds. Without it a database with rows in it is left alone. */
  readonly replace: boolean;
  progress?(table: string): void;
}

/** Throws ConfigError where the file is of tables that this program cannot have. */
export function checkSchema(path: string, { schema, forgeVersion }: BackupHeader): void {
  const here = newestSchema();
  if (schema.migrations > here.migrations || schema.newest > here.newest)
    throw new ConfigError(
      `${path}: written by LLM Forge ${forgeVersion}, whose tables are newer than this one's (${schema.migrations} migrations, here ${here.migrations}); update LLM Forge`,
    );
}

async function checkEmpty(query: Query, shapes: readonly TableShape[], place: string): Promise<void> {
  for (const { name } of shapes) {
    const [found] = await query(`select exists (select 1 from ${quoted(name)})::text`);
    if (found?.[0] === 'true')
      throw new ConfigError(
        `database ${place}: is not empty (table ${name} has rows); restore into an empty one, or give --replace to throw away what it holds`,
      );
  }
}

/** Tables as they were when the backup was made, without rows. */
async function makeTables(query: Query, shapes: readonly TableShape[], place: string, upTo: number): Promise<void> {
  if (shapes.length > 0)
    await query(`drop table ${shapes.map(({ name }) => `public.${quoted(name)}`).join(', ')} cascade`);
  if ((await storedSchema(query)).migrations > 0) await query('delete from drizzle.__drizzle_migrations');
  await applyMigrations(query, place, upTo);
}

function matching(path: string, shapes: readonly TableShape[], table: string, columns: readonly string[]): TableShape {
  const shape = shapes.find(({ name }) => name === table);
  const known = shape?.columns.map(({ name }) => name) ?? [];
  if (shape === undefined || known.join() !== columns.join())
    throw new ConfigError(`${path}: table ${table} (${columns.join(', ')}) is not one of its version of the tables`);
  return shape;
}

async function fillTables(
  query: Query,
  path: string,
  shapes: readonly TableShape[],
  options: RestoreOptions,
): Promise<void> {
  let insert = '';
  for await (const part of readBackup(path)) {
    if (part.type === 'table') {
      options.progress?.(part.table);
      insert = insertSelect(
        part.table,
        matching(path, shapes, part.table, part.columns).columns.map(({ name, type }, i) => [name, cellAt(i, type)]),
      );
    }
    if (part.type === 'rows' && part.rows.length > 0) await query(insert, [JSON.stringify(part.rows)]);
  }
}

/** The next number that the database gives is one after the largest. */
async function continueNumbers(query: Query, { name, columns }: TableShape): Promise<void> {
  for (const column of columns.filter(({ identity }) => identity)) {
    const id = quoted(column.name);
    await query(
      `select setval(pg_get_serial_sequence($1, $2), coalesce(max(${id}), 1), max(${id}) is not null) from ${quoted(name)}`,
      [`public.${quoted(name)}`, column.name],
    );
  }
}

/** Reads back what was written. */
async function checkTables(query: Query, shapes: readonly TableShape[], manifest: readonly TableSum[]): Promise<void> {
  for (const { table, rows, sha256 } of manifest) {
    const shape = shapes.find(({ name }) => name === table) as TableShape;
    const hash = tableHash(shape.columns.map(({ name }) => name));
    for await (const batch of allRows(query, shape)) for (const row of batch as Row[]) hash.add(row);
    const found = hash.end();
    if (found.rows !== rows || found.sha256 !== sha256)
      throw new ConfigError(
        `table ${table}: ${found.rows} rows arrived of ${rows}, or not as they were; nothing was changed in the database`,
      );
  }
}

/**
 * Puts a backup into a database: all of it or, where anything is wrong, nothing, in one transaction. The file is read to its
 * end before anything is touched; what was written is read back and compared; tables of an earlier version are then brought up
 * to this one's. Throws ConfigError.
 */
export async function restoreDatabase(
  connection: Connection,
  path: string,
  options: RestoreOptions,
): Promise<readonly TableSum[]> {
  const { header, manifest } = await verifyBackup(path);
  if (header.kind !== 'database')
    throw new ConfigError(`${path}: holds one experiment, not a whole database; add it with: forge import ${path}`);
  checkSchema(path, header);
  return connection.session(async (query) => {
    await query('begin');
    const before = await tableShapes(query);
    // Nobody writes between the look and the change.
    const names = before.map(({ name }) => quoted(name)).join(', ');
    if (names !== '') await query(`lock table ${names} in access exclusive mode`);
    if (!options.replace) await checkEmpty(query, before, options.place);
    await makeTables(query, before, options.place, header.schema.newest);
    const shapes = await tableShapes(query);
    await fillTables(query, path, shapes, options);
    for (const shape of shapes) await continueNumbers(query, shape);
    await checkTables(query, shapes, manifest);
    await applyMigrations(query, options.place, newestSchema().newest);
    // PGlite never gathers statistics of itself; without them long runs are read slowly.
    await query('analyze');
    await query('commit');
    return manifest;
  });
}
