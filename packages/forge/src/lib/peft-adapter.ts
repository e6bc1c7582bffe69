import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { type ModelConfig, matrixShapes, readModelJson } from './model-config.ts';
import { replaceFile } from './replace-file.ts';
import { type NamedTensor, openSafetensors, type Safetensors, writeSafetensors } from './safetensors.ts';

/** The low-rank update of one matrix W [outputs, inputs]: W + scale x B A. Row-major. */
export interface LoraMatrices {
  /** As in the model, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
  /** A, [rank, inputs]. */
  readonly a: Float32Array;
  /** B, [outputs, rank]. */
  readonly b: Float32Array;
}

/** A LoRA adapter (Hu et al. 2021, https://arxiv.org/abs/2106.09685) in the layout of PEFT. */
export interface PeftAdapter {
  /** As the configuration names it: a path, or `hf:owner/repo[@revision]`, which is written as PEFT names a repository. */
  readonly baseModel: string;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly matrices: readonly LoraMatrices[];
}

const prefix = 'base_model.model.';
const lastPart = (module: string) => module.slice(module.lastIndexOf('.') + 1);

/** The keys that every release of PEFT knows; the ones that came later have defaults that mean the same. */
function adapterConfig({ baseModel, rank, alpha, dropout, matrices }: PeftAdapter) {
  const [, repo, revision] = /^hf:([^@]+)(?:@(.+))?$/.exec(baseModel) ?? [];
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: repo ?? baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: revision ?? null,
    target_modules: [...new Set(matrices.map(({ module }) => lastPart(module)))].sort(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
}

/** Writes adapter_config.json and adapter_model.safetensors (F32) as PEFT's save_pretrained does, the weights first. */
export async function writePeftAdapter(folder: string, adapter: PeftAdapter): Promise<void> {
  const { rank, matrices } = adapter;
  const tensors = matrices.flatMap(({ module, inputs, outputs, a, b }): NamedTensor[] => [
    { name: `${prefix}${module}.lora_A.weight`, shape: [rank, inputs], data: a },
    { name: `${prefix}${module}.lora_B.weight`, shape: [outputs, rank], data: b },
  ]);
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors, { dtype: 'F32' });
  const config = `${JSON.stringify(adapterConfig(adapter), undefined, 2)}\n`;
  await replaceFile(join(folder, 'adapter_config.json'), (write) => write(Buffer.from(config)));
}

const absent = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);
const unsupported = [
  'use_dora',
  'use_qalora',
  'lora_bias',
  'fan_in_fan_out',
  'modules_to_save',
  'rank_pattern',
] as const;
const alsoUnsupported = ['alpha_pattern', 'layer_replication', 'target_parameters', 'trainable_token_indices'] as const;
const configSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1).max(65_536),
  lora_alpha: z.number(),
  lora_dropout: z.number().default(0),
  bias: z.literal('none').default('none'),
  use_rslora: z.boolean().nullish(),
});

async function readMatrices(weights: Safetensors, rank: number, path: string): Promise<LoraMatrices[]> {
  const matrices: LoraMatrices[] = [];
  for (const name of [...weights.tensors.keys()].sort()) {
    const [, module, side] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    if (module === undefined) throw new ConfigError(`${path}: tensor ${name}: is no low-rank update of a matrix`);
    if (side === 'B' && weights.tensors.has(`${prefix}${module}.lora_A.weight`)) continue;
    const a = weights.tensors.get(`${prefix}${module}.lora_A.weight`);
    const b = weights.tensors.get(`${prefix}${module}.lora_B.weight`);
    const [rankA, inputs] = a?.shape ?? [];
    const [outputs, rankB] = b?.shape ?? [];
    if (inputs === undefined || outputs === undefined || rankA !== rank || rankB !== rank)
      throw new ConfigError(`${path}: ${module}: needs lora_A [${rank}, inputs] and lora_B [outputs, ${rank}]`);
    matrices.push({
      module,
      inputs,
      outputs,
      a: await weights.read(`${prefix}${module}.lora_A.weight`),
      b: await weights.read(`${prefix}${module}.lora_B.weight`),
    });
  }
  if (matrices.length === 0) throw new ConfigError(`${path}: holds no low-rank update`);
  return matrices;
}

/**
 * Reads an adapter folder that PEFT, TRL or this project wrote. A rank-stabilised adapter (alpha / sqrt(rank)) comes back with
 * the alpha that has the same effect. Throws ConfigError for what cannot be represented: DoRA, whole modules, own ranks.
 */
export async function readPeftAdapter(folder: string): Promise<PeftAdapter> {
  const config = await readModelJson(folder, 'adapter_config.json', configSchema);
  if (config === undefined)
    throw new ConfigError(`${folder}: has no adapter_config.json: must be an adapter in the layout of PEFT`);
  const set = [...unsupported, ...alsoUnsupported].find((key) => !absent(config[key]));
  if (set !== undefined)
    throw new ConfigError(
      `${join(folder, 'adapter_config.json')}: ${set} is set, which is not supported: only plain LoRA is`,
    );
  const path = join(folder, 'adapter_model.safetensors');
  const weights = await openSafetensors(path);
  try {
    return {
      baseModel: config.base_model_name_or_path ?? '',
      rank: config.r,
      alpha: config.use_rslora === true ? config.lora_alpha * Math.sqrt(config.r) : config.lora_alpha,
      dropout: config.lora_dropout,
      matrices: await readMatrices(weights, config.r, path),
    };
  } finally {
    await weights.close();
  }
}

/** Throws ConfigError where a matrix of the adapter is not one of this model. */
export function checkAdapterFits({ matrices }: PeftAdapter, config: ModelConfig): void {
  const shapes = matrixShapes(config);
  for (const { module, outputs, inputs } of matrices) {
    const [, layer, inner = ''] = /^model\.layers\.(\d{1,5})\.(.+)$/.exec(module) ?? [];
    const shape = Object.hasOwn(shapes, inner) ? shapes[inner] : undefined;
    if (shape === undefined || !(Number(layer) < config.layers))
      throw new ConfigError(
        `adapter: ${module}: is none of ${Object.keys(shapes).join(', ')} in ${config.layers} layers of model.layers`,
      );
    if (shape[0] !== outputs || shape[1] !== inputs)
      throw new ConfigError(
        `adapter: ${module} [${outputs}, ${inputs}] does not fit this model, where it is [${shape.join(', ')}]: was it trained on another one?`,
      );
  }
}
