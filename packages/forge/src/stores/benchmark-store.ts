import { asc, desc, eq, lt, sql } from 'drizzle-orm';
import type { BenchmarkRecord, BenchmarkStore } from '../benchmark-record.ts';
import { ConfigError } from '../errors.ts';
import { insertRows } from './bulk-insert.ts';
import { checkPage, cursorError, type Database } from './database.ts';
import { idBegins, isFullId, onlyOne } from './record-id.ts';
import { benchmarkPoints, benchmarks } from './schema.ts';
import { encodeJson } from './storable-text.ts';

const missing = (noun: 'benchmark' | 'experiment', id: string) =>
  new ConfigError(`${noun} "${id}": not in this database; give the full id`);

/** Benchmarks and what they measured. */
export function createBenchmarkStore(
  { tables, run, statement }: Database,
  parts: { now(): number; newId(): string },
): BenchmarkStore {
  return {
    async createBenchmark({ name, source, config, configHash, experimentId: ofExperiment }) {
      if (!isFullId(ofExperiment)) throw missing('experiment', ofExperiment);
      const benchmark: BenchmarkRecord = {
        id: parts.newId(),
        name,
        source,
        config,
        configHash,
        experimentId: ofExperiment.toLowerCase(),
        createdAt: Math.round(parts.now()),
        report: null,
      };
      const created = await statement(
        insertRows(benchmarks, encodeJson([benchmark]), {
          tail: sql` where exists (select from experiments where id = ${benchmark.experimentId}::uuid) returning id`,
        }),
      );
      if (created.length === 0) throw missing('experiment', ofExperiment);
      return benchmark;
    },

    async getBenchmark(idOrPrefix) {
      const begins = idBegins(benchmarks.id, idOrPrefix);
      if (begins === undefined) return null;
      return onlyOne('benchmark', idOrPrefix, await run(tables.select().from(benchmarks).where(begins).limit(2)));
    },

    async listBenchmarks(page) {
      checkPage(page);
      if (page.after !== undefined && !isFullId(page.after)) throw cursorError(page.after);
      const found = await run(
        tables
          .select()
          .from(benchmarks)
          .where(page.after === undefined ? undefined : lt(benchmarks.id, page.after))
          .orderBy(desc(benchmarks.id))
          .limit(page.limit + 1),
      );
      const items = found.slice(0, page.limit);
      return { items, next: found.length > page.limit ? (items.at(-1)?.id ?? null) : null };
    },

    async saveBenchmarkPoint(benchmarkId, key, point) {
      if (!isFullId(benchmarkId)) throw missing('benchmark', benchmarkId);
      const saved = await statement(
        insertRows(benchmarkPoints, encodeJson([{ benchmarkId, key, point }]), {
          tail: sql` where exists (select from benchmarks where id = ${benchmarkId}::uuid)
            on conflict on constraint benchmark_points_once do update set point = excluded.point returning id`,
        }),
      );
      if (saved.length === 0) throw missing('benchmark', benchmarkId);
    },

    async benchmarkPoints(benchmarkId) {
      if (!isFullId(benchmarkId)) return new Map();
      const rows = await run(
        tables
          .select({ key: benchmarkPoints.key, point: benchmarkPoints.point })
          .from(benchmarkPoints)
          .where(eq(benchmarkPoints.benchmarkId, benchmarkId))
          .orderBy(asc(benchmarkPoints.id)),
      );
      return new Map(rows.map(({ key, point }) => [key, point]));
    },

    async saveBenchmarkReport(benchmarkId, report) {
      const changed = isFullId(benchmarkId)
        ? await run(
            tables
              .update(benchmarks)
              .set({ report: report ?? null })
              .where(eq(benchmarks.id, benchmarkId))
              .returning({ id: benchmarks.id }),
          )
        : [];
      if (changed.length === 0) throw missing('benchmark', benchmarkId);
    },
  };
}
