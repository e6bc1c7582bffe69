import { z } from 'zod';
import type { Dataset, Example } from '../dataset.ts';
import { ConfigError } from '../errors.ts';
import { createFingerprintSet } from './fingerprint-set.ts';
import type { NumberedRow, RawRow, RowSource } from './row-source.ts';

/** Which column is what; a dot goes into nested values, e.g. `answer.aliases`. */
export const columnsSchema = z.strictObject({
  id: z.string().optional().describe('Column of the example id; the row index when left out.'),
  question: z.string().default('question').describe('Column of the question.'),
  answer: z.string().default('answer').describe('Column of the accepted answers: a text, a number, or a list of them.'),
  context: z.string().optional().describe('Column of the passage that belongs to the question.'),
  choices: z.string().optional().describe('Column of the choices: a list of texts.'),
  relevant: z
    .string()
    .optional()
    .describe('Column of the documents that hold the answer: a list of ids, or grades by id. For retrieval metrics.'),
  neededCalls: z
    .string()
    .optional()
    .describe('Column of the number of tool calls that the question takes at least. For tool-efficiency.'),
  cluster: z.string().optional().describe('Column that says which examples belong together, for clustered errors.'),
});

export type Columns = z.infer<typeof columnsSchema>;

/** Longest accepted row, in bytes. */
export const maxRowBytesOption = z
  .number()
  .int()
  .min(1)
  .max(1_000_000_000)
  .default(8_000_000)
  .describe('Longest row that is read, in bytes.');

/** A column, or a value inside one by dots; undefined where there is none. */
export function valueAt(row: RawRow, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let current: unknown = row;
  for (const part of path.split('.')) {
    if (current === null || typeof current !== 'object' || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string, unknown>)[part];
  }
  return current;
}

const scalarText = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
      ? String(value)
      : undefined;

function column(row: RawRow, where: string, role: string, path: string): unknown {
  const value = valueAt(row, path);
  if (value !== undefined) return value;
  throw new ConfigError(
    `${where}: no column "${path}" (columns.${role}). Columns there: ${Object.keys(row).slice(0, 30).join(', ') || 'none'}`,
  );
}

/** Throws ConfigError where the column is not there or holds no text. */
export function textColumn(row: RawRow, where: string, role: string, path: string): string {
  const value = column(row, where, role, path);
  const text = scalarText(value);
  if (text === undefined)
    throw new ConfigError(
      `${where}: column "${path}" (columns.${role}) holds ${value === null ? 'null' : typeof value}, not a text`,
    );
  return text;
}

function textList(row: RawRow, where: string, role: string, path: string): string[] {
  const value = column(row, where, role, path);
  const texts = (Array.isArray(value) ? value : [value]).map(scalarText);
  if (texts.length === 0 || texts.some((text) => text === undefined)) {
    throw new ConfigError(
      `${where}: column "${path}" (columns.${role}) must hold a text or a list of texts, and not be empty`,
    );
  }
  return texts as string[];
}

/** `["a", "b"]` or `{"a": 2, "b": 1}` as grades by document id. */
function relevantColumn(row: RawRow, where: string, path: string): Readonly<Record<string, number>> {
  const value = column(row, where, 'relevant', path);
  if (Array.isArray(value)) return Object.fromEntries(value.map((id) => [String(id), 1]));
  const grades = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  if (grades.length === 0 || grades.some(([, grade]) => typeof grade !== 'number')) {
    throw new ConfigError(`${where}: column "${path}" (columns.relevant) holds neither a list of ids nor grades by id`);
  }
  return Object.fromEntries(grades as [string, number][]);
}

function neededCallsColumn(row: RawRow, where: string, path: string): number {
  const value = Number(column(row, where, 'neededCalls', path));
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new ConfigError(`${where}: column "${path}" (columns.neededCalls) must hold a whole number from 0 on`);
}

/** A row as an example, by the columns' meaning. Throws ConfigError naming row and column. */
export function exampleFromColumns({ index, row, where }: NumberedRow, columns: Columns): Example {
  const text = textColumn(row, where, 'question', columns.question);
  if (text.trim() === '') throw new ConfigError(`${where}: column "${columns.question}" (columns.question) is empty`);
  const optional = (role: 'context' | 'cluster') =>
    columns[role] === undefined ? {} : { [role]: textColumn(row, where, role, columns[role]) };
  return {
    id: columns.id === undefined ? String(index) : textColumn(row, where, 'id', columns.id),
    text,
    targets: textList(row, where, 'answer', columns.answer),
    ...optional('context'),
    ...optional('cluster'),
    ...(columns.relevant === undefined ? {} : { relevant: relevantColumn(row, where, columns.relevant) }),
    ...(columns.neededCalls === undefined ? {} : { neededCalls: neededCallsColumn(row, where, columns.neededCalls) }),
    ...(columns.choices === undefined ? {} : { choices: textList(row, where, 'choices', columns.choices) }),
  };
}

/** A data set over a source of rows. Two rows with one id are a ConfigError: results could not be told apart. */
export function createTableDataset(name: string, source: RowSource, toExample: (row: NumberedRow) => Example): Dataset {
  return {
    name,
    ...(source.revision === undefined ? {} : { revision: source.revision }),
    async count(signal) {
      const count = await source.count(signal);
      if (count === 0) throw new ConfigError(`${source.label}: no rows`);
      return count;
    },
    fingerprint: (signal) => source.fingerprint(signal),
    async *examples(options = {}) {
      const ids = createFingerprintSet();
      for await (const row of source.rows(options)) {
        const example = toExample(row);
        if (!ids.add(example.id)) await refuseEarlier(row, example.id, options);
        yield example;
      }
    },
  };

  /** Reads the rows before this one again: only they tell whether its id is there, and where. Throws ConfigError if it is. */
  async function refuseEarlier(
    { index, where }: NumberedRow,
    id: string,
    options: Parameters<RowSource['rows']>[0],
  ): Promise<void> {
    for await (const row of source.rows(options)) {
      if (row.index >= index) return;
      if (toExample(row).id !== id) continue;
      throw new ConfigError(`${where}: id "${id}" is also that of ${row.where}; ids must be unique (columns.id)`);
    }
  }
}
