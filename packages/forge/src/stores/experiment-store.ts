import { and, asc, between, desc, eq, exists, ilike, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { ConfigError } from '../errors.ts';
import type { ExperimentFilter, ExperimentRecord, RunRecord, Store } from '../store.ts';
import { insertRows } from './bulk-insert.ts';
import { checkPage, containing, type Database } from './database.ts';
import { experiments, runs } from './schema.ts';
import { encodeJson, encodeText } from './storable-text.ts';

type ExperimentStore = Pick<
  Store,
  | 'createExperiment'
  | 'getExperiment'
  | 'listExperiments'
  | 'deleteExperiment'
  | 'restoreExperiment'
  | 'getRun'
  | 'listRuns'
  | 'startRun'
  | 'finishRun'
>;

const uuidText = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const fullId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The lowest and the highest id that begin with a prefix; undefined where none can. */
function idRange(prefix: string): [string, string] | undefined {
  if (!/^[0-9a-f-]{4,36}$/i.test(prefix)) return undefined;
  const digits = prefix.replaceAll('-', '');
  if (digits.length < 4 || digits.length > 32) return undefined;
  return [uuidText(digits.padEnd(32, '0')), uuidText(digits.padEnd(32, 'f'))];
}

/** The one row of those found by a prefix. */
function onlyOne<Row>(noun: string, prefix: string, rows: readonly Row[]): Row | null {
  if (rows.length > 1) throw new ConfigError(`${noun} "${prefix}": more than one id begins so; give more of it`);
  return rows[0] ?? null;
}

function runOf(row: typeof runs.$inferSelect): RunRecord {
  const { method: _method, engine: _engine, dataset: _dataset, ...run } = row;
  return run;
}

function experimentConditions(tables: Database['tables'], filter: ExperimentFilter): (SQL | undefined)[] {
  const { text, status, method, engine, dataset, deleted = 'exclude' } = filter;
  const ofRun = [
    status === undefined ? undefined : eq(runs.status, status),
    method === undefined ? undefined : eq(runs.method, encodeText(method)),
    engine === undefined ? undefined : eq(runs.engine, encodeText(engine)),
    dataset === undefined ? undefined : eq(runs.dataset, encodeText(dataset)),
  ].filter((condition) => condition !== undefined);
  return [
    text === undefined ? undefined : ilike(experiments.name, encodeText(containing(text))),
    deleted === 'include'
      ? undefined
      : deleted === 'only'
        ? isNotNull(experiments.deletedAt)
        : isNull(experiments.deletedAt),
    ofRun.length === 0
      ? undefined
      : exists(
          tables
            .select({ one: sql`1` })
            .from(runs)
            .where(and(eq(runs.experimentId, experiments.id), ...ofRun)),
        ),
  ];
}

/** Experiments and their runs. A filter on runs finds experiments in which one run meets all of it. */
export function createExperimentStore(
  { tables, run, statement }: Database,
  parts: { now(): number; newId(): string },
): ExperimentStore {
  async function setDeleted(id: string, deletedAt: number | null): Promise<void> {
    const changed = fullId.test(id)
      ? await run(
          tables.update(experiments).set({ deletedAt }).where(eq(experiments.id, id)).returning({ id: experiments.id }),
        )
      : [];
    if (changed.length === 0) throw new ConfigError(`experiment "${id}": not in this database; give the full id`);
  }

  async function updateRun(id: string, values: Parameters<ReturnType<typeof tables.update<typeof runs>>['set']>[0]) {
    const changed = fullId.test(id)
      ? await run(tables.update(runs).set(values).where(eq(runs.id, id)).returning({ id: runs.id }))
      : [];
    if (changed.length === 0) throw new ConfigError(`run "${id}": not in this database`);
  }

  return {
    async createExperiment({ name, source, config, configHash, runs: planned }) {
      const createdAt = Math.round(parts.now());
      const experiment: ExperimentRecord = {
        id: parts.newId(),
        name,
        source,
        config,
        configHash,
        createdAt,
        deletedAt: null,
      };
      const created = planned.map(
        ({ variant, spec }, position): RunRecord => ({
          id: parts.newId(),
          experimentId: experiment.id,
          position,
          variant,
          spec,
          status: 'pending',
          total: null,
          provenance: null,
          error: null,
          createdAt,
          startedAt: null,
          finishedAt: null,
          wallMs: 0,
          summary: null,
        }),
      );
      // One statement, so that an experiment is never seen without its runs.
      await statement(
        sql`with experiment as (${insertRows(experiments, encodeJson([experiment]))}) ${insertRows(runs, encodeJson(created))}`,
      );
      return { experiment, runs: created };
    },

    async getExperiment(idOrPrefix) {
      const range = idRange(idOrPrefix);
      if (range === undefined) return null;
      const found = await run(
        tables
          .select()
          .from(experiments)
          .where(between(experiments.id, ...range))
          .limit(2),
      );
      return onlyOne('experiment', idOrPrefix, found);
    },

    async listExperiments(filter, page) {
      checkPage(page);
      if (page.after !== undefined && !fullId.test(page.after)) {
        throw new ConfigError(`after: "${page.after}" is not what a page gave as its next; start without it`);
      }
      const found = await run(
        tables
          .select()
          .from(experiments)
          .where(
            and(
              ...experimentConditions(tables, filter),
              page.after === undefined ? undefined : lt(experiments.id, page.after),
            ),
          )
          .orderBy(desc(experiments.id))
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      return { items, next: found.length > page.limit ? (items.at(-1)?.id ?? null) : null };
    },

    deleteExperiment: (id) => setDeleted(id, Math.round(parts.now())),
    restoreExperiment: (id) => setDeleted(id, null),

    async getRun(idOrPrefix) {
      const range = idRange(idOrPrefix);
      if (range === undefined) return null;
      const found = await run(
        tables
          .select()
          .from(runs)
          .where(between(runs.id, ...range))
          .limit(2),
      );
      return onlyOne('run', idOrPrefix, found.map(runOf));
    },

    async listRuns(experimentId) {
      if (!fullId.test(experimentId)) return [];
      const found = await run(
        tables.select().from(runs).where(eq(runs.experimentId, experimentId)).orderBy(asc(runs.position)),
      );
      return found.map(runOf);
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

    finishRun: (id, { status, error, wallMs, finishedAt, summary }) =>
      updateRun(id, {
        status,
        error: error ?? null,
        wallMs: sql`${runs.wallMs} + ${wallMs}::double precision`,
        finishedAt: Math.round(finishedAt),
        summary: summary ?? null,
      }),
  };
}
