import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ConfigError } from '../errors.ts';
import { type ExportFormat, exportLines } from '../export-rows.ts';
import { findExperiment } from './find-experiment.ts';
import { openWorkspace } from './workspace.ts';

interface ExportOptions {
  readonly format: ExportFormat;
  readonly output?: string;
  readonly calls?: boolean;
  readonly all?: string;
}

async function writeLines(lines: AsyncIterable<string>, target: Writable): Promise<void> {
  for await (const line of lines) if (!target.write(`${line}\n`)) await once(target, 'drain');
}

/** `forge export`: an experiment's rows as JSON Lines, CSV or Markdown. Throws ConfigError. */
export async function exportRows(id: string, options: ExportOptions): Promise<void> {
  if (options.all !== undefined) return (await import('./import-command.ts')).exportAll(id, options.all);
  if (options.calls && options.format !== 'jsonl')
    throw new ConfigError(`--calls: only with --format jsonl, not ${options.format}`);
  const store = await openWorkspace().openStore();
  try {
    const experiment = await findExperiment(store, id);
    const lines = exportLines(store, experiment, options.format, { calls: options.calls === true });
    if (options.output === undefined) return await writeLines(lines, process.stdout);
    const file = createWriteStream(options.output);
    const written = finished(file);
    written.catch(() => {});
    try {
      await once(file, 'open');
      await writeLines(lines, file);
      file.end();
      await written;
    } catch (error) {
      throw new ConfigError(`--output ${options.output}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
    console.error(`written: ${options.output}`);
  } finally {
    await store.close();
  }
}
