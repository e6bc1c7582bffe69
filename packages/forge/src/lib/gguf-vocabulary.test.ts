import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readGgufFileInfo } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withCpuEngine } from '../testing/cpu-engine.ts';
import { smallShape, writeRandomModel } from '../testing/random-model.ts';
import { writeGgufModel } from './write-gguf-model.ts';

const lab = fileURLToPath(new URL('../../../../models/lab', import.meta.url));
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-vocabulary-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('tokenizers', () => {
  const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
  const remainder = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
  const bytes = (use_regex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex });
  const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers });
  const split = (numbers: string) => ({
    type: 'Split',
    pattern: { Regex: `${contractions}${numbers}${remainder}` },
    behavior: 'Isolated',
    invert: false,
  });
  const text =
    "Vera's  12345 books,\n\n   don't WE'LL x=7+8; Zürich (1999)!!\r\n\tUrban sells 3.50 [Judith] \u4e1c\u4eac  ok  ";

  /** The first id that the lab model's tokens leave. */
  const next = smallShape.vocab_size;

  /** The lab model with another tokenizer; further merges make visible where numbers and contractions are cut. */
  async function withTokenizer(name: string, change: (tokenizer: { model: object }) => object): Promise<string> {
    const folder = join(dir, `tokenizer-${name}`);
    await writeRandomModel(folder, { ...smallShape, model_type: 'llama', vocab_size: next + 10 });
    const tokenizer = JSON.parse(await readFile(join(lab, 'tokenizer.json'), 'utf8'));
    const added = { 12: next, 123: next + 1, 45: next + 2, "'L": next + 3, ['__proto__']: next + 4 };
    Object.defineProperty(tokenizer.model.vocab, '__proto__', { value: next + 4, enumerable: true });
    for (const [token, id] of Object.entries(added)) if (token !== '__proto__') tokenizer.model.vocab[token] = id;
    tokenizer.model.merges.push(['1', '2'], ['12', '3'], '4 5', ["'", 'L']);
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ ...tokenizer, ...change(tokenizer) }));
    return folder;
  }

  // tokenizers 0.23: [t.decode([id]) for id in t.encode(text).ids], with | between
  const tail = '.|5|0| [|Judith|]| |\ufffd|\ufffd|\ufffd|\ufffd|\ufffd|\ufffd| | o|k| | ';
  const middle = `L| |x|=|7|+|8|;| Z|\ufffd|\ufffd|ri|ch| |(|1|9|9|9|)|!|!|\r|\n|\t|Urban| sells`;
  it.each([
    ['llama-bpe', sequence(split('\\p{N}{1,3}'), bytes(false)), true, [' |123|45', ' |3'], "'L"],
    ['qwen2', sequence(split('\\p{N}'), bytes(false)), false, [' |1|2|3|4|5', ' |3'], "'L"],
    [
      'smollm',
      sequence({ type: 'Digits', individual_digits: true }, bytes(true)),
      false,
      [' |1|2|3|4|5', ' |3'],
      "'|L",
    ],
    ['gpt-2', bytes(true), false, [' 12|3|45', ' 3'], "'|L"],
  ])('%s cuts text as its original', async (name, pre_tokenizer, ignore_merges, [whole, fraction], contraction) => {
    const model = await withTokenizer(name, ({ model: bpe }) => ({
      pre_tokenizer,
      model: { ...bpe, ignore_merges },
    }));
    const path = join(dir, `${name}.gguf`);
    await writeGgufModel({ model, path, name });
    const golden = `Vera|'s| |${whole}| books|,|\n|\n| | | don|'|t| W|E|${contraction}|${middle}|${fraction}|${tail}`;
    const found = await withCpuEngine(dir, { model: path }, async (engine) =>
      engine.score?.({ prompt: '', continuation: text }),
    );
    expect(found?.tokens.join('|')).toBe(golden);
    const { metadata } = await readGgufFileInfo(path);
    expect(metadata).toMatchObject({ tokenizer: { ggml: { pre: name } } });
    const { tokens, token_type } = (metadata as unknown as { tokenizer: { ggml: Record<string, unknown[]> } }).tokenizer
      .ggml;
    expect(tokens?.slice(next + 3, next + 6)).toEqual(["'L", '__proto__', `[PAD${next + 5}]`]);
    expect(token_type?.slice(next + 3, next + 6)).toEqual([1, 1, 5]);
  });

  it.each<[string, object, string]>([
    ['another way to cut', { pre_tokenizer: { type: 'Whitespace' } }, 'pre_tokenizer {"type":"Whitespace"}'],
    [
      'a way that nearly is one',
      { pre_tokenizer: sequence(split('\\p{N}{1,2}'), bytes(false)) },
      'pre_tokenizer split',
    ],
    ['a prefix space', { pre_tokenizer: { ...bytes(true), add_prefix_space: true } }, '"add_prefix_space":true'],
    ['lower case', { normalizer: { type: 'Lowercase' } }, 'normalizer Lowercase'],
    ['SentencePiece', { model: { type: 'BPE', vocab: {}, merges: [], byte_fallback: true } }, 'SentencePiece'],
    ['unigrams', { model: { type: 'Unigram', vocab: {}, merges: [] } }, 'the tokenizer is Unigram'],
    ['merges ignored', { model: { vocab: {}, merges: [], ignore_merges: true } }, 'ignore_merges true'],
    ['tokens beyond the vocabulary', { added_tokens: [{ id: next + 10, content: '<x>' }] }, `is number ${next + 10}`],
    ['no vocabulary', { model: { merges: [] } }, 'model.vocab: must map each token'],
  ])('refuses %s', async (_what, change, message) => {
    const model = await withTokenizer('refused', () => change);
    await expect(writeGgufModel({ model, path: join(dir, 'never.gguf'), name: 'x' })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(message),
    });
  });

  it('begins a text with the begin token where configuration or template say so', async () => {
    const model = await withTokenizer('begin', () => ({}));
    const path = join(dir, 'begin.gguf');
    const begins = async (settings: object, tokenizer: object = {}) => {
      const whole = JSON.parse(await readFile(join(model, 'tokenizer.json'), 'utf8'));
      await writeFile(join(model, 'tokenizer.json'), JSON.stringify({ ...whole, ...tokenizer }));
      await writeFile(join(model, 'tokenizer_config.json'), JSON.stringify({ bos_token: '<|begin|>', ...settings }));
      await writeGgufModel({ model, path, name: 'begin' });
      const { tokenizer: written } = (await readGgufFileInfo(path)).metadata as never;
      return written as { ggml: Record<string, unknown>; chat_template?: string };
    };
    const template = (single: unknown[]) => ({
      post_processor: processors({ type: 'ByteLevel' }, { type: 'TemplateProcessing', single }),
    });
    const processors = (...all: unknown[]) => ({ type: 'Sequence', processors: all });
    const special = { SpecialToken: { id: '<|begin|>', type_id: 0 } };
    const whole = { Sequence: { id: 'A', type_id: 0 } };
    expect(await begins({})).toMatchObject({ ggml: { add_bos_token: false, bos_token_id: 0, eos_token_id: 1 } });
    expect(await begins({}, template([special, whole]))).toMatchObject({ ggml: { add_bos_token: true } });
    expect(await begins({ add_bos_token: false })).toMatchObject({ ggml: { add_bos_token: false } });
    expect(await begins({}, template([whole, special]))).toMatchObject({ ggml: { add_bos_token: false } });
    const other = { eos_token: { content: '!' }, pad_token: '<|end|>', chat_template: '{{ messages }}' };
    expect(await begins({ ...other, add_bos_token: true })).toMatchObject({
      ggml: { add_bos_token: true, eos_token_id: 2, padding_token_id: 1 },
      chat_template: '{{ messages }}',
    });
  });
});
