import { and, count, desc, eq, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { ResultFilter, RowOrder, Store, TableRow } from '../store.ts';
import { anyOf, checkPage, type Database } from './database.ts';
import { isFullId } from './record-id.ts';
import { conditions, inOrder } from './result-filter.ts';
import { failureKind } from './result-rows.ts';
import { results } from './schema.ts';
import { decodeJson, decodeText } from './storable-text.ts';

/** Characters of a long text in a line of a table. */
const tableTextLength = 300;
const tableTargets = 3;
/** One character is stored as five at most (storable-text.ts): what the database cuts off is never needed. */
const storedLength = sql.raw(String(tableTextLength * 5));

/** The beginning of a text, without half a surrogate pair at its end. */
function shortened(text: string): string {
  if (text.length <= tableTextLength) return text;
  const cut = text.slice(0, tableTextLength);
  return /[\uD800-\uDBFF]$/.test(cut) && /^[\uDC00-\uDFFF]/.test(text.slice(tableTextLength)) ? cut.slice(0, -1) : cut;
}

const tableColumns = {
  exampleId: results.exampleId,
  index: results.rowIndex,
  question: sql`left(${results.question}, ${storedLength})`.mapWith((stored: string) => shortened(decodeText(stored))),
  targets:
    sql`to_jsonb(array(select left(target, ${storedLength}) from jsonb_array_elements_text(${results.targets}) as target limit ${sql.raw(String(tableTargets))}))`.mapWith(
      (stored: string) => (decodeJson(stored) as string[]).map(shortened),
    ),
  answer: sql`left(${results.answer}, ${storedLength})`.mapWith((stored: string) => shortened(decodeText(stored))),
  failureKind,
  flags: results.flags,
  toolUse: results.toolUse,
  scores: results.scores,
  latencyMs: results.latencyMs,
  completionTokens: results.completionTokens,
  cachedCalls: results.cachedCalls,
};

/** The orders of a table: `place` is what an index holds in this order, `from` is true at a place and after it. */
const tableOrders = {
  row: {
    place: { rowIndex: results.rowIndex, exampleId: results.exampleId },
    by: inOrder,
    from: (place: SQLWrapper) => sql`(${results.rowIndex}, ${results.exampleId}) >= ${place}`,
  },
  slowest: {
    place: { latencyMs: results.latencyMs, rowIndex: results.rowIndex, exampleId: results.exampleId },
    by: [desc(results.latencyMs), desc(results.rowIndex), desc(results.exampleId)],
    from: (place: SQLWrapper) => sql`(${results.latencyMs}, ${results.rowIndex}, ${results.exampleId}) <= ${place}`,
  },
} as const satisfies Record<RowOrder, unknown>;

/** What filters found, kept for the next page of the same table: a filter looks at every row of the run. */
const mostKept = 16;
const mostKeptIds = 1_000_000;

interface Found {
  /** The run's latest result when the filter looked. */
  readonly newest: number;
  readonly ids: Float64Array;
}

const isEmpty = (filter: ResultFilter) => Object.values(filter).every((value) => value === undefined);

/** Results as lines of a table. */
export function createTableStore({ tables, run }: Database): Pick<Store, 'listTableRows'> {
  const totalOf = async (where: SQL | undefined) =>
    (await run(tables.select({ total: count() }).from(results).where(where)))[0]?.total ?? 0;

  const kept = new Map<string, Found>();

  /** The results that a filter finds, in their order. */
  async function foundIds(runId: string, filter: ResultFilter, order: RowOrder): Promise<Float64Array> {
    const latest = tables.select({ id: results.id }).from(results).where(eq(results.runId, runId));
    const newest = (await run(latest.orderBy(desc(results.id)).limit(1)))[0]?.id ?? 0;
    const key = JSON.stringify([runId, filter, order]);
    const known = kept.get(key);
    kept.delete(key);
    let ids = known?.ids;
    if (known === undefined || ids === undefined || known.newest !== newest) {
      const inTheirOrder = sql.join([...tableOrders[order].by], sql`, `);
      const list = sql<string>`coalesce(string_agg(${results.id}::text, ',' order by ${inTheirOrder}), '')`;
      const where = and(...conditions(runId, filter));
      const text = (await run(tables.select({ list }).from(results).where(where)))[0]?.list ?? '';
      ids = Float64Array.from(text === '' ? [] : text.split(','), Number);
    }
    if (ids.length <= mostKeptIds) kept.set(key, { newest, ids });
    const oldest = kept.keys().next().value;
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return ids;
  }

  return {
    async listTableRows(runId, filter, { offset, limit, order = 'row' }) {
      checkPage({ limit });
      if (!Number.isInteger(offset) || offset < 0) throw new ConfigError(`offset: ${offset}; a whole number from 0 on`);
      if (!isFullId(runId)) return { total: 0, items: [] };
      const { place, by, from } = tableOrders[order];
      const where = and(...conditions(runId, filter));
      const rows = (wanted: SQL | undefined): Promise<TableRow[]> =>
        run(
          tables
            .select(tableColumns)
            .from(results)
            .where(wanted)
            .orderBy(...by)
            .limit(limit),
        );

      if (isEmpty(filter)) {
        // Both are found in an index alone.
        const begin = tables
          .select(place)
          .from(results)
          .where(where)
          .orderBy(...by)
          .limit(1)
          .offset(offset);
        const [total, items] = await Promise.all([totalOf(where), rows(and(where, from(begin)))]);
        return { total, items };
      }
      const found = await foundIds(runId, filter, order);
      const ids = [...found.subarray(offset, offset + limit)];
      return { total: found.length, items: ids.length === 0 ? [] : await rows(anyOf(results.id, 'bigint', ids)) };
    },
  };
}
