import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writePeftAdapter } from '../../lib/peft-adapter.ts';
import { writeSafetensors } from '../../lib/safetensors.ts';
import type { TrainJob } from '../../trainer.ts';
import { elementsOf, type Layout } from './parameters.ts';

/** Files of a model folder that a trained model needs as they are. */
const companions = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
];

/** Writes `adapter/` (PEFT) or, where all weights were trained, `model/` (Hugging Face layout, F32) into the job's folder. */
export async function writeResult(job: TrainJob, layout: Layout, weights: Float32Array): Promise<void> {
  const { lora } = job.settings;
  const tensors = layout.parameters.map(({ name, shape, offset }) => ({
    name,
    shape,
    data: weights.slice(offset, offset + elementsOf(shape)),
  }));
  if (lora === false) {
    const folder = join(job.folder, 'model');
    await mkdir(folder, { recursive: true });
    for (const name of companions)
      await copyFile(join(job.model.path, name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    await writeSafetensors(join(folder, 'model.safetensors'), tensors, { dtype: 'F32' });
    return;
  }
  const known = new Map(tensors.map((one) => [one.name, one]));
  const matrices = tensors
    .filter(({ name }) => name.endsWith('.lora_A.weight'))
    .map(({ name, shape, data }) => {
      const other = known.get(name.replace('.lora_A.', '.lora_B.')) as (typeof tensors)[number];
      const module = name.slice('base_model.model.'.length, -'.lora_A.weight'.length);
      return { module, inputs: shape[1] as number, outputs: other.shape[0] as number, a: data, b: other.data };
    });
  const { rank, alpha, dropout } = lora;
  await writePeftAdapter(join(job.folder, 'adapter'), {
    baseModel: job.model.reference,
    rank,
    alpha,
    dropout,
    matrices,
  });
}
