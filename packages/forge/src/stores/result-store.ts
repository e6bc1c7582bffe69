import { and, asc, eq, gt, type SQL, sql } from 'drizzle-orm';
import type { CallRecord, ExampleResult } from '../run.ts';
import type { Store } from '../store.ts';
import { insertRows } from './bulk-insert.ts';
import { anyOf, checkPage, cursorError, cursorOf, type Database, fieldsOf } from './database.ts';
import { isFullId } from './record-id.ts';
import { conditions, inOrder } from './result-filter.ts';
import { callOf, callRow, newResultColumns, resultOf, resultRow } from './result-rows.ts';
import { calls, results, runs } from './schema.ts';
import { encodeJson, encodeText } from './storable-text.ts';

type ResultStore = Pick<
  Store,
  'addResults' | 'finishedExampleIds' | 'listResults' | 'scoredRows' | 'getResult' | 'newResults'
>;

/** Bounds of one insert: what it costs in memory, mostly the database's own, is several times its text. */
const maxInsertRows = 500;
const maxInsertSize = 4 * 2 ** 20;
/** Bound of one page's text; it holds at least one result. */
const maxPageSize = 16 * 2 ** 20;
const scoredBatch = 2000;
/** After so many new results, and again whenever they have doubled, the planner is told what the tables hold. */
const firstAnalysis = 5000;
const maxNewResults = 1000;

/** The place of a result in its run. */
type Position = readonly [rowIndex: number, exampleId: string];

function positionOf(cursor: string): Position {
  const [rowIndex, exampleId, ...more] = fieldsOf(cursor);
  if (!Number.isInteger(rowIndex) || typeof exampleId !== 'string' || more.length > 0) throw cursorError(cursor);
  return [Number(rowIndex), exampleId];
}

const afterPosition = ([rowIndex, exampleId]: Position): SQL =>
  sql`(${results.rowIndex}, ${results.exampleId}) > (${rowIndex}::integer, ${encodeText(exampleId)})`;

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

/**
 * Writers of one experiment take turns, so that its results get their numbers in the order in which they can be read: a
 * reader that has seen one number has seen all lower ones.
 */
const writersTurn = (runId: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(coalesce((select experiment_id::text from runs where id = ${runId}::uuid), ''), 0))`;

/** Results with their calls. */
export function createResultStore({ tables, run, statement }: Database): ResultStore {
  let stored = 0;
  let nextAnalysis = firstAnalysis;

  /**
   * Without statistics a page of a long run was sorted out of all rows after it: 1,000,000 examples were never read to their end. PGlite never
   * gathers them of itself, a server up to a minute late. Where it fails, reading is slower and nothing else.
   */
  async function keepStatistics(added: number): Promise<void> {
    stored += added;
    if (stored < nextAnalysis) return;
    nextAnalysis = 2 * stored;
    await statement(sql`analyze results, calls`).catch(() => {});
  }

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
    const added = insertRows(results, resultRows, {
      tail: sql` cross join turn on conflict do nothing returning id, example_id`,
    });
    const itsCalls = insertRows(calls, callRows, {
      columns: { resultId: sql`added.id` },
      fields: ['exampleId'],
      tail: sql` join added on added.example_id = input."exampleId"`,
    });
    await statement(sql`with turn as materialized (${writersTurn(runId)}), added as (${added}) ${itsCalls}`);
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
      await keepStatistics(sorted.length);
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
              toolUse: results.toolUse,
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

    async getResult(runId, exampleId) {
      if (!isFullId(runId)) return null;
      const [found] = await run(
        tables
          .select()
          .from(results)
          .where(and(eq(results.runId, runId), eq(results.exampleId, exampleId))),
      );
      return found === undefined ? null : resultOf(found, (await callsOf([found.id])).get(found.id) ?? []);
    },

    async newResults(experimentId, cursor) {
      if (!isFullId(experimentId)) return { cursor: cursor ?? 0, items: [] };
      if (cursor === null) {
        // Of each run by itself: its end of the index, not all of its rows.
        const last = sql`(select max(results.id) from results where results.run_id = runs.id)`;
        const [found] = await run(
          tables
            .select({ last: sql`coalesce(max(${last}), 0)`.mapWith(Number) })
            .from(runs)
            .where(eq(runs.experimentId, experimentId)),
        );
        return { cursor: found?.last ?? 0, items: [] };
      }
      const ofRun = tables
        .select(newResultColumns)
        .from(results)
        .where(and(eq(results.runId, runs.id), gt(results.id, cursor)))
        .orderBy(asc(results.id))
        .limit(maxNewResults)
        .as('of_run');
      const { id, runId, exampleId, index, failureKind, scores, latencyMs } = ofRun;
      const rows = await run(
        tables
          .select({ id, runId, exampleId, index, failureKind, scores, latencyMs })
          .from(runs)
          .crossJoinLateral(ofRun)
          .where(eq(runs.experimentId, experimentId))
          .orderBy(asc(ofRun.id))
          .limit(maxNewResults),
      );
      return { cursor: rows.at(-1)?.id ?? cursor, items: rows.map(({ id: _id, ...row }) => row) };
    },
  };
}
