import { ConfigError, ConflictError } from '../../errors.ts';
import { type BackupHeader, type Row, readBackup } from '../../lib/backup-file.ts';
import type { Query } from '../connection.ts';
import { type ExperimentTable, experimentTables } from './experiment-tables.ts';
import { checkSchema } from './restore-database.ts';
import { cellAt, insertSelect } from './table-shape.ts';

export interface Imported {
  readonly experimentId: string;
  /** Rows that were not there before, by table. */
  readonly added: Readonly<Record<string, number>>;
}

/** In which column a table names what it belongs to, and which table that is. */
const owners: Readonly<Record<string, readonly [column: string, table: string]>> = {
  runs: ['experiment_id', 'experiments'],
  results: ['run_id', 'runs'],
  calls: ['run_id', 'runs'],
  benchmarks: ['experiment_id', 'experiments'],
  benchmark_points: ['benchmark_id', 'benchmarks'],
};

interface Contents {
  readonly header: BackupHeader;
  readonly experimentId: string;
  readonly configHash: string;
  readonly runIds: readonly string[];
}

function experimentHeader(path: string, header: BackupHeader): BackupHeader {
  if (header.kind === 'experiment') return header;
  throw new ConfigError(`${path}: holds a whole database; put it into an empty one with: forge restore ${path}`);
}

/** Reads the file to its end: every sum, and that every row belongs to the one experiment. Throws ConfigError. */
async function checkFile(path: string): Promise<Contents> {
  let header: BackupHeader | undefined;
  const ids: Record<string, Set<string>> = { experiments: new Set(), runs: new Set(), benchmarks: new Set() };
  let configHash = '';
  let check: (row: Row) => void = () => {};
  for await (const part of readBackup(path)) {
    if (part.type === 'header') header = experimentHeader(path, part.header);
    if (part.type === 'rows') part.rows.forEach(check);
    if (part.type !== 'table') continue;
    const { table, columns } = part;
    const [ownColumn, ownTable] = owners[table] ?? [];
    const [id, owner, hash] = [columns.indexOf('id'), columns.indexOf(ownColumn ?? ''), columns.indexOf('config_hash')];
    check = (row) => {
      if (ownTable !== undefined && !ids[ownTable]?.has(row[owner] ?? ''))
        throw new ConfigError(`${path}: a row of ${table} belongs to nothing in this file; it was changed`);
      ids[table]?.add(row[id] ?? '');
      if (table === 'experiments') configHash = row[hash] ?? '';
    };
  }
  const [experimentId = '', ...more] = ids.experiments ?? [];
  if (header === undefined || experimentId === '' || more.length > 0)
    throw new ConfigError(`${path}: holds not one experiment; it was changed`);
  return { header, experimentId, configHash, runIds: [...(ids.runs ?? [])] };
}

/** Nothing that was imported runs by itself, and it is hidden until all of it is there. */
function settled(table: string, columns: readonly string[], row: Row, now: number): Row {
  if (table !== 'experiments' && table !== 'runs') return row;
  return row.map((cell, i) => {
    if (columns[i] === 'queued_at') return null;
    if (columns[i] === 'deleted_at') return String(now);
    return columns[i] === 'status' && cell === 'running' ? 'cancelled' : cell;
  });
}

function insertOf(path: string, { name, columns: known }: ExperimentTable, columns: readonly string[]): string {
  const values = columns.map((column, i): [string, string] => {
    const found = known.find((one) => one.name === column);
    if (found === undefined) throw new ConfigError(`${path}: table ${name} has no column "${column}" in this version`);
    return [column, cellAt(i, found.type)];
  });
  const tail = ' on conflict do nothing returning 1';
  if (name !== 'calls') return insertSelect(name, values, tail);
  const sqlOf = new Map(values);
  return insertSelect(
    name,
    [['result_id', 'owner.id'], ...values.filter(([column]) => column !== 'run_id' && column !== 'example_id')],
    ` join results as owner on owner.run_id = ${sqlOf.get('run_id')} and owner.example_id = ${sqlOf.get('example_id')}${tail}`,
  );
}

async function checkConflicts(query: Query, { experimentId, configHash }: Contents): Promise<void> {
  const [stored] = await query('select config_hash from experiments where id = $1', [experimentId]);
  if (stored !== undefined && stored[0] !== configHash)
    throw new ConflictError(
      `experiment ${experimentId}: is here already with another configuration; it was changed since the file was written, nothing was imported`,
    );
}

/** A file whose runs have the ids of somebody else's runs would add to those. */
async function checkRuns(query: Query, { experimentId, runIds }: Contents): Promise<void> {
  const [foreign] = await query(
    'select count(*) from runs where id = any(array(select value::uuid from jsonb_array_elements_text($1::jsonb))) and experiment_id <> $2',
    [JSON.stringify(runIds), experimentId],
  );
  if (Number(foreign?.[0]) > 0)
    throw new ConflictError(
      `experiment ${experimentId}: its runs belong to another experiment here; nothing was imported`,
    );
}

/**
 * Adds the experiment of a file, with the ids that it has. What is here already stays as it is: a second import adds nothing,
 * one that was interrupted is completed by the next. The file is read to its end before anything is written. Single statements
 * only, so that it works through a server, too. Throws ConfigError.
 */
export async function importExperiment(query: Query, path: string, parts: { now: number }): Promise<Imported> {
  const contents = await checkFile(path);
  const { header, experimentId } = contents;
  checkSchema(path, header);
  await checkConflicts(query, contents);
  const tables = await experimentTables(query);
  const added: Record<string, number> = {};
  let insert = '';
  let table: { name: string; columns: readonly string[] } | undefined;
  for await (const part of readBackup(path)) {
    if (part.type === 'table') {
      const known = tables.find(({ name }) => name === part.table);
      if (known === undefined) throw new ConfigError(`${path}: there is no table "${part.table}" in this version`);
      insert = insertOf(path, known, part.columns);
      table = { name: part.table, columns: part.columns };
      added[part.table] = 0;
    }
    if (part.type === 'rows' && part.rows.length > 0 && table !== undefined) {
      const { name, columns } = table;
      const rows = part.rows.map((row) => settled(name, columns, row, parts.now));
      added[name] = (added[name] ?? 0) + (await query(insert, [JSON.stringify(rows)])).length;
    }
    if (part.type === 'table-end' && part.table === 'runs') await checkRuns(query, contents);
  }
  await query('update experiments set deleted_at = null where id = $1', [experimentId]);
  // PGlite never gathers statistics of itself; without them long runs are read slowly.
  await query('analyze');
  return { experimentId, added };
}
