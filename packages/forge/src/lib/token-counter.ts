import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, messageOf } from '../errors.ts';

/** Counts tokens with the tokenizer of a model folder, special tokens left out; undefined where it has none. Throws ConfigError. */
export async function openTokenCounter(folder: string): Promise<((text: string) => number) | undefined> {
  if (!(await stat(join(folder, 'tokenizer.json')).catch(() => null))) return undefined;
  const { AutoTokenizer } = await import('@huggingface/transformers');
  const tokenizer = await AutoTokenizer.from_pretrained(folder, { local_files_only: true }).catch((error) => {
    throw new ConfigError(`${folder}: its tokenizer cannot be read: ${messageOf(error)}`);
  });
  return (text) => (text === '' ? 0 : tokenizer.encode(text, { add_special_tokens: false }).length);
}
