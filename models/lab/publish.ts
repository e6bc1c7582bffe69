/**
 * Writes the files of this folder from a trained model, `node models/lab/publish.ts <home>/trainings/<id>/0/model`: model.safetensors
 * (F16), and from it the GGUF files. `npm run generate` afterwards.
 */
import { join } from 'node:path';
import { openSafetensors, writeSafetensors } from '../../packages/forge/src/lib/safetensors.ts';
import { writeGgufModel } from '../../packages/forge/src/lib/write-gguf-model.ts';

const [trained] = process.argv.slice(2);
if (trained === undefined) throw new Error('usage: publish.ts <folder of the trained model>');
const lab = import.meta.dirname;
const weights = await openSafetensors(trained);
const tensors = [];
for (const [name, { shape }] of weights.tensors) tensors.push({ name, shape, data: await weights.read(name) });
await weights.close();
await writeSafetensors(join(lab, 'model.safetensors'), tensors, { dtype: 'F16', metadata: { format: 'pt' } });
for (const [file, dtype] of [
  ['lab-world-2m.gguf', 'F16'],
  ['lab-world-2m-q8_0.gguf', 'Q8_0'],
] as const)
  await writeGgufModel({ model: lab, path: join(lab, file), name: 'lab-world-2m', dtype });
