import { stat } from 'node:fs/promises';
import { verifyBackup } from '../lib/backup-file.ts';
import { formatCount } from '../lib/format.ts';
import { forgeVersion } from '../lib/installation.ts';
import { exportExperiment } from '../stores/transfer/export-experiment.ts';
import { importExperiment } from '../stores/transfer/import-experiment.ts';
import { printManifest } from './backup-command.ts';
import { findExperiment } from './find-experiment.ts';
import { openDatabase, openForReading } from './open-database.ts';
import { openWorkspace } from './workspace.ts';

/** One experiment with everything that is its own, as a file that another database can take in. */
export async function exportAll(id: string, file: string): Promise<void> {
  const workspace = openWorkspace();
  const store = await workspace.openStore();
  const experiment = await findExperiment(store, id).finally(() => store.close());
  const connection = await openForReading(workspace);
  try {
    await exportExperiment(connection, experiment.id, file, { forgeVersion, now: workspace.clock.now() });
  } finally {
    await connection.close();
  }
  const { header, manifest } = await verifyBackup(file);
  printManifest(`written and verified: ${file}`, { header, manifest, bytes: (await stat(file)).size }, false);
}

/** `forge import`: an experiment from a file, added to what is stored. Throws ConfigError. */
export async function importFile(file: string, options: { json?: boolean }): Promise<void> {
  const workspace = openWorkspace();
  const connection = await openDatabase(workspace);
  try {
    const imported = await importExperiment(connection.query, file, { now: workspace.clock.now() });
    if (options.json) return console.log(JSON.stringify(imported, null, 2));
    const fresh = Object.entries(imported.added).filter(([, rows]) => rows > 0);
    console.log(
      fresh.length === 0
        ? `experiment ${imported.experimentId}: all of it was here already`
        : `experiment ${imported.experimentId}: added ${fresh.map(([table, rows]) => `${formatCount(rows)} ${table}`).join(', ')}`,
    );
  } finally {
    await connection.close();
  }
}
