import { sql } from 'drizzle-orm';
import { toolUseOf } from '../lib/agent-trace.ts';
import type { CallRecord, ExampleResult } from '../run.ts';
import { type calls, results } from './schema.ts';

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
    toolUse: toolUseOf(steps),
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

/** A call as it was stored. */
export function callOf(row: CallRow): CallRecord {
  const { resultId: _result, error, ...call } = row;
  return error === null ? call : { ...call, error };
}

/** A result as it was stored, with its calls. */
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

export const failureKind = sql<string | null>`${results.failure} ->> 'kind'`;

export const newResultColumns = {
  id: results.id,
  runId: results.runId,
  exampleId: results.exampleId,
  index: results.rowIndex,
  failureKind: failureKind.as('failure_kind'),
  scores: results.scores,
  latencyMs: results.latencyMs,
};
