import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../errors.ts';

/** What a model of the Llama family is made of. Sizes in elements. */
export interface ModelShape {
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly feedForward: number;
  readonly normEpsilon: number;
  /** Positions that the model was made for. */
  readonly context: number;
  /** Tokens back that attention reaches; Infinity for all. */
  readonly window: number;
  readonly tiedEmbeddings: boolean;
  /** Biases of the projections: q, k, v; o; and of the feed-forward network. */
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** RMS norms of queries and keys within each head (Qwen 3). */
  readonly queryKeyNorms: boolean;
  /** One angle per position for each pair of a head: [headSize / 2]. */
  readonly inverseFrequencies: readonly number[];
}

const ropeScaling = z
  .looseObject({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().optional(),
    factor: z.number().optional(),
    low_freq_factor: z.number().optional(),
    high_freq_factor: z.number().optional(),
    original_max_position_embeddings: z.number().optional(),
  })
  .nullish();

const size = z.int().min(1).max(1e9);

const configSchema = z.looseObject({
  model_type: z.string(),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.string(),
  max_position_embeddings: size,
  rms_norm_eps: z.number(),
  rope_theta: z.number().nullish(),
  rope_scaling: ropeScaling,
  rope_parameters: ropeScaling,
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  sliding_window: size.nullish(),
  use_sliding_window: z.boolean().nullish(),
});

type Config = z.infer<typeof configSchema>;

const families = ['llama', 'mistral', 'qwen2', 'qwen3'];

/** As transformers computes them (modeling_rope_utils.py): default, linear and llama3. */
function inverseFrequencies(config: Config, headSize: number, refuse: (text: string) => never): number[] {
  const scaling = { ...config.rope_scaling, ...config.rope_parameters };
  const theta = scaling.rope_theta ?? config.rope_theta ?? 10_000;
  const plain = Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  const kind = scaling.rope_type ?? scaling.type ?? 'default';
  const { factor = 1 } = scaling;
  if (kind === 'default') return plain;
  if (kind === 'linear') return plain.map((frequency) => frequency / factor);
  if (kind !== 'llama3')
    return refuse(`rope_scaling of type "${kind}" is not known here: default, linear and llama3 are`);
  const {
    low_freq_factor: low = 1,
    high_freq_factor: high = 4,
    original_max_position_embeddings: old = 8192,
  } = scaling;
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < old / high) return frequency;
    if (wavelength > old / low) return frequency / factor;
    const smooth = (old / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** Reads config.json of a model folder. Throws ConfigError where the model is not of the Llama family. */
export async function readModelShape(folder: string, label: string): Promise<ModelShape> {
  const refuse = (text: string): never => {
    throw new ConfigError(`model ${label}: ${text}`);
  };
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch((error: NodeJS.ErrnoException) =>
    refuse(
      error.code === 'ENOENT'
        ? 'has no config.json: name a folder in the Hugging Face layout (config.json, model.safetensors, tokenizer.json)'
        : `config.json cannot be read (${error.code})`,
    ),
  );
  let parsed: ReturnType<typeof configSchema.safeParse>;
  try {
    parsed = configSchema.safeParse(JSON.parse(text));
  } catch {
    return refuse('config.json is not JSON');
  }
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(`config.json: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const config = parsed.data;
  if (!families.includes(config.model_type))
    refuse(
      `model_type "${config.model_type}" is not trained here (${families.join(', ')} are); trainer trl may know it`,
    );
  if (config.hidden_act !== 'silu') refuse(`hidden_act "${config.hidden_act}" is not known here: silu is`);
  const { hidden_size: width, num_attention_heads: heads } = config;
  const headSize = config.head_dim ?? width / heads;
  const keyValueHeads = config.num_key_value_heads ?? heads;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) refuse(`heads of ${headSize} are not possible`);
  if (heads % keyValueHeads !== 0) refuse(`${heads} heads cannot share ${keyValueHeads} key-value heads`);
  const qwen2 = config.model_type === 'qwen2';
  const slides = config.model_type === 'mistral' || config.use_sliding_window === true;
  return {
    vocabulary: config.vocab_size,
    width,
    layers: config.num_hidden_layers,
    heads,
    keyValueHeads,
    headSize,
    feedForward: config.intermediate_size,
    normEpsilon: config.rms_norm_eps,
    context: config.max_position_embeddings,
    window: slides ? (config.sliding_window ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    tiedEmbeddings: config.tie_word_embeddings,
    biases: {
      queryKeyValue: qwen2 || config.attention_bias,
      output: !qwen2 && config.attention_bias,
      feedForward: config.mlp_bias,
    },
    queryKeyNorms: config.model_type === 'qwen3',
    inverseFrequencies: inverseFrequencies(config, headSize, refuse),
  };
}
