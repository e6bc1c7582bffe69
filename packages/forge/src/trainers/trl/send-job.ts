import { createReadStream } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../errors.ts';
import { contentHash } from '../../lib/canonical-json.ts';
import { learningRateFactor } from '../../lib/learning-rate.ts';
import { plannedRows, plannedSteps } from '../../lib/row-order.ts';
import { readTextLines } from '../../lib/text-lines.ts';
import type { TrainJob } from '../../trainer.ts';
import type { TrainingProcess } from './training-process.ts';

/** See trl/protocol.py. */
const chunkBytes = 3 * 2 ** 20;
const maxRowBytes = 64 * 2 ** 20;
/** Of a model that is sent: a larger one is fetched from the hub by the machine that trains. */
const maxSentBytes = 2 ** 30;

const sources = ['train.py', 'prepare.py', 'training.py', 'rows.py', 'protocol.py'];
const fileHere = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The Python program that runs a job. */
export const trainProgram = fileHere('train.py');
/** The packages that it needs, pinned. */
export const requirementsFile = (name: 'requirements.txt' | 'requirements-4bit.txt') => fileHere(name);

/** A Python one-liner for `exec(input())`: takes the program from the next line, keeps it in a folder until it ends, and runs it. */
const bootstrap =
  'import sys,json,os,tempfile,shutil,atexit; d=tempfile.mkdtemp(prefix="forge-trl-"); atexit.register(shutil.rmtree,d,True); ' +
  '[open(os.path.join(d,n),"w",encoding="utf-8").write(t) for n,t in json.loads(sys.stdin.readline()).items()]; ' +
  'sys.path.insert(0,d); import train; train.main()';

/** What trl/train.py is told besides the job. JSON. */
export interface TrainOptions {
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly quantization: 'none' | '4bit';
  readonly dtype: 'auto' | 'float32' | 'bfloat16' | 'float16';
  readonly precomputeReference: boolean;
  readonly threads: number | null;
}

/** Versions that the trainer is tested with. */
async function pinnedVersions(): Promise<Record<string, string>> {
  const text = await readFile(requirementsFile('requirements.txt'), 'utf8');
  const lines = [...text.matchAll(/^(torch|transformers|trl|peft)==(\S+)$/gm)];
  return Object.fromEntries(lines.map(([, name, version]) => [name, version]));
}

async function modelFor({ model }: TrainJob, remote: boolean) {
  const { path, reference } = model;
  if (!remote) return { path, reference, revision: null };
  const [, hub, revision = null] = /^hf:([^@]+)(?:@(.+))?$/.exec(reference) ?? [];
  return hub === undefined ? { reference, revision } : { hub, reference, revision };
}

async function sendFile(file: string, path: string, process: TrainingProcess): Promise<void> {
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes }))
    await process.send({ type: 'file', path, data: (chunk as Buffer).toString('base64') });
}

async function sendFolder(folder: string, as: string, process: TrainingProcess): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /\.(json|safetensors|model|txt|jinja)$/.test(name)).sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total > maxSentBytes)
    throw new ConfigError(
      `model ${folder}: ${(total / 1e9).toFixed(1)} GB are not sent to another machine (at most ${(maxSentBytes / 1e9).toFixed(1)}); name it as hf:owner/repo, which that machine fetches by itself`,
    );
  for (const name of names) await sendFile(join(folder, name), `${as}/${name}`, process);
}

async function sendRows(file: string, split: 'train' | 'validation', process: TrainingProcess): Promise<void> {
  for await (const { text } of readTextLines(file, maxRowBytes)) {
    if (text.trim() === '') continue;
    if (!(await process.send({ type: 'row', split, row: JSON.parse(text) }))) return;
  }
}

/** Sends everything up to the last row. `remote`: nothing of this machine's disk is there. Throws ConfigError. */
export async function sendJob(job: TrainJob, options: TrainOptions, remote: boolean, to: TrainingProcess) {
  if (remote) {
    const texts = await Promise.all(
      sources.map(async (name) => [name, await readFile(fileHere(name), 'utf8')] as const),
    );
    await to.send(bootstrap);
    await to.send(Object.fromEntries(texts));
  }
  const { folder, settings } = job;
  const model = await modelFor(job, remote);
  await to.send({
    folder: remote ? null : folder,
    // The same job finds its checkpoints again.
    id: contentHash({ host: hostname(), folder, settings, reference: model.reference }).slice(0, 32),
    model,
    settings,
    options,
    pinned: await pinnedVersions(),
  });
  if (remote) {
    if (!('hub' in model)) await sendFolder(job.model.path, 'base-model', to);
    const adapter = join(folder, 'initial-adapter');
    if (
      await access(adapter).then(
        () => true,
        () => false,
      )
    )
      await sendFolder(adapter, 'initial-adapter', to);
  }
  await to.send({ type: 'files-end' });
  await sendRows(job.rows.train, 'train', to);
  if (job.rows.validation !== null) await sendRows(job.rows.validation, 'validation', to);
  await to.send({ type: 'rows-end' });
}

/** Which rows each step has, and its learning rate. `rows`: those that are short enough. */
export function planOf(rows: number, { settings }: TrainJob) {
  const total = plannedSteps(rows, settings);
  return {
    type: 'plan',
    order: [...plannedRows(rows, settings)],
    factors: Array.from({ length: total }, (_, i) => learningRateFactor(i + 1, total, settings.optimizer)),
  };
}
