import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

/** A JSON file of a model folder; undefined where there is none. Throws ConfigError naming file and key. */
export async function readModelJson<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const path = join(folder, name);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(`${path}: cannot be read (${error.code})`);
  });
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(`${path}: is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ConfigError(`${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
}

const positive = z.int().min(1);
const rope = z.object({
  rope_theta: z.number().gt(0).optional(),
  rope_type: z.string().optional(),
  /** The name before `rope_type`. */
  type: z.string().optional(),
  factor: z.number().gt(0).optional(),
  low_freq_factor: z.number().gt(0).optional(),
  high_freq_factor: z.number().gt(0).optional(),
  original_max_position_embeddings: positive.optional(),
});
const tokenId = z.int().min(0);
const configSchema = z.object({
  model_type: z.string(),
  vocab_size: positive,
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive.max(10_000),
  num_attention_heads: positive,
  num_key_value_heads: positive.nullish(),
  head_dim: positive.nullish(),
  hidden_act: z.string().default('silu'),
  max_position_embeddings: positive,
  rms_norm_eps: z.number().gt(0).default(1e-6),
  rope_theta: z.number().gt(0).optional(),
  rope_scaling: rope.nullish(),
  rope_parameters: rope.nullish(),
  sliding_window: positive.nullish(),
  use_sliding_window: z.boolean().nullish(),
  tie_word_embeddings: z.boolean().optional(),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().optional(),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  pad_token_id: z.int().nullish(),
});

const architectures = ['llama', 'mistral', 'qwen2', 'qwen3'] as const;

/** How positions are scaled, of the kinds that llama.cpp and this project know. */
export type RopeScaling =
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  /** Llama 3.1 and later: long wavelengths are stretched. */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContext: number;
    };

/** The shape of a Llama-family model. */
export interface ModelConfig {
  readonly architecture: (typeof architectures)[number];
  readonly vocabulary: number;
  readonly width: number;
  readonly feedForward: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headWidth: number;
  /** Positions that the model attends over as trained: its sliding window where it has one. */
  readonly context: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling;
  /** The output matrix is the embedding. */
  readonly tied: boolean;
  /** Which projections have biases: q, k and v; o; those of the feed-forward network. */
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** Queries and keys are normalised within each head (Qwen 3). */
  readonly queryKeyNorms: boolean;
  readonly beginToken: number | undefined;
  /** The first of them where the model has several. */
  readonly endToken: number | undefined;
  readonly paddingToken: number | undefined;
}

type RawConfig = z.infer<typeof configSchema>;

function ropeScaling({ rope_parameters, rope_scaling }: RawConfig, path: string): RopeScaling {
  const given = rope_parameters ?? rope_scaling ?? {};
  const type = given.rope_type ?? given.type ?? 'default';
  const needed = (key: 'factor' | 'low_freq_factor' | 'high_freq_factor' | 'original_max_position_embeddings') => {
    const value = given[key];
    if (value === undefined) throw new ConfigError(`${path}: rope scaling ${type} has no ${key}`);
    return value;
  };
  if (type === 'default') return { type };
  if (type === 'linear') return { type, factor: needed('factor') };
  if (type !== 'llama3')
    throw new ConfigError(`${path}: rope scaling ${type} is not supported; default, linear and llama3 are`);
  return {
    type,
    factor: needed('factor'),
    lowFrequencyFactor: needed('low_freq_factor'),
    highFrequencyFactor: needed('high_freq_factor'),
    originalContext: needed('original_max_position_embeddings'),
  };
}

/**
 * config.json of a model folder in the Hugging Face layout, as transformers 4 and 5 write it, missing values as transformers
 * fills them in. Throws ConfigError for a model that is not of the Llama family (llama, mistral, qwen2, qwen3).
 */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, 'config.json');
  const raw = await readModelJson(folder, 'config.json', configSchema);
  if (raw === undefined)
    throw new ConfigError(`${folder}: has no config.json: must be a model in the Hugging Face layout`);
  const architecture = architectures.find((one) => one === raw.model_type);
  if (architecture === undefined)
    throw new ConfigError(`${path}: model_type ${raw.model_type} is not supported; ${architectures.join(', ')} are`);
  if (raw.hidden_act !== 'silu')
    throw new ConfigError(`${path}: hidden_act ${raw.hidden_act} is not supported; silu is`);
  const heads = raw.num_attention_heads;
  const keyValueHeads = raw.num_key_value_heads ?? heads;
  const headWidth = raw.head_dim ?? raw.hidden_size / heads;
  if (!Number.isInteger(headWidth) || headWidth % 2 !== 0 || heads % keyValueHeads !== 0)
    throw new ConfigError(
      `${path}: ${heads} heads, ${keyValueHeads} key-value heads, head width ${headWidth}: do not fit together`,
    );
  // Mistral slides whenever a window is named, Qwen only where it also says so.
  const slides = architecture === 'mistral' || raw.use_sliding_window === true;
  const end = Array.isArray(raw.eos_token_id) ? raw.eos_token_id[0] : raw.eos_token_id;
  const padding = raw.pad_token_id ?? undefined;
  return {
    architecture,
    vocabulary: raw.vocab_size,
    width: raw.hidden_size,
    feedForward: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads,
    keyValueHeads,
    headWidth,
    context: Math.min(raw.max_position_embeddings, (slides && raw.sliding_window) || Number.POSITIVE_INFINITY),
    normEpsilon: raw.rms_norm_eps,
    ropeTheta: raw.rope_parameters?.rope_theta ?? raw.rope_theta ?? 10_000,
    ropeScaling: ropeScaling(raw, path),
    tied: raw.tie_word_embeddings ?? false,
    biases: {
      queryKeyValue: architecture === 'qwen2' || (raw.attention_bias ?? false),
      output: architecture !== 'qwen2' && (raw.attention_bias ?? false),
      feedForward: raw.mlp_bias ?? false,
    },
    queryKeyNorms: architecture === 'qwen3',
    beginToken: raw.bos_token_id ?? undefined,
    endToken: end ?? undefined,
    paddingToken: padding !== undefined && padding >= 0 ? padding : undefined,
  };
}

/** The shape `[outputs, inputs]` of each matrix in a layer. */
export function matrixShapes({
  width,
  heads,
  keyValueHeads,
  headWidth,
  feedForward,
}: ModelConfig): Readonly<Record<string, readonly [outputs: number, inputs: number]>> {
  return {
    'self_attn.q_proj': [heads * headWidth, width],
    'self_attn.k_proj': [keyValueHeads * headWidth, width],
    'self_attn.v_proj': [keyValueHeads * headWidth, width],
    'self_attn.o_proj': [width, heads * headWidth],
    'mlp.gate_proj': [feedForward, width],
    'mlp.up_proj': [feedForward, width],
    'mlp.down_proj': [width, feedForward],
  };
}
