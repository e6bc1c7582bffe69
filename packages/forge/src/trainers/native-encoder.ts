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
});

const entry = new URL('./native-encoder/child.ts', import.meta.url);

/** As the trainer native, for text encoders. The result is a folder that transformers.js loads. */
export const definition: Definition<Trainer, TrainerParts, typeof options> = {
  name: 'native-encoder',
  summary: 'Small text encoders, in float32 on ONNX Runtime: contrastive, listwise, classification.',
  options,
  create: ({ threads = availableParallelism() }) => ({
    name: 'native-encoder',
    train: (job, signal) => trainInProcess(job, { threads, providers: ['cpu'] }, signal, entry),
  }),
};
