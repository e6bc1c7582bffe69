import { sql } from 'drizzle-orm';
import type { CallRecord, ExampleResult } from '../run.ts';
import { type calls, results } from './schema.ts';
import { decodeJson, decodeText } from './storable-text.ts';

type ResultRow = typeof results.$inferSelect;
type CallRow = typeof calls.$inferSelect;

const sumOf = (list: readonly CallRecord[], pick: (call: CallRecord) => number) =>
  list.reduce((sum, call) => sum + pick(call), 0);

/** A result as its row, with the sums over its calls. */
export function resultRow(runId: string, result: ExampleResult, size: number): Omit<ResultRow, 'id'> {
  const { exampleId, index, question, targets, cluster, answer, steps, flags, failure, scores, latencyMs } = result;
  return {
    runId,
    exampleId,
    rowIndex: index,
    question,
    targets,
    cluster: cluster ?? null,
    answer,
    steps,
    flags,
    failure: failure ?? null,
    scores,
    latencyMs,
    finishedAt: Math.round(result.finishedAt),
    promptTokens: sumOf(result.calls, ({ usage }) => usage.promptTokens),
    cachedPromptTokens: sumOf(result.calls, ({ usage }) => usage.cachedPromptTokens),
    completionTokens: sumOf(result.calls, ({ usage }) => usage.completionTokens),
    computeMs: sumOf(result.calls, ({ timing }) => timing.computeMs),
    calls: result.calls.length,
    cachedCalls: sumOf(result.calls, ({ cached }) => (cached ? 1 : 0)),
    retries: sumOf(result.calls, ({ retries }) => retries),
    size,
  };
}

/** A call as its row but for the result it belongs to. */
export function callRow(call: CallRecord): Omit<CallRow, 'resultId'> {
  return { ...call, error: call.error ?? null };
}

export function callOf(row: CallRow): CallRecord {
  const { resultId: _result, error, ...call } = row;
  return error === null ? call : { ...call, error };
}

export function resultOf(row: ResultRow, itsCalls: readonly CallRecord[]): ExampleResult {
  const { exampleId, rowIndex, question, targets, cluster, answer, steps, flags, failure, scores, latencyMs } = row;
  return {
    exampleId,
    index: rowIndex,
    question,
    targets,
    ...(cluster === null ? {} : { cluster }),
    answer,
    steps,
    flags,
    ...(failure === null ? {} : { failure }),
    scores,
    latencyMs,
    calls: itsCalls,
    finishedAt: row.finishedAt,
  };
}

const failureKind = sql<string | null>`${results.failure} ->> 'kind'`;

export const newResultColumns = {
  id: results.id,
  runId: results.runId,
  exampleId: results.exampleId,
  index: results.rowIndex,
  failureKind: failureKind.as('failure_kind'),
  scores: results.scores,
  latencyMs: results.latencyMs,
};

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

export const tableColumns = {
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
  scores: results.scores,
  latencyMs: results.latencyMs,
  completionTokens: results.completionTokens,
  cachedCalls: results.cachedCalls,
};
