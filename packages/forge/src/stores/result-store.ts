import { and, asc, eq, ilike, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { CallRecord, ExampleResult } from '../run.ts';
import type { ResultFilter, Store } from '../store.ts';
import { insertRows } from './bulk-insert.ts';
import { anyOf, checkPage, containing, type Database } from './database.ts';
import { callOf, callRow, resultOf, resultRow } from './result-rows.ts';
import { calls, results } from './schema.ts';
import { encodeJson, encodeText } from './storable-text.ts';

type ResultStore = Pick<Store, 'addResults' | 'finishedExampleIds' | 'listResults' | 'scoredRows' | 'listCalls'>;

/** Bounds of one insert: what it costs in memory, mostly the database's own, is several times its text. */
const maxInsertRows = 500;
const maxInsertSize = 4 * 2 ** 20;
/** Bound of one page's text; it holds at least one result. */
const maxPageSize = 16 * 2 ** 20;
const scoredBatch = 2000;

/** The place of a result in its run. */
type Position = readonly [rowIndex: number, exampleId: string];

const cursorOf = (position: Position) => Buffer.from(JSON.stringify(position)).toString('base64url');

function positionOf(cursor: string): Position {
  try {
    const position = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown;
    if (Array.isArray(position) && Number.isInteger(position[0]) && typeof position[1] === 'string') {
      return [position[0], position[1]];
    }
  } catch {
    // Said below.
  }
  throw new ConfigError(`after: "${cursor}" is not what a page gave as its next; start without it`);
}

const afterPosition = ([rowIndex, exampleId]: Position): SQL =>
  sql`(${results.rowIndex}, ${results.exampleId}) > (${rowIndex}::integer, ${encodeText(exampleId)})`;

const inOrder = [asc(results.rowIndex), asc(results.exampleId)] as const;

function conditions(runId: string, { metric, score, failed, text }: ResultFilter): (SQL | undefined)[] {
  const pattern = text === undefined ? undefined : encodeText(containing(text));
  return [
    eq(results.runId, runId),
    metric === undefined || score === undefined
      ? undefined
      : sql`(${results.scores} ->> ${encodeText(metric)})::double precision = ${score}::double precision`,
    failed === undefined ? undefined : failed ? isNotNull(results.failure) : isNull(results.failure),
    pattern === undefined ? undefined : or(ilike(results.question, pattern), ilike(results.answer, pattern)),
  ];
}

/** Batches whose rows and sizes are bounded; one that alone is too large goes alone. */
function* batchesOf<Item extends { size: number }>(items: Iterable<Item>): Generator<Item[]> {
  let batch: Item[] = [];
  let size = 0;
  for (const item of items) {
    if (batch.length === maxInsertRows || (batch.length > 0 && size + item.size > maxInsertSize)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(item);
    size += item.size;
  }
  if (batch.length > 0) yield batch;
}

/** Results with their calls. */
export function createResultStore({ tables, run, statement }: Database): ResultStore {
  /** The calls of some results, by the result's id, each in its order. */
  async function callsOf(resultIds: readonly number[]): Promise<Map<number, CallRecord[]>> {
    const rows = await run(
      tables
        .select()
        .from(calls)
        .where(anyOf(calls.resultId, 'bigint', resultIds))
        .orderBy(asc(calls.resultId), asc(calls.index)),
    );
    const byResult = new Map<number, CallRecord[]>();
    for (const row of rows) {
      const list = byResult.get(row.resultId);
      if (list === undefined) byResult.set(row.resultId, [callOf(row)]);
      else list.push(callOf(row));
    }
    return byResult;
  }

  /** One statement, so that an example is never stored without its calls; calls only of examples that were new. */
  async function insertBatch(runId: string, batch: readonly { result: ExampleResult; size: number }[]): Promise<void> {
    const resultRows = encodeJson(batch.map(({ result, size }) => resultRow(runId, result, size)));
    const callRows = encodeJson(
      batch.flatMap(({ result }) => result.calls.map((call) => ({ ...callRow(call), exampleId: result.exampleId }))),
    );
    const added = insertRows(results, resultRows, { tail: sql` on conflict do nothing returning id, example_id` });
    const itsCalls = insertRows(calls, callRows, {
      columns: { resultId: sql`added.id` },
      fields: ['exampleId'],
      tail: sql` join added on added.example_id = input."exampleId"`,
    });
    await statement(sql`with added as (${added}) ${itsCalls}`);
  }

  return {
    async addResults(runId, added) {
      const byId = new Map<string, { result: ExampleResult; size: number }>();
      for (const result of added) {
        if (!byId.has(result.exampleId)) byId.set(result.exampleId, { result, size: JSON.stringify(result).length });
      }
      // In one order for all writers: two that insert the same rows in different orders would deadlock.
      const sorted = [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
      for (const batch of batchesOf(sorted)) await insertBatch(runId, batch);
    },

    async finishedExampleIds(runId) {
      const rows = await run(tables.select({ id: results.exampleId }).from(results).where(eq(results.runId, runId)));
      return new Set(rows.map(({ id }) => id));
    },

    async listResults(runId, filter, page) {
      checkPage(page);
      const after = page.after === undefined ? undefined : afterPosition(positionOf(page.after));
      const found = await run(
        tables
          .select({ id: results.id, rowIndex: results.rowIndex, exampleId: results.exampleId, size: results.size })
          .from(results)
          .where(and(...conditions(runId, filter), after))
          .orderBy(...inOrder)
          .limit(page.limit + 1),
      );
      let size = 0;
      const tooLarge = found.findIndex((row, i) => {
        size += row.size;
        return i > 0 && size > maxPageSize;
      });
      const places = found.slice(0, tooLarge === -1 ? page.limit : Math.min(tooLarge, page.limit));
      const last = places.at(-1);
      if (last === undefined) return { items: [], next: null };
      const ids = places.map(({ id }) => id);
      const rows = await run(
        tables
          .select()
          .from(results)
          .where(anyOf(results.id, 'bigint', ids))
          .orderBy(...inOrder),
      );
      const itsCalls = await callsOf(ids);
      return {
        items: rows.map((row) => resultOf(row, itsCalls.get(row.id) ?? [])),
        next: places.length < found.length ? cursorOf([last.rowIndex, last.exampleId]) : null,
      };
    },

    async *scoredRows(runId) {
      let last: Position | undefined;
      while (true) {
        const rows = await run(
          tables
            .select({
              exampleId: results.exampleId,
              index: results.rowIndex,
              cluster: results.cluster,
              failure: results.failure,
              flags: results.flags,
              scores: results.scores,
              latencyMs: results.latencyMs,
              finishedAt: results.finishedAt,
              promptTokens: results.promptTokens,
              cachedPromptTokens: results.cachedPromptTokens,
              completionTokens: results.completionTokens,
              computeMs: results.computeMs,
              calls: results.calls,
              cachedCalls: results.cachedCalls,
              retries: results.retries,
            })
            .from(results)
            .where(and(eq(results.runId, runId), last === undefined ? undefined : afterPosition(last)))
            .orderBy(...inOrder)
            .limit(scoredBatch),
        );
        const end = rows.at(-1);
        if (end === undefined) return;
        yield rows.map(({ failure, ...row }) => ({ ...row, failureKind: failure?.kind ?? null }));
        if (rows.length < scoredBatch) return;
        last = [end.index, end.exampleId];
      }
    },

    async listCalls(runId, exampleId) {
      const [found] = await run(
        tables
          .select({ id: results.id })
          .from(results)
          .where(and(eq(results.runId, runId), eq(results.exampleId, exampleId))),
      );
      return found === undefined ? [] : ((await callsOf([found.id])).get(found.id) ?? []);
    },
  };
}
