import { availableParallelism } from 'node:os';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import type { Trainer, TrainerParts } from '../trainer.ts';
import { trainInProcess } from './native/process.ts';

const options = z.strictObject({
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe('CPU threads of one operation; the cores of the machine when left out.'),
  device: z
    .enum(['cpu', 'cuda', 'webgpu'])
    .default('cpu')
    .describe('Where operations run; those that a GPU cannot do run on the CPU.'),
});

/** Training in this program: gradients as ONNX graphs (autodiff/), run by ONNX Runtime. No Python. */
export const definition: Definition<Trainer, TrainerParts, typeof options> = {
  name: 'native',
  summary:
    'Llama, Mistral, Qwen 2 and 3 and the like, in float32 on ONNX Runtime: pretrain, sft, dpo, with LoRA or without.',
  options,
  create: ({ threads = availableParallelism(), device }) => ({
    name: 'native',
    train: (job, signal) =>
      trainInProcess(job, { threads, providers: device === 'cpu' ? ['cpu'] : [device, 'cpu'] }, signal),
  }),
};
