import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError, TrainerError } from '../errors.ts';
import { languageObjective } from '../lib/objective-kind.ts';
import { reaching } from '../lib/option-reach.ts';
import type { TrainEvent, Trainer, TrainerParts, TrainJob } from '../trainer.ts';
import type { TrainingSettings } from '../training-settings.ts';
import { managedPython } from './trl/environment.ts';
import type { Message } from './trl/messages.ts';
import { planOf, sendJob, trainProgram } from './trl/send-job.ts';
import { type Program, startTraining, type TrainingProcess, trainingVariables } from './trl/training-process.ts';

const options = z.strictObject({
  python: reaching('program', z.string().min(1))
    .optional()
    .describe(
      'Path of a Python that has the packages of packages/forge/src/trainers/trl/requirements.txt. When left out, an environment with exactly these is made, once.',
    ),
  environment: z
    .enum(['uv', 'venv'])
    .optional()
    .describe('What makes that environment. When left out: uv where it is on PATH, else venv and pip.'),
  command: reaching('program', z.array(z.string().min(1)).min(1).max(100))
    .optional()
    .describe(
      `Trains elsewhere: a command that ends in a Python with the packages, told exec(input()), e.g. [ssh, gpu-box, "venv/bin/python -c 'exec(input())'"]. Program, job, rows and a model that is not of the hub go there, the adapter comes back, over this connection.`,
    ),
  device: z.enum(['auto', 'cpu', 'cuda']).default('auto').describe('auto: the GPU where there is one.'),
  quantization: z
    .enum(['none', '4bit'])
    .default('none')
    .describe('4bit: QLoRA (Dettmers et al. 2023), a 7B model on a GPU of 16 GB; needs an NVIDIA GPU.'),
  dtype: z
    .enum(['auto', 'float32', 'bfloat16', 'float16'])
    .default('auto')
    .describe('Numbers of the frozen model. auto: float32 on the CPU, bfloat16 on a GPU that has it, else float16.'),
  precomputeReference: z
    .boolean()
    .default(true)
    .describe('dpo: the reference model sees each pair once, before the first step, and not at every step.'),
  threads: z.int().min(1).max(1024).optional().describe('Of the CPU; what PyTorch takes when left out.'),
  stopSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(300)
    .describe('Time, when cancelled, to end the step and write its checkpoint.'),
});

type Options = z.infer<typeof options>;

const exitGraceMs = 15_000;
const secondsToMs = 1000;

/** What TRL does not do. Throws ConfigError. */
function refuse({ objective, optimizer, batch, lora }: TrainingSettings, given: Options): void {
  languageObjective(objective, 'trl');
  const problem = (text: string) => new ConfigError(`${text}, or take the trainer native`);
  if (optimizer.name === 'muon') throw problem('optimizer.name: the trainer trl has no muon; set it to adamw');
  if (batch.packTokens !== undefined)
    throw problem('batch.packTokens: the trainer trl does not pack rows; set batch.size');
  if (objective.name === 'pretrain' && lora !== false)
    throw new ConfigError('lora: pretrain starts from random weights, which no adapter mends; set lora: false');
  if (objective.name === 'dpo' && objective.loss === 'ipo' && objective.labelSmoothing > 0)
    throw new ConfigError(
      `objective.labelSmoothing: ${objective.labelSmoothing} is for loss: sigmoid; ipo has none: set it to 0`,
    );
  if (given.quantization === '4bit' && (lora === false || objective.name === 'pretrain'))
    throw new ConfigError('quantization: 4bit trains adapters only; give lora, or set quantization: none');
}

function checkPrograms(given: Options, parts: TrainerParts): void {
  const { python, command } = given;
  if (python !== undefined && command !== undefined)
    throw new ConfigError('python, command: give one of them; command names the Python of the other machine');
  const named = python ?? command?.[0];
  if (named !== undefined && parts.allowPrograms !== true)
    throw new ConfigError(
      `${python === undefined ? 'command' : 'python'}: "${named}" is not started, as trainings come to this server over its API; leave it out, or use forge train, or start the server with --allow-programs`,
    );
}

async function programOf(given: Options, parts: TrainerParts, signal?: AbortSignal): Promise<Program> {
  const place = { folder: parts.baseDir, variables: trainingVariables(parts.env) };
  const [command, ...args] = given.command ?? [];
  if (command !== undefined) return { ...place, command, args };
  const requirements = given.quantization === '4bit' ? 'requirements-4bit.txt' : 'requirements.txt';
  const python = given.python ?? (await managedPython(given.environment, requirements, parts, signal));
  return { ...place, command: python, args: ['-B', '-u', trainProgram] };
}

