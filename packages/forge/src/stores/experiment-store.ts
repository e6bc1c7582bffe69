import {
  and,
  asc,
  desc,
  eq,
  exists,
  getTableColumns,
  gt,
  ilike,
  isNotNull,
  isNull,
  lt,
  or,
  type SQL,
  sql,
} from 'drizzle-orm';
import { ConfigError, ConflictError } from '../errors.ts';
import type { ExperimentFilter, ExperimentOrder, ExperimentRecord, Headline, Store } from '../store.ts';
import { insertRows } from './bulk-insert.ts';
import { checkPage, containing, cursorError, cursorOf, type Database, fieldsOf } from './database.ts';
import { idBegins, isFullId, onlyOne } from './record-id.ts';
import { newRun } from './run-store.ts';
import { experiments, nameOrder, runs } from './schema.ts';
import { decodeJson, encodeJson, encodeText } from './storable-text.ts';

type ExperimentStore = Pick<
  Store,
  | 'createExperiment'
  | 'getExperiment'
  | 'listExperiments'
  | 'updateExperiment'
  | 'deleteExperiment'
  | 'restoreExperiment'
  | 'facets'
  | 'totals'
  | 'setQueued'
  | 'listQueued'
  | 'saveFinding'
  | 'getFinding'
>;

// A finding can be large: only getFinding reads it.
const { description: _description, finding: _finding, ...recordColumns } = getTableColumns(experiments);

const notFound = (id: string) => new ConfigError(`experiment "${id}": not in this database; give the full id`);

