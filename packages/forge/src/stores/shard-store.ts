import { sql } from 'drizzle-orm';
import type { PlannedShard, WorkerStore } from '../worker-record.ts';
import { insertRows } from './bulk-insert.ts';
import type { Database } from './database.ts';
import { shards } from './schema.ts';
import { decodeJson, decodeText, encodeJson, encodeText } from './storable-text.ts';
import { requirementOf } from './worker-store.ts';

type ShardStore = Pick<
  WorkerStore,
  | 'planShards'
  | 'addShards'
  | 'storedIndices'
  | 'storedAmong'
  | 'waitingRequirements'
  | 'claimShard'
  | 'giveBackShard'
  | 'completeShard'
  | 'recoverShards'
  | 'unissuedWork'
  | 'markIssued'
  | 'unissue'
  | 'startShard'
  | 'finishableRuns'
  | 'finishableExperiments'
  | 'unplannedExperiments'
  | 'reportFailure'
  | 'beginSuspect'
  | 'suspects'
  | 'clearSuspects'
>;

const mostWaiting = 10_000;
/** So many workers that cannot do a run are enough to say that it cannot be done. */
const enoughFailures = 3;

const listed = (values: readonly (string | number)[], type: 'uuid' | 'integer') =>
  sql`(select value::${sql.raw(type)} from jsonb_array_elements_text(${encodeJson(values)}::jsonb))`;
/** The moment before which a last beat means that a worker is lost. */
export const lost = (seconds: number) => sql`clock_timestamp() - ${seconds}::double precision * interval '1 second'`;
const ended = sql`('finished', 'failed')`;

