import { type SQL, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { WorkerStore } from '../worker-record.ts';
import type { Database } from './database.ts';
import { encodeJson } from './storable-text.ts';

type LeaseStore = Pick<
  WorkerStore,
  'setLimit' | 'listLimits' | 'takeSlots' | 'renewSlots' | 'freeSlots' | 'takeTurn' | 'endTurn'
>;

const most = 10_000;
/** Who has not said for so long that it lives waits for nothing. */
const waiting = sql`seen_at > clock_timestamp() - interval '15 seconds'`;
const free = sql`(holder is null or expires_at <= clock_timestamp())`;
const after = (seconds: number) => sql`clock_timestamp() + ${seconds}::double precision * interval '1 second'`;
const numbers = (values: readonly number[]) =>
  sql`(select value::integer from jsonb_array_elements_text(${encodeJson(values)}::jsonb))`;

/**
 * Leases. A slot is a row: who takes one locks it and looks at it again, so that two who ask at once never get the same
 * one, and no more are held than there are rows up to the limit. Time is the database's.
 */
export function createLeaseStore({ statement }: Pick<Database, 'statement'>): LeaseStore {
  const slotsOf = async (query: SQL) => (await statement(query)).map(([slot]) => Number(slot));

  return {
    async setLimit(key, max) {
      if (max === null) {
        await statement(
          sql`with gone as (delete from limits where key = ${key}) delete from leases where key = ${key} and ${free}`,
        );
        return;
      }
      if (!Number.isInteger(max) || max < 1 || max > most)
        throw new ConfigError(`limit of ${key}: ${max}; a whole number from 1 to ${most}`);
      await statement(sql`
        with kept as (
          insert into limits (key, max) values (${key}, ${max}::integer)
          on conflict (key) do update set max = excluded.max
        )
        insert into leases (key, slot) select ${key}, slot from generate_series(1, ${max}::integer) as slot
        on conflict do nothing`);
    },

    async listLimits() {
      const rows = await statement(sql`
        select key, max, (select count(*) from leases where leases.key = limits.key and not ${free})
        from limits order by key`);
      return rows.map(([key, max, held]) => ({ key: String(key), max: Number(max), held: Number(held) }));
    },

    takeSlots: (key, workerId, wanted, seconds) =>
      slotsOf(sql`
        with picked as materialized (
          select slot from leases
          where key = ${key} and ${free} and slot <= (select max from limits where limits.key = leases.key)
          order by slot limit ${wanted}::integer for update skip locked
        )
        update leases set holder = ${workerId}::uuid, expires_at = ${after(seconds)}
        from picked where leases.key = ${key} and leases.slot = picked.slot
        returning leases.slot`),

    async renewSlots(key, workerId, slots, seconds) {
      const rows = await statement(sql`
        with mine as (
          update leases set expires_at = ${after(seconds)}
          where key = ${key} and slot in ${numbers(slots)} and holder = ${workerId}::uuid
            and expires_at > clock_timestamp()
          returning slot
        ), waits as (
          select id from workers where waits_for = ${key} and id <> ${workerId}::uuid and ${waiting}
        ), holders as (
          select holder as id from leases where key = ${key} and not ${free} union select ${workerId}::uuid
        ), parties as (
          select id from waits union select id from holders
        ), placed as (
          select id, row_number() over (order by id) as place from holders
        ), allowed as (
          select coalesce((select max from limits where key = ${key}), ${most}::integer) as max
        )
        select (select coalesce(jsonb_agg(slot), '[]') from mine),
          case
            when not exists (select from waits) then (select max from allowed)
            -- More of them than slots: each second as many as wait make room, one after the other.
            when (select count(*) from parties) > (select max from allowed)
              and ((select place from placed where id = ${workerId}::uuid) + floor(extract(epoch from clock_timestamp())))
                % (select count(*) from holders) < (select count(*) from waits) then 0
            else greatest(1, ceil((select max from allowed)::numeric / (select count(*) from parties))) end,
          (select max from allowed)`);
      const [held, share, max] = rows[0] ?? [];
      return { slots: JSON.parse(String(held)) as number[], share: Number(share), max: Number(max) };
    },

    async freeSlots(key, workerId, slots) {
      await statement(sql`
        update leases set holder = null, expires_at = null
        where key = ${key} and slot in ${numbers(slots)} and holder = ${workerId}::uuid`);
    },

    async takeTurn(name, workerId, seconds) {
      const rows = await statement(sql`
        insert into leases (key, slot, holder, expires_at) values (${`turn ${name}`}, 1, ${workerId}::uuid, ${after(seconds)})
        on conflict (key, slot) do update set holder = excluded.holder, expires_at = excluded.expires_at
        where leases.holder is null or leases.holder = excluded.holder or leases.expires_at <= clock_timestamp()
        returning slot`);
      return rows.length > 0;
    },

    async endTurn(name, workerId) {
      await statement(sql`delete from leases where key = ${`turn ${name}`} and holder = ${workerId}::uuid`);
    },
  };
}
