import { ConfigError } from '../errors.ts';
import type { ModelConfig } from './model-config.ts';

/** Hugging Face name of a module in a layer to its name in GGUF: constants.py of llama.cpp's gguf package. */
const blockModules: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const outerModules: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};

/** The architecture that llama.cpp runs a model as. */
export const ggufArchitecture = ({ architecture }: ModelConfig) =>
  architecture === 'mistral' ? 'llama' : architecture;

/** `model.layers.0.self_attn.q_proj.weight` to `blk.0.attn_q.weight`. Throws ConfigError for one that llama.cpp has no place for. */
export function ggufTensorName(name: string): string {
  const [, module = '', kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer, inner = ''] = /^model\.layers\.(\d{1,5})\.(.+)$/.exec(module) ?? [];
  const known = layer === undefined ? outerModules : blockModules;
  const key = layer === undefined ? module : inner;
  if (!Object.hasOwn(known, key))
    throw new ConfigError(`tensor ${name}: has no place in a GGUF file of the Llama family`);
  return layer === undefined ? `${known[key]}.${kind}` : `blk.${layer}.${known[key]}.${kind}`;
}

/**
 * Rows in the order of llama.cpp: as `llama` it rotates neighbouring pairs of a head's rows, transformers the two halves.
 * Only query and key rows of that architecture move; `rows` is the first dimension of the values. A wrong order loads fine
 * and generates rubbish.
 */
export function ggufRowOrder(name: string, values: Float32Array, rows: number, config: ModelConfig): Float32Array {
  const [, module] = /self_attn\.([qk])_proj/.exec(name) ?? [];
  if (module === undefined || ggufArchitecture(config) !== 'llama') return values;
  const heads = module === 'q' ? config.heads : config.keyValueHeads;
  const [headRows, columns] = [rows / heads, values.length / rows];
  const half = headRows / 2;
  const ordered = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headRows;
    const target = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    ordered.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return ordered;
}
