import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { GgufMetadata } from './gguf-writer.ts';
import { type ModelConfig, readModelJson } from './model-config.ts';

const isTokenId = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const addedToken = z.object({ id: z.int().min(0), content: z.string(), special: z.boolean().default(false) });
const tokenizerSchema = z.object({
  added_tokens: z.array(addedToken).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
  model: z.object({
    type: z.string().optional(),
    // As it is: a record of zod leaves out the word __proto__, which is a token like others.
    vocab: z.custom<Record<string, number>>(
      (value) => typeof value === 'object' && value !== null && Object.values(value).every((id) => isTokenId(id)),
      'must map each token to its number',
    ),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
  }),
});
const tokenText = z.union([z.string(), z.object({ content: z.string() })]).nullish();
const settingsSchema = z.object({
  add_bos_token: z.boolean().nullish(),
  add_eos_token: z.boolean().nullish(),
  bos_token: tokenText,
  eos_token: tokenText,
  pad_token: tokenText,
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});
type Tokenizer = z.infer<typeof tokenizerSchema>;
type Settings = z.infer<typeof settingsSchema>;

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
const remainder = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const splitThenBytes = (pattern: string) => `split ${pattern} > bytes`;
/** How a tokenizer cuts text before it merges, and what llama.cpp calls it (llama-vocab.cpp; the same expressions there). */
const preTokenizers = [
  { name: 'llama-bpe', steps: splitThenBytes(`${contractions}\\p{N}{1,3}${remainder}`), ignoreMerges: true },
  { name: 'qwen2', steps: splitThenBytes(`${contractions}\\p{N}${remainder}`), ignoreMerges: false },
  { name: 'smollm', steps: 'digits > words and bytes', ignoreMerges: false },
  { name: 'gpt-2', steps: 'words and bytes', ignoreMerges: false },
] as const;

const stepSchema = z.object({
  type: z.string(),
  pretokenizers: z.array(z.unknown()).optional(),
  pattern: z.object({ Regex: z.string() }).optional(),
  behavior: z.string().optional(),
  invert: z.boolean().optional(),
  add_prefix_space: z.boolean().optional(),
  use_regex: z.boolean().optional(),
  individual_digits: z.boolean().optional(),
});

/** A pre-tokenizer in the words of `preTokenizers`; whatever else it holds stays visible, so that it matches none. */
function describeSteps(value: unknown): string {
  const { data: step } = stepSchema.safeParse(value);
  if (step === undefined) return 'none';
  if (step.type === 'Sequence') return (step.pretokenizers ?? []).map(describeSteps).join(' > ');
  if (step.type === 'Split' && step.behavior === 'Isolated' && step.invert !== true)
    return `split ${step.pattern?.Regex}`;
  if (step.type === 'Digits' && step.individual_digits === true) return 'digits';
  if (step.type === 'ByteLevel' && step.add_prefix_space === false)
    return step.use_regex === false ? 'bytes' : 'words and bytes';
  return JSON.stringify(value);
}

function preTokenizerName({ pre_tokenizer, normalizer, model }: Tokenizer, path: string): string {
  const unknown = (what: string) =>
    new ConfigError(
      `${path}: ${what}: writing GGUF knows byte-level BPE that cuts text as ${preTokenizers.map(({ name }) => name).join(', ')} do; take the published GGUF of this model, an adapter can be written for it`,
    );
  if (model.type !== undefined && model.type !== 'BPE') throw unknown(`the tokenizer is ${model.type}`);
  if (model.byte_fallback === true) throw unknown('the tokenizer is BPE over characters (SentencePiece)');
  // llama.cpp does not normalise; NFC, which Qwen names, leaves text alone that is composed already.
  const { data: normal } = z.object({ type: z.string() }).safeParse(normalizer);
  if (normal !== undefined && normal.type !== 'NFC') throw unknown(`normalizer ${normal.type}`);
  const steps = describeSteps(pre_tokenizer);
  const known = preTokenizers.find((one) => one.steps === steps);
  if (known === undefined) throw unknown(`pre_tokenizer ${steps.slice(0, 200)}`);
  if (known.ignoreMerges !== (model.ignore_merges ?? false))
    throw unknown(`ignore_merges ${model.ignore_merges ?? false} with the pre_tokenizer of ${known.name}`);
  return known.name;
}

/** `token_type` of llama.cpp. */
const types = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;
/** As convert_hf_to_gguf.py: such tokens are for control whatever the file says. */
const looksLikeControl = (token: string) => /^<\|.*\|>$|^<｜.*｜>$|^<(pad|mask)>$/s.test(token);

