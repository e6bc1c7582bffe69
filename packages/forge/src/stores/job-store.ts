import { sql } from 'drizzle-orm';
import type { JobKind, JobState, WorkerStore } from '../worker-record.ts';
import type { Database } from './database.ts';
import { isFullId } from './record-id.ts';
import { lost } from './shard-store.ts';
import { decodeText, encodeJson, encodeText } from './storable-text.ts';
import { ms } from './worker-store.ts';

type JobStore = Pick<
  WorkerStore,
  'enqueueJob' | 'listJobs' | 'pauseJob' | 'cancelJob' | 'claimJob' | 'giveBackJob' | 'endJob' | 'recoverJobs'
>;

/** So many workers that were lost with a job are enough to say that it ends them. */
const enoughLosses = 3;

const optional = (value: unknown) => (value === null ? null : Number(value));

/** What workers do as a whole. Each method is one statement. */
export function createJobStore({ statement }: Pick<Database, 'statement'>, parts: { newId(): string }): JobStore {
  const changed = async (query: ReturnType<typeof sql>) => (await statement(query)).length;

  return {
    async enqueueJob({ kind, subject, name, priority, requirement, version }) {
      const [row] = await statement(sql`
        insert into queued_jobs (id, kind, subject, name, requirement, priority, version)
        values (${parts.newId()}::uuid, ${kind}, ${encodeText(subject)}, ${encodeText(name)},
          ${encodeJson(requirement)}::jsonb, ${priority}::integer, ${version})
        on conflict (kind, subject) where state in ('waiting', 'claimed')
        do update set priority = excluded.priority, paused = false
        returning id`);
      return String(row?.[0]);
    },

    async listJobs(most) {
      const rows = await statement(sql`
        select id, kind, subject, name, priority, paused, state, worker_name, attempts, error,
          ${ms('created_at')}, ${ms('claimed_at')}, ${ms('ended_at')}
        from queued_jobs
        order by ended_at is not null, case when ended_at is null then -priority end, ended_at desc, created_at, id
        limit ${most}::integer`);
      return rows.map(
        ([
          id,
          kind,
          subject,
          name,
          priority,
          paused,
          state,
          worker,
          attempts,
          error,
          createdAt,
          claimedAt,
          endedAt,
        ]) => ({
          id: String(id),
          kind: kind as JobKind,
          subject: decodeText(String(subject)),
          name: decodeText(String(name)),
          priority: Number(priority),
          paused: paused === true,
          state: state as JobState,
          worker: worker === null ? null : String(worker),
          attempts: Number(attempts),
          error: error === null ? null : decodeText(String(error)),
          createdAt: Number(createdAt),
          claimedAt: optional(claimedAt),
          endedAt: optional(endedAt),
        }),
      );
    },

    async pauseJob(id, paused) {
      if (!isFullId(id)) return false;
      const found = await changed(sql`
        update queued_jobs set paused = ${paused}::boolean
        where id = ${id}::uuid and state in ('waiting', 'claimed') returning id`);
      return found > 0;
    },

    async cancelJob(id) {
      if (!isFullId(id)) return false;
      const found = await changed(sql`
        update queued_jobs set state = 'cancelled', ended_at = clock_timestamp()
        where id = ${id}::uuid and state in ('waiting', 'claimed') returning id`);
      return found > 0;
    },

    async claimJob(id, workerId) {
      const [row] = await statement(sql`
        update queued_jobs set state = 'claimed', worker_id = ${workerId}::uuid, attempts = attempts + 1, issued_at = null,
          worker_name = (select workers.name from workers where workers.id = ${workerId}::uuid),
          claimed_at = coalesce(claimed_at, clock_timestamp())
        where id = ${id}::uuid and state = 'waiting' and not paused
        returning kind, subject, name`);
      if (row === undefined) return null;
      const [kind, subject, name] = row;
      return { id, kind: kind as JobKind, subject: decodeText(String(subject)), name: decodeText(String(name)) };
    },

    async giveBackJob(id, workerId) {
      await statement(sql`
        update queued_jobs set state = 'waiting', worker_id = null, attempts = attempts - 1
        where id = ${id}::uuid and worker_id = ${workerId}::uuid and state = 'claimed'`);
    },

    async endJob(id, workerId, error) {
      await statement(sql`
        update queued_jobs set state = ${error === null ? 'done' : 'failed'}, ended_at = clock_timestamp(),
          error = ${error === null ? null : encodeText(error)}
        where id = ${id}::uuid and worker_id = ${workerId}::uuid and state = 'claimed'`);
    },

    recoverJobs: (lostAfterSeconds) =>
      changed(sql`
        update queued_jobs set worker_id = null,
          state = case when attempts < ${enoughLosses}::integer then 'waiting' else 'failed' end,
          ended_at = case when attempts < ${enoughLosses}::integer then null else clock_timestamp() end,
          error = case when attempts < ${enoughLosses}::integer then null
            else 'workers were lost ' || attempts || ' times while they worked on it' end
        where state = 'claimed' and not exists (
          select from workers where workers.id = worker_id and seen_at > ${lost(lostAfterSeconds)})
        returning id`),
  };
}
