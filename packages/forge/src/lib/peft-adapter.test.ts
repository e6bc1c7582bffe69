import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallShape, writeRandomAdapter, writeRandomModel } from '../testing/random-model.ts';
import { readPeftAdapter, writePeftAdapter } from './peft-adapter.ts';
import { openSafetensors } from './safetensors.ts';
import { writeGgufAdapter } from './write-gguf-adapter.ts';
import { writeGgufModel } from './write-gguf-model.ts';

const lab = fileURLToPath(new URL('../../../../models/lab', import.meta.url));
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-peft-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** save_pretrained of PEFT 0.21 with LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=['q_proj', 'v_proj']). */
const writtenByPeft = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  base_model_name_or_path: 'models/lab',
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 32,
  lora_bias: false,
  lora_dropout: 0.05,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_type: 'LORA',
  peft_version: '0.21.0',
  qalora_group_size: 16,
  r: 16,
  rank_pattern: {},
  revision: null,
  target_modules: ['v_proj', 'q_proj'],
  target_parameters: null,
  task_type: 'CAUSAL_LM',
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
};

describe('the layout of PEFT', () => {
  it('is written as PEFT 0.21 does, and read back', async () => {
    const adapter = join(dir, 'layout');
    await writeRandomAdapter(adapter, lab, 8, 12);
    const config = JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8'));
    // What LoraConfig(r=8, lora_alpha=12, ...).save_pretrained of PEFT 0.21 says for these keys.
    expect(config).toMatchObject({
      base_model_name_or_path: 'models/lab',
      bias: 'none',
      inference_mode: true,
      lora_alpha: 12,
      lora_dropout: 0,
      peft_type: 'LORA',
      r: 8,
      task_type: 'CAUSAL_LM',
    });
    const weights = await openSafetensors(join(adapter, 'adapter_model.safetensors'));
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight';
    expect(weights.tensors.get(name)).toMatchObject({ dtype: 'F32', shape: [192, 8] });
    const back = await readPeftAdapter(adapter);
    expect(back).toMatchObject({ baseModel: 'models/lab', rank: 8, alpha: 12, dropout: 0 });
    expect(back.matrices).toHaveLength(35);
    const q = back.matrices.find(({ module }) => module === 'model.layers.0.self_attn.q_proj');
    expect(q?.b).toEqual(await weights.read(name));
    await weights.close();
    await writePeftAdapter(join(dir, 'hub-base'), { ...back, baseModel: 'hf:owner/repo@v2' });
    expect(JSON.parse(await readFile(join(dir, 'hub-base/adapter_config.json'), 'utf8'))).toMatchObject({
      base_model_name_or_path: 'owner/repo',
      revision: 'v2',
    });
    // Rank-stabilised: alpha / sqrt(rank) in place of alpha / rank.
    await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify({ ...config, use_rslora: true }));
    expect((await readPeftAdapter(adapter)).alpha).toBeCloseTo(12 * Math.sqrt(8), 9);
  });

  it('reads the configuration with every key that PEFT 0.21 writes', async () => {
    const adapter = join(dir, 'layout');
    await writeRandomAdapter(adapter, lab, 16, 32);
    await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify(writtenByPeft));
    const { baseModel, rank, alpha, dropout } = await readPeftAdapter(adapter);
    expect([baseModel, rank, alpha, dropout]).toEqual(['models/lab', 16, 32, 0.05]);
    await expect(readPeftAdapter(lab)).rejects.toThrow('has no adapter_config.json');
  });
});
describe('adapters that are refused', () => {
  it('such of another model, and what is not plain LoRA', async () => {
    const model = join(dir, 'small');
    await writeRandomModel(model, { ...smallShape, model_type: 'llama', num_hidden_layers: 1 });
    const adapter = join(dir, 'other-adapter');
    await writeRandomAdapter(adapter, lab);
    const files = { adapter, model, path: join(dir, 'never.gguf'), name: 'x' };
    await expect(writeGgufAdapter(files)).rejects.toThrow('does not fit this model, where it is [64, 96]');
    await expect(writeGgufModel(files)).rejects.toThrow('does not fit this model');
    const known = await readPeftAdapter(adapter);
    const last = known.matrices.filter(({ module }) => module.includes('layers.4.self_attn.q_proj'));
    await writePeftAdapter(adapter, { ...known, matrices: last });
    await expect(writeGgufAdapter(files)).rejects.toThrow('in 1 layers');
    const config = JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8'));
    for (const [change, message] of [
      [{ use_dora: true }, 'use_dora is set, which is not supported'],
      [{ modules_to_save: ['lm_head'] }, 'modules_to_save is set'],
      [{ rank_pattern: { q_proj: 2 } }, 'rank_pattern is set'],
      [{ bias: 'all' }, 'bias: '],
      [{ peft_type: 'IA3' }, 'peft_type: '],
      [{ r: 8 }, 'needs lora_A [8, inputs] and lora_B [outputs, 8]'],
    ] as const) {
      await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify({ ...config, ...change }));
      await expect(readPeftAdapter(adapter)).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining(message),
      });
    }
  });
});