/** What is to be done. Each method is one statement: what it changes is changed whole or not at all. */
export function createShardStore(
  { statement }: Pick<Database, 'statement'>,
  parts: { now(): number; newId(): string },
): ShardStore {
  const rowsOf = (experimentId: string, planned: readonly PlannedShard[]) =>
    encodeJson(
      planned.map((shard, position) => ({
        ...shard,
        id: parts.newId(),
        experimentId,
        position,
        state: 'waiting',
        workerId: null,
        attempts: 0,
        issuedAt: null,
        claimedAt: null,
      })),
    );
  const ids = async (query: ReturnType<typeof sql>) => (await statement(query)).map(([id]) => String(id));

  return {
    async planShards(experimentId, plan) {
      const added = insertRows(shards, rowsOf(experimentId, plan.shards), { tail: sql` cross join claimed` });
      const claimed = await statement(sql`
        with claimed as (
          update queued_experiments set planned = true
          where experiment_id = ${experimentId}::uuid and not planned returning experiment_id
        ),
        added as (${added}),
        counted as (
          update runs set total = given.total, status = 'pending', error = null
          from claimed, jsonb_to_recordset(${encodeJson(plan.totals)}::jsonb) as given("runId" uuid, total integer)
          where runs.id = given."runId" and status <> 'finished'
        )
        select experiment_id from claimed`);
      return claimed.length > 0;
    },

    async addShards(experimentId, added) {
      const tail = sql`
        where exists (select from queued_experiments where experiment_id = ${experimentId}::uuid and planned)
          and not exists (select from shards where experiment_id = ${experimentId}::uuid and state <> 'done')`;
      await statement(insertRows(shards, rowsOf(experimentId, added), { tail }));
    },

    async storedIndices(runId) {
      const rows = await statement(sql`select row_index from results where run_id = ${runId}::uuid`);
      return new Set(rows.map(([index]) => Number(index)));
    },

    async storedAmong(runId, indices) {
      const rows = await statement(
        sql`select example_id from results where run_id = ${runId}::uuid and row_index in ${listed(indices, 'integer')}`,
      );
      return new Set(rows.map(([id]) => decodeText(String(id))));
    },

    async waitingRequirements(exceptRuns) {
      const rows = await statement(sql`
        select requirement from (
          select requirement, priority, created_at from shards join queued_experiments using (experiment_id)
          where state = 'waiting' and not paused and run_id not in ${listed(exceptRuns, 'uuid')}
          union all
          select requirement, priority, created_at from queued_jobs where state = 'waiting' and not paused
        ) as work
        group by requirement order by max(priority) desc, min(created_at)`);
      return rows.map(([requirement]) => requirementOf(requirement));
    },

    async claimShard(shardId, workerId, exceptRuns) {
      const [row] = await statement(sql`
        update shards set state = 'claimed', worker_id = ${workerId}::uuid, attempts = attempts + 1, issued_at = null,
          claimed_at = coalesce(claimed_at, clock_timestamp())
        from queued_experiments as queued
        where shards.id = ${shardId}::uuid and state = 'waiting' and queued.experiment_id = shards.experiment_id
          and not paused and run_id not in ${listed(exceptRuns, 'uuid')}
        returning shards.experiment_id, run_id, indices, attempts`);
      if (row === undefined) return null;
      const [experimentId, runId, indices, attempt] = row;
      return {
        id: shardId,
        experimentId: String(experimentId),
        runId: String(runId),
        indices: decodeJson(String(indices)) as number[],
        attempt: Number(attempt),
      };
    },

    async giveBackShard(shardId, workerId) {
      await statement(sql`
        update shards set state = 'waiting', worker_id = null, attempts = attempts - 1
        where id = ${shardId}::uuid and worker_id = ${workerId}::uuid and state = 'claimed'`);
    },

    async completeShard(shardId, workerId) {
      await statement(sql`
        update shards set state = 'done' where id = ${shardId}::uuid and worker_id = ${workerId}::uuid and state = 'claimed'`);
    },

    async recoverShards(lostAfterSeconds) {
      // What they held in turn is free too: nobody waits for the end of a plan that is made no more. Not their slots: a
      // worker that is only cut off may still make calls in them.
      const found = await ids(sql`
        with alive as (select id from workers where seen_at > ${lost(lostAfterSeconds)}),
        turns as (delete from leases where key like 'turn %' and holder not in (select id from alive))
        update shards set state = 'waiting', worker_id = null
        where state = 'claimed' and not exists (select from alive where alive.id = worker_id)
        returning id`);
      return found.length;
    },

    async unissuedWork() {
      const rows = await statement(sql`
        select id, requirement, priority from (
          select id, requirement, priority, issued_at, created_at, position
          from shards join queued_experiments using (experiment_id) where state = 'waiting' and not paused
          union all
          select id, requirement, priority, issued_at, created_at, 0 from queued_jobs where state = 'waiting' and not paused
        ) as work
        where issued_at is null or issued_at < clock_timestamp() - interval '30 seconds'
        order by priority desc, created_at, position limit ${mostWaiting}::integer`);
      return rows.map(([id, requirement, priority]) => ({
        id: String(id),
        requirement: requirementOf(requirement),
        priority: Number(priority),
      }));
    },

    async markIssued(ids) {
      await statement(sql`
        with given as ${listed(ids, 'uuid')},
        issued as (
          update queued_jobs set issued_at = clock_timestamp() where id in (select value from given) and state = 'waiting'
        )
        update shards set issued_at = clock_timestamp() where id in (select value from given) and state = 'waiting'`);
    },

    async unissue(id) {
      await statement(sql`
        with unissued as (update queued_jobs set issued_at = null where id = ${id}::uuid and state = 'waiting')
        update shards set issued_at = null where id = ${id}::uuid and state = 'waiting'`);
    },

    async startShard({ id, runId, workerId }, { provenance, startedAt }) {
      const [row] = await statement(sql`
        update runs set status = 'running', finished_at = null, error = null,
          started_at = coalesce(started_at, ${Math.round(startedAt)}::bigint),
          provenance = coalesce(provenance, ${encodeJson(provenance)}::jsonb)
        where id = ${runId}::uuid and exists (
          select from shards where shards.id = ${id}::uuid and worker_id = ${workerId}::uuid and state = 'claimed')
        returning provenance`);
      return row === undefined ? null : decodeJson(String(row[0]));
    },

    async finishableRuns() {
      const rows = await statement(sql`
        select runs.id, runs.experiment_id,
          coalesce((select extract(epoch from clock_timestamp() - min(claimed_at)) * 1000 from shards where run_id = runs.id), 0)
        from runs join queued_experiments using (experiment_id)
        where planned and status not in ${ended}
          and not exists (select from shards where run_id = runs.id and state <> 'done')`);
      return rows.map(([runId, experimentId, wallMs]) => ({
        runId: String(runId),
        experimentId: String(experimentId),
        wallMs: Number(wallMs),
      }));
    },

    finishableExperiments: () =>
      ids(sql`
        select experiment_id from queued_experiments as queued
        where planned and not exists (
          select from runs where runs.experiment_id = queued.experiment_id and status not in ${ended})`),

    unplannedExperiments: () =>
      ids(sql`
        select experiment_id from queued_experiments where not planned and not paused order by priority desc, created_at`),

    async reportFailure(runId, workerId, error, lostAfterSeconds) {
      // Two statements, so that the second one sees what the first one of somebody else has written.
      await statement(sql`
        insert into run_failures (experiment_id, run_id, worker_id, error)
        select runs.experiment_id, runs.id, ${workerId}::uuid, ${encodeText(error)}
        from runs join queued_experiments using (experiment_id) where runs.id = ${runId}::uuid
        on conflict (run_id, worker_id) do update set error = excluded.error`);
      const hopeless = await ids(sql`
        with hopeless as (
          update runs set status = 'failed', error = ${encodeText(error)}, finished_at = ${Math.round(parts.now())}::bigint
          where id = ${runId}::uuid and status <> 'finished'
            and (select count(*) from run_failures where run_id = ${runId}::uuid) >=
              least(${enoughFailures}::integer, (
                select count(*) from workers where kind = 'worker' and seen_at > ${lost(lostAfterSeconds)}))
          returning id
        ), dropped as (delete from shards using hopeless where run_id = hopeless.id)
        select id from hopeless`);
      return hopeless.length > 0;
    },

    async beginSuspect(runId, index) {
      const [row] = await statement(sql`
        insert into suspects (run_id, row_index, tries) values (${runId}::uuid, ${index}::integer, 1)
        on conflict (run_id, row_index) do update set tries = suspects.tries + 1 returning tries`);
      return Number(row?.[0]);
    },

    async suspects(runId, indices) {
      const rows = await statement(sql`
        select row_index, tries from suspects where run_id = ${runId}::uuid and row_index in ${listed(indices, 'integer')}`);
      return new Map(rows.map(([index, tries]) => [Number(index), Number(tries)]));
    },

    async clearSuspects(runId, indices) {
      await statement(sql`
        update suspects set tries = greatest(0, tries - 1)
        where run_id = ${runId}::uuid and row_index in ${listed(indices, 'integer')}`);
    },
  };
}
