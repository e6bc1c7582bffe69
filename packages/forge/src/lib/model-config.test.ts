import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallShape, writeRandomModel } from '../testing/random-model.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';
import { writeGgufModel } from './write-gguf-model.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-config-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('models that are refused', () => {
  const refused = (config: object) =>
    writeRandomModel(join(dir, 'refused'), { ...smallShape, model_type: 'llama', ...config }).then(() =>
      writeGgufModel({ model: join(dir, 'refused'), path: join(dir, 'never.gguf'), name: 'x' }),
    );

  it.each<[string, object, string]>([
    [
      'another family',
      { model_type: 'gpt_neox' },
      'model_type gpt_neox is not supported; llama, mistral, qwen2, qwen3',
    ],
    ['other scaling', { rope_scaling: { type: 'yarn', factor: 4 } }, 'rope scaling yarn is not supported'],
    ['half a scaling', { rope_scaling: { type: 'linear' } }, 'rope scaling linear has no factor'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act gelu is not supported'],
    ['heads that do not divide', { num_attention_heads: 3 }, 'do not fit together'],
    ['a negative size', { hidden_size: -1 }, 'hidden_size: '],
  ])('%s', async (_what, config, message) => {
    await expect(refused(config)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(message),
    });
  });

  it('weights that are not what the configuration says', async () => {
    const model = join(dir, 'mismatch');
    await writeRandomModel(model, { ...smallShape, model_type: 'llama' });
    const write = () => writeGgufModel({ model, path: join(dir, 'never.gguf'), name: 'x' });
    await writeFile(
      join(model, 'config.json'),
      JSON.stringify({ ...smallShape, model_type: 'llama', intermediate_size: 97 }),
    );
    await expect(write()).rejects.toThrow('mlp.gate_proj.weight: is [96, 64]; config.json says [97, 64]');
    await writeFile(
      join(model, 'config.json'),
      JSON.stringify({ ...smallShape, model_type: 'llama', num_hidden_layers: 4 }),
    );
    await expect(write()).rejects.toThrow('model.layers.3.self_attn.q_proj.weight: is missing');
    await writeFile(join(model, 'config.json'), JSON.stringify({ ...smallShape, model_type: 'llama' }));
    const weights = await openSafetensors(model);
    const tensors = await Promise.all(
      [...weights.tensors].map(async ([name, { shape }]) => ({ name, shape, data: await weights.read(name) })),
    );
    await weights.close();
    const extra = { name: 'model.layers.0.self_attn.sinks.weight', shape: [1], data: Float32Array.of(1) };
    await writeSafetensors(join(model, 'model.safetensors'), [...tensors, extra], { dtype: 'F32' });
    await expect(write()).rejects.toThrow('sinks.weight: has no place in a GGUF file');
  });
});
