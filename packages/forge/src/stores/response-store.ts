import { sql } from 'drizzle-orm';
import type { Generation } from '../engine.ts';
import type { Store } from '../store.ts';
import { insertRows } from './bulk-insert.ts';
import { anyOf, type Database } from './database.ts';
import { gatherCalls } from './gather-calls.ts';
import { responses } from './schema.ts';
import { encodeJson } from './storable-text.ts';

const maxGathered = 500;

/**
 * The response cache. Every model call asks it and adds to it, so calls that come while a statement is under way share the
 * next one. The first answer stored for a key stays.
 */
export function createResponseStore(
  { tables, run, statement }: Database,
  now: () => number,
): Pick<Store, 'getResponses' | 'putResponses'> {
  const read = gatherCalls<string, ReadonlyMap<string, Generation>>(async (keys) => {
    const rows = await run(
      tables
        .select({ key: responses.key, generation: responses.generation })
        .from(responses)
        .where(anyOf(responses.key, 'text', keys)),
    );
    return new Map(rows.map(({ key, generation }) => [key, generation]));
  }, maxGathered);

  const write = gatherCalls<{ key: string; generation: Generation }, void>(async (entries) => {
    const createdAt = Math.round(now());
    // In one order for all writers: two that insert the same keys in different orders would deadlock.
    const sorted = [...entries].sort((a, b) => (a.key < b.key ? -1 : 1));
    const rows = sorted.map((entry) => ({ ...entry, createdAt }));
    await statement(insertRows(responses, encodeJson(rows), { tail: sql` on conflict do nothing` }));
  }, maxGathered);

  return {
    async getResponses(keys) {
      if (keys.length === 0) return new Map();
      const found = await read(keys);
      const asked = new Map<string, Generation>();
      for (const key of keys) {
        const generation = found.get(key);
        if (generation !== undefined) asked.set(key, generation);
      }
      return asked;
    },
    async putResponses(entries) {
      if (entries.length > 0) await write(entries);
    },
  };
}
