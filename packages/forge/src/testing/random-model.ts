import { readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matrixShapes, readModelConfig } from '../lib/model-config.ts';
import { type LoraMatrices, writePeftAdapter } from '../lib/peft-adapter.ts';
import { createRandom } from '../lib/random.ts';
import { type NamedTensor, writeSafetensors } from '../lib/safetensors.ts';

const lab = fileURLToPath(new URL('../../../../models/lab', import.meta.url));

const { vocab_size: vocabulary } = JSON.parse(readFileSync(join(lab, 'config.json'), 'utf8')) as { vocab_size: number };

/** config.json of a small model with the lab model's vocabulary; `model_type` is still to be named. */
export const smallShape = {
  vocab_size: vocabulary,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 5000,
  hidden_act: 'silu',
  bos_token_id: 0,
  eos_token_id: 1,
  tie_word_embeddings: false,
};

/** Values around 0 with about this deviation, the same on every machine: additions and multiplications only. */
function randomValues(seed: string, length: number, deviation: number): Float32Array {
  const random = createRandom(seed);
  // Four uniform values: variance 1/3.
  const one = () => random.next() + random.next() + random.next() + random.next() - 2;
  return Float32Array.from({ length }, () => one() * 1.732 * deviation);
}

/**
 * A model folder of this shape with random weights and the lab model's tokenizer: what a reference implementation computes
 * for it can be stored, as the weights are the same everywhere. `config` is a whole config.json with the lab model's vocab_size.
 */
export async function writeRandomModel(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  { biases = [], headNorms = false }: { biases?: readonly string[]; headNorms?: boolean } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) await cp(join(lab, file), join(folder, file));
  const shape = await readModelConfig(folder);
  const tensors: NamedTensor[] = [];
  const put = (name: string, size: readonly number[], middle: number, deviation: number) => {
    const data = randomValues(
      name,
      size.reduce((a, b) => a * b, 1),
      deviation,
    );
    tensors.push({ name, shape: size, data: data.map((value) => value + middle) });
  };
  put('model.embed_tokens.weight', [shape.vocabulary, shape.width], 0, 0.3);
  if (!shape.tied) put('lm_head.weight', [shape.vocabulary, shape.width], 0, 0.3);
  put('model.norm.weight', [shape.width], 1, 0.1);
  for (let layer = 0; layer < shape.layers; layer++) {
    const at = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm'])
      put(`${at}.${norm}.weight`, [shape.width], 1, 0.1);
    for (const [module, [outputs, inputs]] of Object.entries(matrixShapes(shape))) {
      put(`${at}.${module}.weight`, [outputs, inputs], 0, 1.2 / Math.sqrt(inputs));
      if (biases.includes(module)) put(`${at}.${module}.bias`, [outputs], 0, 0.3);
    }
    if (headNorms)
      for (const norm of ['q_norm', 'k_norm']) put(`${at}.self_attn.${norm}.weight`, [shape.headWidth], 1.5, 0.3);
  }
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, { dtype: 'F32' });
}

/** A PEFT adapter with random values for all seven matrices of every layer of a model, large enough to change what it says. */
export async function writeRandomAdapter(folder: string, model: string, rank = 4, alpha = 6): Promise<void> {
  const config = await readModelConfig(model);
  const matrices: LoraMatrices[] = [];
  for (let layer = 0; layer < config.layers; layer++)
    for (const [inner, [outputs, inputs]] of Object.entries(matrixShapes(config))) {
      const module = `model.layers.${layer}.${inner}`;
      const a = randomValues(`${module} A`, rank * inputs, 0.5 / Math.sqrt(inputs));
      matrices.push({ module, inputs, outputs, a, b: randomValues(`${module} B`, outputs * rank, 0.15) });
    }
  await writePeftAdapter(folder, { baseModel: 'models/lab', rank, alpha, dropout: 0, matrices });
}
