import { asc, eq, getTableColumns, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { RunRecord, Store } from '../store.ts';
import { anyOf, type Database } from './database.ts';
import { idBegins, isFullId, onlyOne } from './record-id.ts';
import { runs } from './schema.ts';

type RunStore = Pick<Store, 'getRun' | 'listRuns' | 'runStates' | 'startRun' | 'finishRun'>;

const {
  method: _method,
  engine: _engine,
  model: _model,
  dataset: _dataset,
  examples: _examples,
  calls: _calls,
  promptTokens: _promptTokens,
  completionTokens: _completionTokens,
  ...recordColumns
} = getTableColumns(runs);

/** A run as it is before anything has happened. */
export function newRun(
  ids: { id: string; experimentId: string },
  planned: { variant: string; spec: unknown },
  position: number,
  createdAt: number,
): RunRecord {
  return {
    ...ids,
    position,
    variant: planned.variant,
    spec: planned.spec,
    status: 'pending',
    total: null,
    provenance: null,
    error: null,
    createdAt,
    startedAt: null,
    finishedAt: null,
    wallMs: 0,
    summary: null,
  };
}

// Names written out: of a column Drizzle would leave out the table.
const ofRun = sql`from results where results.run_id = runs.id`;

/** Runs, from their start to their end. */
export function createRunStore({ tables, run, statement }: Database): RunStore {
  async function updateRun(id: string, values: Parameters<ReturnType<typeof tables.update<typeof runs>>['set']>[0]) {
    const changed = isFullId(id)
      ? await run(tables.update(runs).set(values).where(eq(runs.id, id)).returning({ id: runs.id }))
      : [];
    if (changed.length === 0) throw new ConfigError(`run "${id}": not in this database`);
  }

  return {
    async getRun(idOrPrefix) {
      const begins = idBegins(runs.id, idOrPrefix);
      if (begins === undefined) return null;
      return onlyOne('run', idOrPrefix, await run(tables.select(recordColumns).from(runs).where(begins).limit(2)));
    },

    async listRuns(...experimentIds) {
      const ids = experimentIds.filter(isFullId).map((id) => id.toLowerCase());
      if (ids.length === 0) return [];
      const found = await run(
        tables
          .select(recordColumns)
          .from(runs)
          .where(anyOf(runs.experimentId, 'uuid', ids))
          .orderBy(asc(runs.position)),
      );
      const byExperiment = Map.groupBy(found, ({ experimentId }) => experimentId);
      return [...new Set(ids)].flatMap((id) => byExperiment.get(id) ?? []);
    },

    async runStates(experimentId) {
      if (!isFullId(experimentId)) return [];
      return run(
        tables
          .select({
            runId: runs.id,
            variant: runs.variant,
            status: runs.status,
            total: runs.total,
            done: sql`(select count(*) ${ofRun})`.mapWith(Number),
            failed: sql`(select count(*) ${ofRun} and failure is not null)`.mapWith(Number),
          })
          .from(runs)
          .where(eq(runs.experimentId, experimentId))
          .orderBy(asc(runs.position)),
      );
    },

    startRun: (id, { total, provenance, startedAt }) =>
      updateRun(id, {
        status: 'running',
        total,
        provenance,
        // A resumed run started when its first attempt did.
        startedAt: sql`coalesce(${runs.startedAt}, ${Math.round(startedAt)}::bigint)`,
        finishedAt: null,
        error: null,
      }),

    async finishRun(id, { status, error, wallMs, finishedAt, summary }) {
      await updateRun(id, {
        status,
        error: error ?? null,
        wallMs: sql`${runs.wallMs} + ${wallMs}::double precision`,
        finishedAt: Math.round(finishedAt),
        summary: summary ?? null,
      });
      // So that counts and far places of a table are read from an index alone. PGlite never does so of itself, a server
      // late. It reads what is new since the last time; where it fails, reading is slower and nothing else.
      await statement(sql`vacuum (analyze, skip_locked, truncate false) results`).catch(() => {});
    },
  };
}
