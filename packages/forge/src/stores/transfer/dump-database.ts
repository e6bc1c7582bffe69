import { ConfigError } from '../../errors.ts';
import { type TableSum, writeBackup } from '../../lib/backup-file.ts';
import type { Connection } from '../connection.ts';
import { storedSchema } from '../migrate.ts';
import { allRows, tableShapes } from './table-shape.ts';

export interface DumpParts {
  readonly forgeVersion: string;
  /** ms since the epoch. */
  readonly now: number;
  /** Called as a table begins. */
  progress?(table: string): void;
}

/**
 * Writes all our tables into a file as they were at one moment (one transaction, repeatable read), whatever version they are
 * of, in bounded memory. Throws ConfigError where there are none.
 */
export function dumpDatabase(connection: Connection, path: string, parts: DumpParts): Promise<readonly TableSum[]> {
  return connection.session(async (query) => {
    await query('begin isolation level repeatable read read only');
    const schema = await storedSchema(query);
    if (schema.migrations === 0) throw new ConfigError('the database is empty: there is nothing to back up yet');
    const shapes = await tableShapes(query);
    const header = { kind: 'database', schema, forgeVersion: parts.forgeVersion, createdAt: parts.now } as const;
    const manifest = await writeBackup(path, header, async (file) => {
      for (const shape of shapes) {
        parts.progress?.(shape.name);
        const columns = shape.columns.map(({ name }) => name);
        await file.table(shape.name, columns, allRows(query, shape));
      }
    });
    await query('commit');
    return manifest;
  });
}
