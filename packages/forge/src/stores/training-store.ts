import { createHash } from 'node:crypto';
import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { StoredTrainEvent, TrainingRecord, TrainingRunRecord, TrainingStore } from '../training-record.ts';
import { insertRows } from './bulk-insert.ts';
import { anyOf, checkPage, cursorError, type Database } from './database.ts';
import { idBegins, isFullId, onlyOne } from './record-id.ts';
import { trainingEvents, trainingRuns, trainings } from './schema.ts';
import { encodeJson } from './storable-text.ts';

/** Bound of one insert. */
const maxInsertRows = 500;
const maxEvents = 5000;

type EventRow = Omit<typeof trainingEvents.$inferInsert, 'id'>;

function eventRow(runId: string, event: StoredTrainEvent): EventRow {
  const part = event.type === 'warning' ? createHash('sha256').update(event.message).digest('hex').slice(0, 32) : '';
  const step = event.type === 'warning' ? 0 : event.type === 'started' ? event.doneSteps : event.step;
  return { runId, type: event.type, step, part, event };
}

/** Where a run stands after some events; undefined where they say nothing of it. */
function standAfter(events: readonly StoredTrainEvent[]): { totalSteps: number | undefined; step: number | undefined } {
  let totalSteps: number | undefined;
  let step: number | undefined;
  for (const event of events) {
    if (event.type === 'started') [totalSteps, step] = [event.totalSteps, event.doneSteps];
    if (event.type === 'step') step = event.step;
  }
  return { totalSteps, step };
}

function* batchesOf(events: readonly StoredTrainEvent[]): Generator<readonly StoredTrainEvent[]> {
  for (let from = 0; from < events.length; from += maxInsertRows) yield events.slice(from, from + maxInsertRows);
}

/** A run as it is before anything has happened. */
function newRun(
  ids: { id: string; trainingId: string },
  planned: { variant: string; spec: unknown },
  position: number,
  createdAt: number,
): TrainingRunRecord {
  return {
    ...ids,
    position,
    variant: planned.variant,
    spec: planned.spec,
    status: 'pending',
    folder: null,
    totalSteps: null,
    step: 0,
    provenance: null,
    error: null,
    createdAt,
    startedAt: null,
    finishedAt: null,
    wallMs: 0,
    artifacts: [],
    outcome: null,
  };
}

const noRun = (id: string) => new ConfigError(`training run "${id}": not in this database; give the full id`);