/** The result's files in pieces, kept beside their place until all are there. */
function receivedResult({ folder, settings }: TrainJob) {
  const name = settings.lora === false ? 'model' : 'adapter';
  const partial = join(folder, `${name}.received`);
  const begun = new Set<string>();
  return {
    async add({ path, data }: Extract<Message, { type: 'file' }>): Promise<void> {
      if (begun.size === 0) {
        await rm(partial, { recursive: true, force: true });
        await mkdir(partial, { recursive: true });
      }
      const [, file = ''] = path.split('/');
      const handle = await open(join(partial, file), begun.has(file) ? 'a' : 'w');
      await handle.writeFile(Buffer.from(data, 'base64')).finally(() => handle.close());
      begun.add(file);
    },
    async keep(): Promise<void> {
      if (begun.size === 0) throw new TrainerError('the training ended without its result; start it again');
      await rm(join(folder, name), { recursive: true, force: true });
      await rename(partial, join(folder, name));
    },
  };
}

/** On abort: asks for a checkpoint once steps are being made, and for the end before; kills after a while. Call the answer at the end. */
function stopOnAbort(process: TrainingProcess, signal: AbortSignal | undefined, graceMs: number): () => void {
  const stop = () => {
    void process.send({ type: 'cancel' });
    void process.end(graceMs);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  return () => signal?.removeEventListener('abort', stop);
}

async function* follow(
  job: TrainJob,
  process: TrainingProcess,
  remote: boolean,
  sending: { error?: unknown },
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent> {
  const result = receivedResult(job);
  const last = { step: 0, checkpoint: 0 };
  const began = performance.now();
  for await (const message of process.messages()) {
    if (message.type === 'rows') {
      if (message.train === 0)
        throw new ConfigError(
          `maxLength: ${job.settings.maxLength} tokens are too few for every training row; raise it`,
        );
      await process.send(planOf(message.train, job));
    } else if (message.type === 'file') await result.add(message);
    else if (message.type === 'error')
      throw new (message.kind === 'config' ? ConfigError : TrainerError)(`trainer trl: ${message.message}`);
    else {
      if (message.type === 'finished' && remote && message.reason !== 'cancelled') {
        await result.keep();
        await process.send({ type: 'received' });
      }
      if (message.type === 'started') last.checkpoint = message.doneSteps;
      if (message.type === 'checkpoint') last.checkpoint = message.step;
      if (message.type === 'step') last.step = message.step;
      yield message as TrainEvent;
      if (message.type === 'finished') return;
    }
  }
  if (sending.error !== undefined) throw sending.error;
  if (signal?.aborted) {
    const wallMs = performance.now() - began;
    yield { type: 'finished', step: last.checkpoint, reason: 'cancelled', wallMs, peakMemoryBytes: 0 };
    return;
  }
  throw new TrainerError(
    `trainer trl: the training process ended after step ${last.step} (${process.ending()}); start the training again: it goes on from the checkpoint of step ${last.checkpoint}`,
  );
}

/** TRL (von Werra et al. 2020, https://github.com/huggingface/trl) with PEFT, in a Python process: here, or by a command on another machine. */
export const definition: Definition<Trainer, TrainerParts, typeof options> = {
  name: 'trl',
  summary: 'TRL and PEFT in Python: large models on a GPU, QLoRA, also on another machine.',
  options,
  create(given, parts) {
    checkPrograms(given, parts);
    const remote = given.command !== undefined;
    const { device, quantization, dtype, precomputeReference, threads = null } = given;
    return {
      name: 'trl',
      async *train(job, signal) {
        refuse(job.settings, given);
        const cancelled = { type: 'finished', step: 0, reason: 'cancelled', wallMs: 0, peakMemoryBytes: 0 } as const;
        let program: Program;
        try {
          program = await programOf(given, parts, signal);
        } catch (error) {
          if (!signal?.aborted) throw error;
          yield cancelled;
          return;
        }
        await mkdir(job.folder, { recursive: true });
        const process = await startTraining(program);
        const release = stopOnAbort(process, signal, given.stopSeconds * secondsToMs);
        const sending: { error?: unknown } = {};
        const options = { device, quantization, dtype, precomputeReference, threads };
        void sendJob(job, options, remote, process).catch((error) => {
          sending.error = error;
          void process.end(0);
        });
        let grace = 0;
        try {
          for await (const event of follow(job, process, remote, sending, signal)) {
            if (event.type === 'finished') grace = exitGraceMs;
            yield event;
          }
        } finally {
          release();
          await process.end(grace);
        }
      },
    };
  },
};
