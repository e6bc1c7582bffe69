import { asc, eq, ilike, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { ResultFilter } from '../store.ts';
import { containing } from './database.ts';
import { results } from './schema.ts';
import { encodeJson, encodeText } from './storable-text.ts';

export const inOrder = [asc(results.rowIndex), asc(results.exampleId)] as const;

/** What the results of a run have to meet. */
export function conditions(runId: string, filter: ResultFilter): (SQL | undefined)[] {
  const { metric, minScore, belowScore, failed, text, tool, toolError } = filter;
  const pattern = text === undefined ? undefined : encodeText(containing(text));
  const score = metric === undefined ? undefined : sql`(${results.scores} ->> ${encodeText(metric)})::double precision`;
  return [
    eq(results.runId, runId),
    score && minScore !== undefined ? sql`${score} >= ${minScore}::double precision` : undefined,
    score && belowScore !== undefined ? sql`${score} < ${belowScore}::double precision` : undefined,
    failed === undefined ? undefined : failed ? isNotNull(results.failure) : isNull(results.failure),
    tool === undefined && toolError === undefined
      ? undefined
      : sql`${results.toolUse} -> 'calls' @> ${encodeJson([{ tool, error: toolError }])}::jsonb`,
    pattern === undefined ? undefined : or(ilike(results.question, pattern), ilike(results.answer, pattern)),
  ];
}
