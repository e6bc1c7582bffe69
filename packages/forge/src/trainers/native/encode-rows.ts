import { ConfigError, messageOf } from '../../errors.ts';
import { readTextLines } from '../../lib/text-lines.ts';
import type { PreferenceRow, TextRow, TrainingRow } from '../../training-set.ts';

/** The two answers to one prompt in token ids. The prompt has the begin token, the answers the end token. */
export interface EncodedPair {
  readonly kind: 'pair';
  readonly prompt: Int32Array;
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
}

/** One text: what is read, what should follow each token, and how much that counts. All of one length. */
export interface EncodedText {
  readonly kind: 'text';
  readonly ids: Int32Array;
  readonly targets: Int32Array;
  readonly weights: Float32Array;
}

export type EncodedRow = EncodedPair | EncodedText;

export interface Tokenizer {
  /** Without special tokens. */
  encode(text: string): readonly number[];
  /** Token that the model expects before a text; undefined where it expects none. */
  readonly begin: number | undefined;
  readonly end: number;
  /** A user's message in the model's own chat template, up to where the answer begins; begin token included. */
  encodeChat(message: string): readonly number[];
}

/** The tokenizer of a model folder. Throws ConfigError. */
export async function openTokenizer(folder: string, label: string): Promise<Tokenizer> {
  const { AutoTokenizer, env } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true }).catch((error) => {
    throw new ConfigError(`model ${label}: its tokenizer cannot be read: ${messageOf(error)}`);
  });
  const idOf = (token: unknown): number | undefined =>
    typeof token === 'string' ? tokenizer.encode(token, { add_special_tokens: false })[0] : undefined;
  const end = idOf(tokenizer.eos_token);
  if (end === undefined) throw new ConfigError(`model ${label}: tokenizer_config.json names no eos_token`);
  const begin = idOf(tokenizer.bos_token);
  const { add_bos_token } = tokenizer.config as { add_bos_token?: boolean };
  // As transformers and llama.cpp do it: where nothing is said, the tokenizer's own template decides.
  const beginsText = begin !== undefined && (add_bos_token ?? tokenizer.encode('x')[0] === begin);
  return {
    encode: (text) => (text === '' ? [] : tokenizer.encode(text, { add_special_tokens: false })),
    begin: beginsText ? begin : undefined,
    end,
    encodeChat(message) {
      const text = tokenizer.apply_chat_template([{ role: 'user', content: message }], {
        tokenize: false,
        add_generation_prompt: true,
      });
      return tokenizer.encode(text as string, { add_special_tokens: false });
    },
  };
}

export interface EncodeOptions {
  /** Tokens of a row at most; see TrainingSettings. */
  readonly maxLength: number;
  readonly chat: boolean;
  /** Weight of what is given rather than written; text rows. */
  readonly promptWeight: number;
}

function encodePair(row: PreferenceRow, tokenizer: Tokenizer, options: EncodeOptions): EncodedPair {
  const { begin } = tokenizer;
  const prompt = options.chat
    ? tokenizer.encodeChat(row.prompt)
    : [...(begin === undefined ? [] : [begin]), ...tokenizer.encode(row.prompt)];
  const answer = (text: string) => Int32Array.from([...tokenizer.encode(text), tokenizer.end]);
  return {
    kind: 'pair',
    prompt: Int32Array.from(prompt),
    chosen: answer(row.chosen),
    rejected: answer(row.rejected),
  };
}

/** Where a text should stop, the end token is the target of its last token and is not read: what follows, follows at once. */
function encodeText(row: TextRow, tokenizer: Tokenizer, options: EncodeOptions): EncodedText {
  const { begin, end } = tokenizer;
  const ids: number[] = begin === undefined ? [] : [begin];
  const own: number[] = ids.map(() => 0);
  const stops: number[] = [];
  row.segments.forEach(({ text, weight, stop }, i) => {
    const tokens = options.chat && i === 0 && weight === 0 ? tokenizer.encodeChat(text) : tokenizer.encode(text);
    if (options.chat && i === 0 && weight === 0) ids.length = own.length = 0;
    for (const token of tokens) {
      ids.push(token);
      own.push(weight > 0 ? weight : options.promptWeight);
    }
    if (stop) stops.push(ids.length - 1);
  });
  const targets = Int32Array.from(ids, (_, i) => ids[i + 1] ?? end);
  const weights = Float32Array.from(ids, (_, i) => own[i + 1] ?? 0);
  for (const position of stops) {
    targets[position] = end;
    weights[position] = 1;
  }
  return { kind: 'text', ids: Int32Array.from(ids), targets, weights };
}

/** Tokens that a row counts as against `maxLength`, and in figures of speed: each answer with its prompt. */
export function tokensOf(row: EncodedRow): number {
  if (row.kind === 'pair') return 2 * row.prompt.length + row.chosen.length + row.rejected.length;
  // The end token at the end is predicted and not read; it counts all the same.
  return row.ids.length + ((row.weights.at(-1) ?? 0) > 0 ? 1 : 0);
}

const longestText = (row: EncodedRow): number =>
  row.kind === 'text' ? row.ids.length : row.prompt.length + Math.max(row.chosen.length, row.rejected.length);

const maxLineBytes = 64 * 2 ** 20;

/** The rows of a file of TrainingRow in token ids; those over `maxLength` are left out and counted. Throws ConfigError. */
export async function encodeRows(
  file: string,
  tokenizer: Tokenizer,
  options: EncodeOptions,
  progress: (done: number) => void,
): Promise<{ rows: EncodedRow[]; leftOut: number }> {
  const rows: EncodedRow[] = [];
  let leftOut = 0;
  for await (const line of readTextLines(file, maxLineBytes)) {
    const row = JSON.parse(line.text) as TrainingRow;
    if (row.kind !== 'preference' && row.kind !== 'text')
      throw new ConfigError(
        `${file}:${line.number}: ${row.kind} rows are for encoders; take the trainer native-encoder`,
      );
    const encoded =
      row.kind === 'preference' ? encodePair(row, tokenizer, options) : encodeText(row, tokenizer, options);
    const empty = encoded.kind === 'pair' ? encoded.prompt.length === 0 : encoded.ids.length === 0;
    if (empty)
      throw new ConfigError(`${file}:${line.number}: row ${row.id} has no prompt: nothing predicts its answer`);
    if (longestText(encoded) > options.maxLength) leftOut++;
    else rows.push(encoded);
    if (line.number % 1000 === 0) progress(line.number);
  }
  return { rows, leftOut };
}

/** The rows of a job in token ids. */
export interface Rows {
  readonly train: readonly EncodedRow[];
  readonly validation: readonly EncodedRow[];
  readonly leftOut: number;
}