function conditions(tables: Database['tables'], filter: ExperimentFilter): (SQL | undefined)[] {
  const { text, status, method, engine, model, dataset, deleted = 'exclude' } = filter;
  const pattern = text === undefined ? undefined : encodeText(containing(text));
  const ofRun = [
    status === undefined ? undefined : eq(runs.status, status),
    method === undefined ? undefined : eq(runs.method, method),
    engine === undefined ? undefined : eq(runs.engine, engine),
    model === undefined ? undefined : eq(runs.model, model),
    dataset === undefined ? undefined : eq(runs.dataset, dataset),
  ].filter((condition) => condition !== undefined);
  return [
    pattern === undefined ? undefined : or(ilike(experiments.name, pattern), ilike(experiments.description, pattern)),
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

/** How a list is ordered and where a page of it begins and ends. */
interface Listing {
  readonly by: readonly SQL[];
  after(cursor: string): SQL | undefined;
  cursor(last: ExperimentRecord): string;
}

function idOf(cursor: string): string {
  if (!isFullId(cursor)) throw cursorError(cursor);
  return cursor;
}

const listings: Readonly<Record<ExperimentOrder, Listing>> = {
  newest: {
    by: [desc(experiments.id)],
    after: (cursor) => lt(experiments.id, idOf(cursor)),
    cursor: ({ id }) => id,
  },
  oldest: {
    by: [asc(experiments.id)],
    after: (cursor) => gt(experiments.id, idOf(cursor)),
    cursor: ({ id }) => id,
  },
  name: {
    by: [asc(nameOrder), desc(experiments.id)],
    after(cursor) {
      const [name, id, ...more] = fieldsOf(cursor);
      if (typeof name !== 'string' || typeof id !== 'string' || !isFullId(id) || more.length > 0) {
        throw cursorError(cursor);
      }
      const last = sql`left(lower(${encodeText(name)}), 200)`;
      return or(sql`${nameOrder} > ${last}`, and(sql`${nameOrder} = ${last}`, lt(experiments.id, id)));
    },
    cursor: ({ name, id }) => cursorOf([name, id]),
  },
};

const alphabetical = new Intl.Collator('en').compare;
const distinct = (values: readonly (string | null)[]) =>
  [...new Set(values)].filter((value) => value !== null).sort(alphabetical);

/** Experiments. A filter on runs finds experiments in which one run meets all of it. */
export function createExperimentStore(
  { tables, run, statement }: Database,
  parts: { now(): number; newId(): string },
): ExperimentStore {
  async function change(id: string, values: Partial<typeof experiments.$inferInsert>): Promise<void> {
    const changed = isFullId(id)
      ? await run(
          tables.update(experiments).set(values).where(eq(experiments.id, id)).returning({ id: experiments.id }),
        )
      : [];
    if (changed.length === 0) throw notFound(id);
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
        revision: 1,
        createdAt,
        deletedAt: null,
        queuedAt: null,
        headline: null,
      };
      const created = planned.map((plan, position) =>
        newRun({ id: parts.newId(), experimentId: experiment.id }, plan, position, createdAt),
      );
      // One statement, so that an experiment is never seen without its runs.
      await statement(
        sql`with experiment as (${insertRows(experiments, encodeJson([experiment]))}) ${insertRows(runs, encodeJson(created))}`,
      );
      return { experiment, runs: created };
    },

    async getExperiment(idOrPrefix) {
      const begins = idBegins(experiments.id, idOrPrefix);
      if (begins === undefined) return null;
      const found = await run(tables.select(recordColumns).from(experiments).where(begins).limit(2));
      return onlyOne('experiment', idOrPrefix, found);
    },

    async listExperiments(filter, page, order = 'newest') {
      checkPage(page);
      const listing = listings[order];
      const found = await run(
        tables
          .select(recordColumns)
          .from(experiments)
          .where(and(...conditions(tables, filter), page.after === undefined ? undefined : listing.after(page.after)))
          .orderBy(...listing.by)
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      const last = items.at(-1);
      return { items, next: found.length > page.limit && last !== undefined ? listing.cursor(last) : null };
    },

    async updateExperiment(id, { revision, name, source, config, configHash, runs: planned }) {
      if (!isFullId(id)) throw notFound(id);
      const experimentId = id.toLowerCase();
      const createdAt = Math.round(parts.now());
      const created = planned.map((plan, position) =>
        newRun({ id: parts.newId(), experimentId }, plan, position, createdAt),
      );
      // The locks come first: whoever edits or starts it at the same time waits, and finds what this has made of it.
      const replaced = tables
        .update(experiments)
        .set({ name, source, config, configHash, revision: sql`${experiments.revision} + 1` })
        .where(
          sql`${experiments.id} = (select id from target where revision = ${revision}::integer) and not exists (select from started)`,
        )
        .returning({ id: experiments.id });
      const added = insertRows(runs, encodeJson(created), {
        // The old ones are gone before the first new one takes a position.
        tail: sql` cross join (select count(*) from removed) as gone where exists (select from replaced)`,
      });
      const [found] = await statement(sql`
        with target as (select * from experiments where id = ${experimentId}::uuid for update),
          present as (select status from runs where experiment_id = (select id from target) for update),
          started as (select from present where status <> 'pending'),
          replaced as ${replaced},
          removed as (delete from runs where experiment_id in (select id from replaced) returning id),
          added as (${added})
        select revision, created_at, deleted_at, queued_at, headline, exists (select from started), exists (select from replaced)
        from target`);
      if (found === undefined) throw notFound(id);
      const [stored, made, deletedAt, queuedAt, headline, hasStarted, isReplaced] = found;
      if (hasStarted) throw new ConflictError(`experiment ${id} has started; duplicate it to change it`);
      if (!isReplaced) {
        throw new ConflictError(
          `experiment ${id} was changed by somebody else (revision ${stored}, yours is ${revision}); load it again`,
        );
      }
      return {
        id: experimentId,
        name,
        source,
        config,
        configHash,
        revision: revision + 1,
        createdAt: Number(made),
        deletedAt: deletedAt === null ? null : Number(deletedAt),
        queuedAt: queuedAt === null ? null : Number(queuedAt),
        headline: headline === null ? null : (decodeJson(String(headline)) as readonly Headline[]),
      };
    },

    deleteExperiment: (id) => change(id, { deletedAt: Math.round(parts.now()) }),
    restoreExperiment: (id) => change(id, { deletedAt: null }),

    async facets() {
      const { method, engine, model, dataset } = runs;
      const rows = await run(tables.selectDistinct({ method, engine, model, dataset }).from(runs));
      return {
        methods: distinct(rows.map((row) => row.method)),
        engines: distinct(rows.map((row) => row.engine)),
        models: distinct(rows.map((row) => row.model)),
        datasets: distinct(rows.map((row) => row.dataset)),
      };
    },

    async totals() {
      // A run that was resumed still has the figures of its earlier end.
      const ofEnded = (column: SQL | (typeof runs)['examples']) =>
        sql`coalesce(sum(${column}) filter (where ${runs.finishedAt} is not null), 0)`.mapWith(Number);
      const [sums] = await run(
        tables
          .select({
            experiments: sql`count(distinct ${experiments.id})`.mapWith(Number),
            runs: sql`count(${runs.id})`.mapWith(Number),
            examples: ofEnded(runs.examples),
            calls: ofEnded(runs.calls),
            promptTokens: ofEnded(runs.promptTokens),
            completionTokens: ofEnded(runs.completionTokens),
          })
          .from(experiments)
          .leftJoin(runs, eq(runs.experimentId, experiments.id))
          .where(isNull(experiments.deletedAt)),
      );
      return sums ?? { experiments: 0, runs: 0, examples: 0, calls: 0, promptTokens: 0, completionTokens: 0 };
    },

    setQueued: (id, queuedAt) => change(id, { queuedAt: queuedAt === null ? null : Math.round(queuedAt) }),

    listQueued: () =>
      run(
        tables
          .select(recordColumns)
          .from(experiments)
          .where(and(isNotNull(experiments.queuedAt), isNull(experiments.deletedAt)))
          .orderBy(asc(experiments.queuedAt), asc(experiments.id)),
      ),

    saveFinding: (id, finding, headline) => change(id, { finding, headline }),

    async getFinding(id) {
      if (!isFullId(id)) return null;
      const [found] = await run(
        tables.select({ finding: experiments.finding }).from(experiments).where(eq(experiments.id, id)),
      );
      return found?.finding ?? null;
    },
  };
}
