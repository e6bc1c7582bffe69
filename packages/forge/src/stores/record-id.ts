import { type Column, type SQL, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';

const uuidText = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** Anything else must not reach a comparison with an id: Postgres would refuse it as no UUID. */
export const isFullId = (id: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);

/** The lowest and the highest id that begin with a prefix; undefined where none can. */
function idRange(prefix: string): [string, string] | undefined {
  if (!/^[0-9a-f-]{4,36}$/i.test(prefix)) return undefined;
  const digits = prefix.replaceAll('-', '');
  if (digits.length < 4 || digits.length > 32) return undefined;
  return [uuidText(digits.padEnd(32, '0')), uuidText(digits.padEnd(32, 'f'))];
}

/** Finds the rows whose id begins with a prefix; undefined where none can. */
export function idBegins(column: Column, prefix: string): SQL | undefined {
  const range = idRange(prefix);
  return range && sql`${column} between ${range[0]} and ${range[1]}`;
}

/** The one row of those found by a prefix. */
export function onlyOne<Row>(noun: string, prefix: string, rows: readonly Row[]): Row | null {
  if (rows.length > 1) throw new ConfigError(`${noun} "${prefix}": more than one id begins so; give more of it`);
  return rows[0] ?? null;
}
