import { createRequire } from 'node:module';
import { ConfigError, messageOf, TrainerError } from '../../errors.ts';
import type { TrainJob } from '../../trainer.ts';
import type { ChildAnswer, ChildRequest, TrainOptions } from './protocol.ts';

const version = (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;

/** Resolves when it is on its way: nothing is lost when the process ends. */
const send = (answer: ChildAnswer) => new Promise<void>((resolve) => process.send?.(answer, () => resolve()));

/**
 * Makes this process one that trains what it is told by its parent: ONNX Runtime computes on the thread that calls it, and a
 * crash of it must not end the caller.
 */
export function serveTraining(trainModel: (job: TrainJob, options: TrainOptions) => Promise<void>): void {
  let stopped = false;

  async function train({ job, options }: Extract<ChildRequest, { type: 'train' }>): Promise<void> {
    const { threads, providers } = options;
    const environment = { onnxruntime: version, node: process.version, threads, device: providers.join(', ') };
    try {
      await trainModel(job, {
        ...options,
        environment,
        stopped: () => stopped,
        emit: (event) => void send({ type: 'event', event }),
      });
    } catch (error) {
      const kind = error instanceof ConfigError ? 'config' : error instanceof TrainerError ? 'training' : 'unexpected';
      const message =
        kind === 'unexpected' && error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
      await send({ type: 'failed', kind, message });
    }
    process.disconnect();
  }

  process.on('message', (request: ChildRequest) => {
    if (request.type === 'stop') stopped = true;
    else void train(request);
  });
  // Ctrl-C in a terminal reaches all processes: who started this one decides.
  process.on('SIGINT', () => {});
}