function tokenList({ model, added_tokens }: Tokenizer, size: number, path: string) {
  const tokens: (string | undefined)[] = Array.from({ length: size });
  const tokenTypes: number[] = Array.from({ length: size }, () => types.unused);
  const put = (token: string, id: number, type: number) => {
    if (id >= size)
      throw new ConfigError(
        `${path}: token ${JSON.stringify(token)} is number ${id}, config.json's vocab_size ${size}`,
      );
    tokens[id] = token;
    tokenTypes[id] = type;
  };
  for (const [token, id] of Object.entries(model.vocab)) put(token, id, types.normal);
  for (const { id, content, special } of added_tokens)
    put(content, id, special || looksLikeControl(content) ? types.control : types.userDefined);
  return { tokens: tokens.map((token, id) => token ?? `[PAD${id}]`), tokenTypes };
}

const postSchema = z.object({
  type: z.string(),
  processors: z.array(z.unknown()).optional(),
  single: z.array(z.record(z.string(), z.unknown())).optional(),
});

/** Whether the post-processor puts a special token before the text. */
function templateStarts(postProcessor: unknown): boolean {
  const { data } = postSchema.safeParse(postProcessor);
  if (data?.type === 'Sequence') return (data.processors ?? []).some(templateStarts);
  return data?.type === 'TemplateProcessing' && Object.hasOwn(data.single?.[0] ?? {}, 'SpecialToken');
}

async function chatTemplate(folder: string, { chat_template: given }: Settings): Promise<string | undefined> {
  if (typeof given === 'string') return given;
  const named = given?.find(({ name }) => name === 'default')?.template;
  return named ?? (await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => undefined));
}

/**
 * The `tokenizer.ggml.*` metadata of a model folder with a byte-level BPE tokenizer.json. A text begins with the begin token
 * where tokenizer_config.json says `add_bos_token` or the tokenizer's template does. Throws ConfigError for a tokenizer that
 * llama.cpp would run differently.
 */
export async function readGgufVocabulary(folder: string, config: ModelConfig): Promise<GgufMetadata> {
  const path = join(folder, 'tokenizer.json');
  const tokenizer = await readModelJson(folder, 'tokenizer.json', tokenizerSchema);
  if (tokenizer === undefined) throw new ConfigError(`${folder}: has no tokenizer.json, which writing GGUF needs`);
  const settings = (await readModelJson(folder, 'tokenizer_config.json', settingsSchema)) ?? {};
  const pre = preTokenizerName(tokenizer, path);
  const { tokens, tokenTypes } = tokenList(tokenizer, config.vocabulary, path);
  const idOf = (token: z.infer<typeof tokenText>, otherwise: number | undefined) => {
    if (token === null || token === undefined) return otherwise;
    const id = tokens.indexOf(typeof token === 'string' ? token : token.content);
    return id === -1 ? otherwise : id;
  };
  const begin = idOf(settings.bos_token, config.beginToken);
  const end = idOf(settings.eos_token, config.endToken);
  if (end === undefined)
    throw new ConfigError(`${folder}: neither tokenizer_config.json nor config.json names an end token`);
  const padding = idOf(settings.pad_token, config.paddingToken);
  const template = await chatTemplate(folder, settings);
  const starts = settings.add_bos_token ?? templateStarts(tokenizer.post_processor);
  return {
    'tokenizer.ggml.model': ['string', 'gpt2'],
    'tokenizer.ggml.pre': ['string', pre],
    'tokenizer.ggml.tokens': ['strings', tokens],
    'tokenizer.ggml.token_type': ['i32s', tokenTypes],
    'tokenizer.ggml.merges': [
      'strings',
      tokenizer.model.merges.map((pair) => (typeof pair === 'string' ? pair : pair.join(' '))),
    ],
    ...(begin === undefined ? {} : { 'tokenizer.ggml.bos_token_id': ['u32', begin] }),
    'tokenizer.ggml.eos_token_id': ['u32', end],
    ...(padding === undefined ? {} : { 'tokenizer.ggml.padding_token_id': ['u32', padding] }),
    'tokenizer.ggml.add_bos_token': ['bool', starts && begin !== undefined],
    'tokenizer.ggml.add_eos_token': ['bool', settings.add_eos_token ?? false],
    ...(template === undefined ? {} : { 'tokenizer.chat_template': ['string', template] }),
  };
}