/** Trainings, their runs and what they report while they go on. */
export function createTrainingStore(
  { tables, run, statement }: Database,
  parts: { now(): number; newId(): string },
): TrainingStore {
  async function updateRun(
    id: string,
    values: Parameters<ReturnType<typeof tables.update<typeof trainingRuns>>['set']>[0],
  ): Promise<void> {
    const changed = isFullId(id)
      ? await run(
          tables.update(trainingRuns).set(values).where(eq(trainingRuns.id, id)).returning({ id: trainingRuns.id }),
        )
      : [];
    if (changed.length === 0) throw noRun(id);
  }

  /** One statement: the run never stands at a step whose event is missing. Its lock keeps writers in turn. */
  async function insertEvents(runId: string, events: readonly StoredTrainEvent[]): Promise<void> {
    const rows = new Map<string, EventRow>();
    for (const row of events.map((event) => eventRow(runId, event))) {
      const key = `${row.type} ${row.step} ${row.part}`;
      // To the end: events are numbered in the order of their last coming.
      rows.delete(key);
      rows.set(key, row);
    }
    const { totalSteps, step } = standAfter(events);
    const added = insertRows(trainingEvents, encodeJson([...rows.values()]), {
      tail: sql` cross join target on conflict on constraint training_events_once do update set id = default, event = excluded.event`,
    });
    const updated = await statement(sql`
      with target as materialized (select id from training_runs where id = ${runId}::uuid for update), added as (${added})
      update training_runs set total_steps = coalesce(${totalSteps ?? null}::integer, total_steps), step = coalesce(${step ?? null}::integer, step)
      where id in (select id from target) returning id`);
    if (updated.length === 0) throw noRun(runId);
  }

  return {
    async createTraining({ name, source, config, configHash, runs: planned }) {
      const createdAt = Math.round(parts.now());
      const training: TrainingRecord = { id: parts.newId(), name, source, config, configHash, createdAt, report: null };
      const runs = planned.map((plan, position) =>
        newRun({ id: parts.newId(), trainingId: training.id }, plan, position, createdAt),
      );
      // One statement, so that a training is never seen without its runs.
      await statement(
        sql`with training as (${insertRows(trainings, encodeJson([training]))}) ${insertRows(trainingRuns, encodeJson(runs))}`,
      );
      return { training, runs };
    },

    async getTraining(idOrPrefix) {
      const begins = idBegins(trainings.id, idOrPrefix);
      if (begins === undefined) return null;
      return onlyOne('training', idOrPrefix, await run(tables.select().from(trainings).where(begins).limit(2)));
    },

    async listTrainings(page) {
      checkPage(page);
      if (page.after !== undefined && !isFullId(page.after)) throw cursorError(page.after);
      const found = await run(
        tables
          .select()
          .from(trainings)
          .where(page.after === undefined ? undefined : lt(trainings.id, page.after))
          .orderBy(desc(trainings.id))
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      return { items, next: found.length > page.limit ? (items.at(-1)?.id ?? null) : null };
    },

    async listTrainingRuns(...trainingIds) {
      const ids = trainingIds.filter(isFullId).map((id) => id.toLowerCase());
      if (ids.length === 0) return [];
      const found = await run(
        tables
          .select()
          .from(trainingRuns)
          .where(anyOf(trainingRuns.trainingId, 'uuid', ids))
          .orderBy(asc(trainingRuns.position)),
      );
      const byTraining = Map.groupBy(found, ({ trainingId }) => trainingId);
      return [...new Set(ids)].flatMap((id) => byTraining.get(id) ?? []);
    },

    async getTrainingRun(idOrPrefix) {
      const begins = idBegins(trainingRuns.id, idOrPrefix);
      if (begins === undefined) return null;
      const found = await run(tables.select().from(trainingRuns).where(begins).limit(2));
      return onlyOne('training run', idOrPrefix, found);
    },

    startTrainingRun: (id, { folder, provenance, startedAt }) =>
      updateRun(id, {
        status: 'running',
        folder,
        provenance: provenance ?? null,
        // A resumed run started when its first attempt did.
        startedAt: sql`coalesce(${trainingRuns.startedAt}, ${Math.round(startedAt)}::bigint)`,
        finishedAt: null,
        error: null,
      }),

    finishTrainingRun: (id, { status, error, wallMs, finishedAt, artifacts, outcome }) =>
      updateRun(id, {
        status,
        error: error ?? null,
        wallMs: sql`${trainingRuns.wallMs} + ${wallMs}::double precision`,
        finishedAt: Math.round(finishedAt),
        artifacts,
        outcome: outcome ?? null,
      }),

    async addTrainEvents(runId, events) {
      if (!isFullId(runId)) throw noRun(runId);
      for (const batch of batchesOf(events)) await insertEvents(runId, batch);
    },

    async trainEvents(runId, cursor) {
      if (!isFullId(runId)) return { cursor, items: [] };
      const rows = await run(
        tables
          .select({ id: trainingEvents.id, event: trainingEvents.event })
          .from(trainingEvents)
          .where(and(eq(trainingEvents.runId, runId), gt(trainingEvents.id, cursor)))
          .orderBy(asc(trainingEvents.id))
          .limit(maxEvents),
      );
      return { cursor: rows.at(-1)?.id ?? cursor, items: rows.map(({ event }) => event) };
    },

    async saveTrainingReport(trainingId, report) {
      const changed = isFullId(trainingId)
        ? await run(
            tables
              .update(trainings)
              .set({ report: report ?? null })
              .where(eq(trainings.id, trainingId))
              .returning({ id: trainings.id }),
          )
        : [];
      if (changed.length === 0) {
        throw new ConfigError(`training "${trainingId}": not in this database; give the full id`);
      }
    },
  };
}
