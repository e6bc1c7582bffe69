import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';

/** What an insert takes besides its rows. */
export interface InsertMore {
  /** SQL for columns that are not in the rows. */
  readonly columns?: Readonly<Record<string, SQL>>;
  /** Text fields of the rows that are no columns, for a join. */
  readonly fields?: readonly string[];
  /** What follows: a join on `input`, an `on conflict`, a `returning`. */
  readonly tail?: SQL;
}

/**
 * Many rows as one parameter: `insert into <table> select ... from jsonb_to_recordset(<rows>) as input`. `rows` is the
 * encodeJson text of `$inferInsert` objects.
 */
export function insertRows(table: PgTable, rows: string, more: InsertMore = {}): SQL {
  const { columns = {}, fields = [], tail = sql`` } = more;
  const all = Object.entries(getTableColumns(table)).filter(
    ([, column]) => column.generated === undefined && column.generatedIdentity === undefined,
  );
  const list = (parts: SQL[]) => sql.join(parts, sql`, `);
  const typed = (key: string, type: string) => sql`${sql.identifier(key)} ${sql.raw(type)}`;
  const names = all.map(([, column]) => sql`${sql.identifier(column.name)}`);
  const values = all.map(([key]) => columns[key] ?? sql`input.${sql.identifier(key)}`);
  const input = [
    ...all.filter(([key]) => columns[key] === undefined).map(([key, column]) => typed(key, column.getSQLType())),
    ...fields.map((key) => typed(key, 'text')),
  ];
  const into = sql.identifier(getTableName(table));
  return sql`insert into ${into} (${list(names)}) select ${list(values)} from jsonb_to_recordset(${rows}::jsonb) as input(${list(input)})${tail}`;
}
