import type { Cell, Row } from '../../lib/backup-file.ts';
import type { Query } from '../connection.ts';
import { ownTables } from '../migrate.ts';

/** A table as the database itself describes it: what comes with a later migration is copied without a word said here. */
export interface TableShape {
  readonly name: string;
  /** But for those that the database computes. */
  readonly columns: readonly Column[];
  /** Columns of the primary key. */
  readonly key: readonly string[];
}

export interface Column {
  readonly name: string;
  /** As SQL writes it. */
  readonly type: string;
  /** Numbered by the database. */
  readonly identity: boolean;
  /** The table whose rows it names. */
  readonly refersTo: string | null;
}

/** A name as SQL takes it. */
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

const columnsQuery = `
select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attidentity::text,
  (select f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
   where k.contype = 'f' and k.conrelid = c.oid and a.attnum = any(k.conkey) limit 1)
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by c.relname, a.attnum`;

const keysQuery = `
select c.relname::text, a.attname::text
from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(i.indkey::int2[]) with ordinality as part(number, place)
join pg_attribute a on a.attrelid = c.oid and a.attnum = part.number
where i.indisprimary and n.nspname = 'public'
order by c.relname, part.place`;

/** Tables that others name come first. */
function inOrderOfReference(shapes: readonly TableShape[]): TableShape[] {
  const left = new Map(shapes.map((shape) => [shape.name, shape]));
  const ordered: TableShape[] = [];
  while (left.size > 0) {
    const waits = ({ name, columns }: TableShape) =>
      columns.some(({ refersTo }) => refersTo !== null && refersTo !== name && left.has(refersTo));
    const ready = [...left.values()].filter((shape) => !waits(shape));
    if (ready.length === 0) throw new Error(`tables name each other in a circle: ${[...left.keys()].join(', ')}`);
    for (const shape of ready) {
      ordered.push(shape);
      left.delete(shape.name);
    }
  }
  return ordered;
}

/** The tables that are ours, those first that others refer to. */
export async function tableShapes(query: Query): Promise<readonly TableShape[]> {
  const ours = ownTables();
  const keys = Map.groupBy(await query(keysQuery), ([table]) => String(table));
  const columns = Map.groupBy(await query(columnsQuery), ([table]) => String(table));
  return inOrderOfReference(
    [...columns]
      .filter(([name]) => ours.has(name))
      .map(([name, rows]) => ({
        name,
        columns: rows.map(([, column, type, identity, refersTo]) => ({
          name: String(column),
          type: String(type),
          identity: identity !== '',
          refersTo: refersTo === null ? null : String(refersTo),
        })),
        key: (keys.get(name) ?? []).map(([, column]) => String(column)),
      })),
  );
}

const targetChars = 4 * 2 ** 20;
const mostRows = 2000;

/** The rows of a SELECT whose columns are all text, in batches of about 4 MB; within a transaction. */
export async function* cursorRows(
  query: Query,
  select: string,
  params: readonly unknown[] = [],
): AsyncGenerator<Row[]> {
  await query(`declare forge_rows no scroll cursor for ${select}`, params);
  let rowsAtOnce = 50;
  while (true) {
    const rows = (await query(`fetch forward ${rowsAtOnce} from forge_rows`)) as Cell[][];
    if (rows.length === 0) break;
    yield rows;
    const chars = rows.reduce((sum, row) => sum + row.reduce((length, cell) => length + (cell?.length ?? 0), 0), 0);
    // Never much more at once than before: a few small rows say little about the next ones.
    const fitting = Math.floor((targetChars * rows.length) / Math.max(1, chars));
    rowsAtOnce = Math.max(1, Math.min(mostRows, 4 * rowsAtOnce, fitting));
  }
  await query('close forge_rows');
}

const isText = (type: string) => type === 'text' || type.startsWith('character');

/** Every row of a table in an order that is the same in every database; within a transaction. */
export function allRows(query: Query, shape: TableShape): AsyncGenerator<Row[]> {
  const columns = shape.columns.map(({ name }) => `${quoted(name)}::text`).join(', ');
  const typeOf = new Map(shape.columns.map(({ name, type }) => [name, type]));
  // Of the table: by its name alone it would be the text that is selected.
  const order = shape.key.map(
    (name) => `${quoted(shape.name)}.${quoted(name)}${isText(typeOf.get(name) ?? '') ? ' collate "C"' : ''}`,
  );
  if (order.length === 0) throw new Error(`table ${shape.name} has no primary key`);
  return cursorRows(query, `select ${columns} from ${quoted(shape.name)} order by ${order.join(', ')}`);
}

/** One value of a line, as SQL. */
export const cellAt = (index: number, type: string) => `(input.line ->> ${index})::${type}`;

/** `insert into ... select` from lines given as one parameter, a JSON list of lists of texts. `values`: SQL by column. */
export function insertSelect(table: string, values: readonly (readonly [column: string, value: string])[], tail = '') {
  const names = values.map(([column]) => quoted(column)).join(', ');
  const selected = values.map(([, value]) => value).join(', ');
  return `insert into ${quoted(table)} (${names}) overriding system value select ${selected} from jsonb_array_elements($1::jsonb) as input(line)${tail}`;
}
