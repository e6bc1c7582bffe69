import type { Query } from './connection.ts';

export interface PruneRequest {
  /** ms since the epoch: only what ended, was cached or was deleted before. */
  readonly before: number;
  /** The model calls of runs that have ended: prompts and outputs. Examples, scores and figures stay. */
  readonly calls: boolean;
  /** The response cache. */
  readonly cache: boolean;
  /** Experiments that were deleted, with all that is theirs. */
  readonly deleted: boolean;
}

export interface PruneReport {
  readonly calls: number;
  readonly responses: number;
  readonly experiments: number;
  readonly runs: number;
  readonly results: number;
  readonly benchmarks: number;
}

/** Rows that one statement removes at most. */
const batch = 2000;

const inList = (column: string) =>
  `${column} = any(array(select value::uuid from jsonb_array_elements_text($1::jsonb)))`;

async function idsOf(query: Query, statement: string, params: readonly unknown[]): Promise<string[]> {
  return (await query(statement, params)).map(([id]) => String(id));
}

/** Deleted long enough ago, and not asked for again. */
const deletedExperiments = (query: Query, before: number) =>
  idsOf(query, 'select id from experiments where deleted_at < $1 and queued_at is null order by id', [before]);

const runsOf = (query: Query, experimentIds: readonly string[]) =>
  idsOf(query, `select id from runs where ${inList('experiment_id')} order by id`, [JSON.stringify(experimentIds)]);

const endedRuns = (query: Query, before: number) =>
  idsOf(
    query,
    `select id from runs where finished_at < $1 and status in ('finished', 'cancelled', 'failed') order by id`,
    [before],
  );

async function countOf(query: Query, statement: string, params: readonly unknown[]): Promise<number> {
  return Number((await query(statement, params))[0]?.[0]);
}

/** Removes the calls of a run, some examples at a time. */
async function removeCalls(query: Query, runId: string): Promise<number> {
  let removed = 0;
  let after = 0;
  while (true) {
    const [last] = await query(
      'select max(id), count(*) from (select id from results where run_id = $1 and id > $2 order by id limit $3) as part',
      [runId, after, batch],
    );
    if (Number(last?.[1]) === 0) return removed;
    const gone = await query(
      'with gone as (delete from calls using results where results.id = calls.result_id and results.run_id = $1 and results.id > $2 and results.id <= $3 returning 1) select count(*) from gone',
      [runId, after, Number(last?.[0])],
    );
    removed += Number(gone[0]?.[0]);
    after = Number(last?.[0]);
  }
}

async function removeBatches(query: Query, statement: string, params: readonly unknown[]): Promise<number> {
  let removed = 0;
  while (true) {
    const gone = await countOf(query, `with gone as (${statement} returning 1) select count(*) from gone`, params);
    removed += gone;
    if (gone < batch) return removed;
  }
}

/** What would go, counted. */
export async function planPrune(query: Query, { before, calls, cache, deleted }: PruneRequest): Promise<PruneReport> {
  const experimentIds = deleted ? await deletedExperiments(query, before) : [];
  const gone = await runsOf(query, experimentIds);
  const ended = calls ? await endedRuns(query, before) : [];
  const list = (ids: readonly string[]) => [JSON.stringify(ids)];
  return {
    calls: await countOf(
      query,
      `select count(*) from calls join results on results.id = calls.result_id where ${inList('results.run_id')}`,
      list([...new Set([...gone, ...ended])]),
    ),
    responses: cache ? await countOf(query, 'select count(*) from responses where created_at < $1', [before]) : 0,
    experiments: experimentIds.length,
    runs: gone.length,
    results: await countOf(query, `select count(*) from results where ${inList('run_id')}`, list(gone)),
    benchmarks: await countOf(
      query,
      `select count(*) from benchmarks where ${inList('experiment_id')}`,
      list(experimentIds),
    ),
  };
}

/**
 * Removes for good, in batches of some thousand rows, each a transaction of its own: other work goes on between them, and one
 * that is interrupted goes on with the next call. The room is then free for new rows (`vacuum`). Returns what went.
 */
export async function prune(query: Query, request: PruneRequest): Promise<PruneReport> {
  const { before, calls, cache, deleted } = request;
  const report = { calls: 0, responses: 0, experiments: 0, runs: 0, results: 0, benchmarks: 0 };
  for (const runId of calls ? await endedRuns(query, before) : []) report.calls += await removeCalls(query, runId);
  if (cache)
    report.responses = await removeBatches(
      query,
      `delete from responses where key in (select key from responses where created_at < $1 limit ${batch})`,
      [before],
    );
  for (const id of deleted ? await deletedExperiments(query, before) : []) {
    for (const runId of await runsOf(query, [id])) {
      report.calls += await removeCalls(query, runId);
      const some = `select id from results where run_id = $1 limit ${batch}`;
      report.results += await removeBatches(query, `delete from results where id in (${some})`, [runId]);
      report.runs++;
    }
    report.benchmarks += await countOf(query, 'select count(*) from benchmarks where experiment_id = $1', [id]);
    // One that was restored at this very moment stays.
    report.experiments += (
      await query('delete from experiments where id = $1 and deleted_at < $2 returning id', [id, before])
    ).length;
  }
  for (const [table, rows] of [
    ['calls', report.calls],
    ['results', report.results],
    ['responses', report.responses],
  ] as const)
    if (rows > 0) await query(`vacuum ${table}`);
  return report;
}
