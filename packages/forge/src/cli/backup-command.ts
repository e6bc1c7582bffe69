import { stat } from 'node:fs/promises';
import type { BackupHeader, TableSum } from '../lib/backup-file.ts';
import { verifyBackup } from '../lib/backup-file.ts';
import { formatCount } from '../lib/format.ts';
import { forgeVersion } from '../lib/installation.ts';
import { dumpDatabase } from '../stores/transfer/dump-database.ts';
import { restoreDatabase } from '../stores/transfer/restore-database.ts';
import { openExclusive, openForReading, placeOf } from './open-database.ts';
import { openWorkspace } from './workspace.ts';

interface BackupOptions {
  readonly verify?: boolean;
  readonly json?: boolean;
}

const progress = (table: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${table} `);
};
const progressEnd = () => {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
};

const rowsOf = (manifest: readonly TableSum[]) => manifest.reduce((sum, { rows }) => sum + rows, 0);

/** The tables of a backup with their rows, as a table or as JSON. */
export function printManifest(
  done: string,
  { header, manifest, bytes }: { header?: BackupHeader; manifest: readonly TableSum[]; bytes: number },
  json: boolean,
): void {
  if (json) {
    console.log(JSON.stringify({ ...header, bytes, tables: manifest }, null, 2));
    return;
  }
  console.log(`${done}: ${formatCount(rowsOf(manifest))} rows, ${(bytes / 1e6).toFixed(1)} MB`);
  for (const { table, rows, sha256 } of manifest)
    console.log(`  ${table.padEnd(20)} ${formatCount(rows).padStart(12)}  sha256 ${sha256.slice(0, 16)}`);
}

/** Writes the whole database into a file and reads that to its end again; with `verify` only the second. */
export async function backup(file: string, options: BackupOptions): Promise<void> {
  const json = options.json === true;
  if (options.verify !== true) {
    const workspace = openWorkspace();
    const connection = await openForReading(workspace);
    try {
      await dumpDatabase(connection, file, { forgeVersion, now: workspace.clock.now(), progress });
    } finally {
      await connection.close();
      progressEnd();
    }
  }
  const { header, manifest } = await verifyBackup(file);
  printManifest(
    options.verify === true ? `${file} is whole` : `written and verified: ${file}`,
    { header, manifest, bytes: (await stat(file)).size },
    json,
  );
}

/** `forge restore`: a backup becomes the database, all or nothing. Throws ConfigError. */
export async function restore(file: string, options: { replace?: boolean; json?: boolean }): Promise<void> {
  const { header } = await verifyBackup(file);
  const workspace = openWorkspace();
  const place = placeOf(workspace);
  const connection = await openExclusive(workspace);
  try {
    const manifest = await restoreDatabase(connection, file, { place, replace: options.replace === true, progress });
    progressEnd();
    printManifest(
      `restored into ${place}`,
      { header, manifest, bytes: (await stat(file)).size },
      options.json === true,
    );
  } finally {
    await connection.close();
    progressEnd();
  }
}
