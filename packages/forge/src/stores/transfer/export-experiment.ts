import { type TableSum, writeBackup } from '../../lib/backup-file.ts';
import type { Connection } from '../connection.ts';
import { storedSchema } from '../migrate.ts';
import type { DumpParts } from './dump-database.ts';
import { experimentTables } from './experiment-tables.ts';
import { cursorRows } from './table-shape.ts';

/** Writes one experiment with all its rows, and the benchmarks made with it, as they were at one moment. `id`: the full id. */
export function exportExperiment(
  connection: Connection,
  id: string,
  path: string,
  parts: DumpParts,
): Promise<readonly TableSum[]> {
  return connection.session(async (query) => {
    await query('begin isolation level repeatable read read only');
    const tables = await experimentTables(query);
    const schema = await storedSchema(query);
    const header = { kind: 'experiment', schema, forgeVersion: parts.forgeVersion, createdAt: parts.now } as const;
    const manifest = await writeBackup(path, header, async (file) => {
      for (const table of tables) {
        parts.progress?.(table.name);
        const columns = table.columns.map(({ name }) => name);
        await file.table(table.name, columns, cursorRows(query, table.select, [id]));
      }
    });
    await query('commit');
    return manifest;
  });
}
