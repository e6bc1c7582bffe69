import { ConfigError, messageOf } from '../../errors.ts';
import { readTextLines } from '../../lib/text-lines.ts';
import type { TrainingRow } from '../../training-set.ts';
import type { EncoderObjective } from '../../training-settings.ts';

/** A text or a pair of texts in token ids, special tokens included. Tokens from `second` on are of the second text. */
export interface Sequence {
  readonly ids: Int32Array;
  readonly second: number;
}

/** A row as an encoder reads it. */
export interface EncodedRow {
  /** contrastive: its query. */
  readonly query?: Sequence;
  /** contrastive, listwise: the right one, then the negatives; classification: the pair. */
  readonly sequences: readonly Sequence[];
  /** classification: place of its label. */
  readonly target: number;
}

export interface PairTokenizer {
  /** [CLS] text [SEP], or [CLS] first [SEP] second [SEP]. */
  encode(first: string, second?: string): Sequence;
}

/** The tokenizer of an encoder's folder. Throws ConfigError. */
export async function openPairTokenizer(folder: string, label: string): Promise<PairTokenizer> {
  const { AutoTokenizer, env } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true }).catch((error) => {
    throw new ConfigError(`model ${label}: its tokenizer cannot be read: ${messageOf(error)}`);
  });
  const plain = (text: string): number[] => (text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false }));
  const framed = tokenizer.encode('a');
  const [begin, end] = [framed[0], framed.at(-1)];
  if (framed.length !== plain('a').length + 2 || begin === undefined || end === undefined)
    throw new ConfigError(`model ${label}: its tokenizer does not put one token before a text and one after it`);
  return {
    encode(first, second) {
      const ids = [begin, ...plain(first), end];
      const border = ids.length;
      if (second !== undefined) ids.push(...plain(second), end);
      return { ids: Int32Array.from(ids), second: border };
    },
  };
}

const neededKind = (objective: EncoderObjective) =>
  objective.name === 'classification' ? 'classification' : 'retrieval';

/** One row, or undefined where it has too few negatives. Throws ConfigError for a label that is not among the objective's. */
function encodeRow(row: TrainingRow, objective: EncoderObjective, { encode }: PairTokenizer): EncodedRow | undefined {
  if (row.kind === 'classification' && objective.name === 'classification') {
    const target = objective.labels.indexOf(row.label);
    if (target < 0)
      throw new ConfigError(
        `label "${row.label}" is not among objective.labels: ${objective.labels.join(', ')}; add it, or leave such rows out`,
      );
    return { sequences: [encode(row.first, row.second)], target };
  }
  if (row.kind !== 'retrieval' || objective.name === 'classification')
    throw new ConfigError(
      `objective: ${objective.name} needs ${neededKind(objective)} rows; the data has ${row.kind} rows`,
    );
  if (row.negatives.length < objective.negatives) return undefined;
  const texts = [row.positive, ...row.negatives.slice(0, objective.negatives)];
  if (objective.name === 'listwise') return { sequences: texts.map((text) => encode(row.query, text)), target: 0 };
  return { query: encode(row.query), sequences: texts.map((text) => encode(text)), target: 0 };
}

/** Every sequence of a row, its query first. */
export const sequencesOf = ({ query, sequences }: EncodedRow): readonly Sequence[] =>
  query === undefined ? sequences : [query, ...sequences];

/** Tokens of all sequences of a row. */
export const tokensOf = (row: EncodedRow): number => sequencesOf(row).reduce((sum, { ids }) => sum + ids.length, 0);

/** Tokens of a row's longest sequence. */
export const longestOf = (row: EncodedRow): number =>
  sequencesOf(row).reduce((most, { ids }) => Math.max(most, ids.length), 0);

const maxLineBytes = 64 * 2 ** 20;

/** The rows of a file of TrainingRow; those with a text over `maxLength` or too few negatives are left out and counted. Throws ConfigError. */
export async function encodeRows(
  file: string,
  tokenizer: PairTokenizer,
  { objective, maxLength }: { readonly objective: EncoderObjective; readonly maxLength: number },
  progress: (done: number) => void,
): Promise<{ rows: EncodedRow[]; leftOut: number }> {
  const rows: EncodedRow[] = [];
  let leftOut = 0;
  for await (const line of readTextLines(file, maxLineBytes)) {
    let encoded: EncodedRow | undefined;
    try {
      encoded = encodeRow(JSON.parse(line.text) as TrainingRow, objective, tokenizer);
    } catch (error) {
      if (error instanceof ConfigError) throw new ConfigError(`${file}:${line.number}: ${error.message}`);
      throw error;
    }
    if (encoded === undefined || longestOf(encoded) > maxLength) leftOut++;
    else rows.push(encoded);
    if (line.number % 1000 === 0) progress(line.number);
  }
  return { rows, leftOut };
}
