import { sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { BeatAnswer, Capabilities, Requirement, WorkerStore } from '../worker-record.ts';
import type { Database } from './database.ts';
import { isFullId } from './record-id.ts';
import { decodeJson, encodeJson } from './storable-text.ts';

type WorkersOnly = Pick<
  WorkerStore,
  | 'enqueueExperiment'
  | 'dequeueExperiment'
  | 'completeExperiment'
  | 'pauseExperiment'
  | 'queueEntries'
  | 'registerWorker'
  | 'beat'
  | 'removeWorker'
  | 'listWorkers'
>;

/** ms since the epoch of a moment of the database. */
export const ms = (column: string) => sql.raw(`round(extract(epoch from ${column}) * 1000)::bigint`);

const count = (state: string) =>
  sql.raw(`(select count(*) from shards where shards.experiment_id = queued.experiment_id and state = '${state}')`);

/** Workers, and the experiments that they are given. */
export function createWorkerStore(
  { statement }: Pick<Database, 'statement'>,
  parts: { now(): number; newId(): string },
): WorkersOnly {
  return {
    async enqueueExperiment(experimentId, { priority, version }) {
      const found = isFullId(experimentId)
        ? await statement(sql`
            with known as (
              update experiments set queued_at = coalesce(queued_at, ${Math.round(parts.now())}::bigint)
              where id = ${experimentId}::uuid and deleted_at is null returning id
            )
            insert into queued_experiments (experiment_id, priority, version)
            select id, ${priority}::integer, ${version} from known
            on conflict (experiment_id) do update set priority = excluded.priority, paused = false
            returning experiment_id`)
        : [];
      if (found.length === 0)
        throw new ConfigError(`experiment "${experimentId}": not in this database, or deleted; give the full id`);
    },

    async dequeueExperiment(experimentId) {
      if (!isFullId(experimentId)) return false;
      const gone = await statement(sql`
        with gone as (delete from queued_experiments where experiment_id = ${experimentId}::uuid returning experiment_id),
        asked as (update experiments set queued_at = null from gone where id = gone.experiment_id),
        stopped as (
          update runs set status = 'cancelled', finished_at = ${Math.round(parts.now())}::bigint
          from gone where runs.experiment_id = gone.experiment_id and status = 'running'
        )
        select experiment_id from gone`);
      return gone.length > 0;
    },

    async completeExperiment(experimentId) {
      await statement(sql`
        with gone as (delete from queued_experiments where experiment_id = ${experimentId}::uuid returning experiment_id),
        cleared as (
          delete from suspects using runs where suspects.run_id = runs.id and runs.experiment_id = ${experimentId}::uuid
        )
        update experiments set queued_at = null from gone where id = gone.experiment_id`);
    },

    async pauseExperiment(experimentId, paused) {
      if (!isFullId(experimentId)) return false;
      const changed = await statement(
        sql`update queued_experiments set paused = ${paused}::boolean where experiment_id = ${experimentId}::uuid returning experiment_id`,
      );
      return changed.length > 0;
    },

    async queueEntries() {
      const rows = await statement(sql`
        select queued.experiment_id, name, priority, paused, planned, ${count('waiting')}, ${count('claimed')}, ${count('done')}
        from queued_experiments as queued join experiments on experiments.id = queued.experiment_id
        order by priority desc, queued.created_at, queued.experiment_id`);
      return rows.map(([experimentId, name, priority, paused, planned, waiting, claimed, done]) => ({
        experimentId: String(experimentId),
        name: String(name),
        priority: Number(priority),
        paused: paused === true,
        planned: planned === true,
        shards: { waiting: Number(waiting), claimed: Number(claimed), done: Number(done) },
      }));
    },

    async registerWorker({ name, kind, version, capabilities }) {
      const id = parts.newId();
      await statement(sql`
        with old as (delete from workers where seen_at < clock_timestamp() - interval '1 day')
        insert into workers (id, name, kind, version, capabilities)
        values (${id}::uuid, ${name}, ${kind}, ${version}, ${encodeJson(capabilities)}::jsonb)`);
      return id;
    },

    async beat(workerId, { state, waitsFor }) {
      const rows = await statement(sql`
        with me as (
          update workers set seen_at = clock_timestamp(), state = ${state}, waits_for = ${waitsFor}
          where id = ${workerId}::uuid returning id
        )
        select (select count(*) from me),
          (select coalesce(jsonb_agg(id), '[]') from (
            select shards.id from shards join queued_experiments using (experiment_id)
            where worker_id = ${workerId}::uuid and shards.state = 'claimed' and not paused
            union all
            select id from queued_jobs where worker_id = ${workerId}::uuid and state = 'claimed' and not paused
          ) as work),
          (select coalesce(jsonb_agg(jsonb_build_object('key', key, 'max', max)), '[]') from limits),
          (select exists (select from queued_experiments) or exists (select from queued_jobs where state in ('waiting', 'claimed'))),
          (select max(created_at) from drizzle.__drizzle_migrations)`);
      const [known, workIds, limits, hasWork, schemaVersion] = rows[0] ?? [];
      return {
        known: Number(known) === 1,
        workIds: JSON.parse(String(workIds)) as string[],
        limits: JSON.parse(String(limits)) as BeatAnswer['limits'],
        hasWork: hasWork === true,
        schemaVersion: Number(schemaVersion),
      };
    },

    async removeWorker(workerId) {
      await statement(sql`
        with gone as (delete from workers where id = ${workerId}::uuid),
        given as (
          update shards set state = 'waiting', worker_id = null, attempts = attempts - 1
          where worker_id = ${workerId}::uuid and state = 'claimed'
        ),
        left_jobs as (
          update queued_jobs set state = 'waiting', worker_id = null, attempts = attempts - 1
          where worker_id = ${workerId}::uuid and state = 'claimed'
        )
        update leases set holder = null, expires_at = null where holder = ${workerId}::uuid`);
    },

    async listWorkers(lostAfterSeconds) {
      const rows = await statement(sql`
        select id, name, kind, state, version, capabilities, ${ms('started_at')}, ${ms('seen_at')},
          seen_at > clock_timestamp() - ${lostAfterSeconds}::double precision * interval '1 second',
          (select count(*) from shards where worker_id = workers.id and shards.state = 'claimed'),
          (select count(*) from queued_jobs where worker_id = workers.id and queued_jobs.state = 'claimed')
        from workers order by started_at, id`);
      return rows.map(([id, name, kind, state, version, capabilities, startedAt, seenAt, alive, shards, jobs]) => ({
        id: String(id),
        name: String(name),
        kind: kind as 'worker' | 'server',
        state: state as 'working' | 'draining',
        version: String(version),
        capabilities: decodeJson(String(capabilities)) as Capabilities,
        startedAt: Number(startedAt),
        seenAt: Number(seenAt),
        alive: alive === true,
        shards: Number(shards),
        jobs: Number(jobs),
      }));
    },
  };
}

/** What a shard needs of a worker, as it was stored. */
export const requirementOf = (stored: unknown) => decodeJson(String(stored)) as Requirement;
