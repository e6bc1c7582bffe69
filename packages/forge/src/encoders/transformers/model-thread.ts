import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Piscina } from 'piscina';
import { z } from 'zod';
import type { Surroundings } from '../../definition.ts';
import { ConfigError, messageOf } from '../../errors.ts';
import { fileDigest } from '../../lib/file-digest.ts';
import { downloadHubFile, hubRevision, listHubFiles } from '../../lib/hub.ts';
import { mapConcurrent } from '../../lib/map-concurrent.ts';
import { reaching } from '../../lib/option-reach.ts';
import { refusePickle } from '../../lib/pickle.ts';
import type { WorkerModel } from './worker.ts';

/** Options of every model that transformers.js loads. */
export const modelOptions = {
  dtype: z.enum(['fp32', 'fp16', 'q8']).default('fp32').describe('Which of the model’s ONNX files: its precision.'),
  threads: z.int().min(1).max(64).default(1).describe('Threads of ONNX Runtime in one operation.'),
  workers: z
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe('Threads with a copy of the model each, for batches at the same time.'),
  batch: z.int().min(1).max(1024).default(32).describe('Texts in one call of the model.'),
  maxTokens: z
    .int()
    .min(8)
    .max(8192)
    .optional()
    .describe('Longer texts are cut off; the model’s own limit when left out.'),
};

/** The option that names an encoder's model, with its default. */
export const modelOption = (usual: string) =>
  reaching('model', z.string().min(1))
    .default(usual)
    .describe('A folder with config.json, tokenizer.json and onnx/, or owner/repo[@revision] of the hub.');

export interface ModelSettings {
  readonly model: string;
  readonly dtype: WorkerModel['dtype'];
  readonly threads: number;
  readonly workers: number;
  readonly batch: number;
  readonly maxTokens?: number | undefined;
  readonly pooling?: WorkerModel['pooling'];
}

/** A model on threads of its own. */
export interface ModelThread {
  readonly fingerprint: string;
  readonly dimension: number;
  readonly maxTokens: number;
  readonly labels: Readonly<Record<string, string>>;
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
  classify(pairs: readonly (readonly [string, string])[], signal?: AbortSignal): Promise<number[][]>;
  countTokens(texts: readonly string[]): Promise<number[]>;
  close(): Promise<void>;
}

/** No batch takes so long. */
const closeTimeoutMs = 600_000;

const onnxFiles = { fp32: 'model.onnx', fp16: 'model_fp16.onnx', q8: 'model_quantized.onnx' };

/** What transformers.js reads of a repository, besides the model itself. */
const smallFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];

/** The files of a hub repository, fetched where they are not here yet. Returns their folder. */
async function fetchModel(repo: string, revision: string, onnxFile: string, s: Surroundings): Promise<string> {
  const ref = { kind: 'model', repo, revision: await hubRevision({ kind: 'model', repo, revision }, s) } as const;
  const there = (await listHubFiles(ref, s)).map(({ path }) => path);
  const weights = there.filter((path) => path === onnxFile || path.startsWith(`${onnxFile}_data`));
  if (!weights.includes(onnxFile)) {
    const known = there.filter((path) => path.endsWith('.onnx')).slice(0, 20);
    throw new ConfigError(`has no ${onnxFile}; ONNX files there: ${known.join(', ') || 'none'}`);
  }
  for (const file of [...smallFiles.filter((one) => there.includes(one)), ...weights.slice(1)]) {
    await downloadHubFile(ref, file, s);
  }
  return (await downloadHubFile(ref, onnxFile, s)).slice(0, -onnxFile.length - 1);
}

/** The model's folder, and what tells it from every other model. */
async function locate({ model, dtype }: ModelSettings, s: Surroundings): Promise<{ folder: string; digest: string }> {
  const onnxFile = `onnx/${onnxFiles[dtype]}`;
  let folder = resolve(s.baseDir, model);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    const [, repo, revision = 'main'] = /^(\w[\w.-]*\/\w[\w.-]*?)(?:@([\w./-]+))?$/.exec(model) ?? [];
    if (repo === undefined || revision.includes('..')) {
      throw new ConfigError(`model ${model}: no such folder, and not owner/repo[@revision] of the hub`);
    }
    folder = await fetchModel(repo, revision, onnxFile, s).catch((error) => {
      throw new ConfigError(`model ${model}: no such folder here, and not to be had from the hub: ${messageOf(error)}`);
    });
  }
  const digest = await fileDigest(join(folder, onnxFile), s).catch(() => {
    throw new ConfigError(`model ${model}: has no ${onnxFile}`);
  });
  await refusePickle(join(folder, onnxFile), `model ${model}: ${onnxFile}`);
  return { folder, digest };
}

async function unlessAborted<T>(working: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return working;
  const aborted = Promise.withResolvers<never>();
  const leave = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([working, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/**
 * One thread. It is never ended while ONNX Runtime computes on it, nor while the library is loaded on it: that would take the whole
 * process down (`terminate called after throwing an instance of 'Napi::Error'`). Hence no abort signal, and `close` waits for
 * what was begun.
 */
function createThread(workerModel: WorkerModel) {
  const pool = new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    workerData: { workerModel },
    minThreads: 1,
    maxThreads: 1,
    closeTimeout: closeTimeoutMs,
  });
  let underWay = 0;
  return {
    underWay: () => underWay,
    async run(name: string, task?: unknown): Promise<unknown> {
      underWay++;
      try {
        return await pool.run(task, { name });
      } finally {
        underWay--;
      }
    },
    close: () => pool.close(),
  };
}

interface Batches<Item, Result> {
  readonly size: number;
  /** Batches under way at the same time. */
  readonly atOnce: number;
  readonly signal: AbortSignal | undefined;
  lengthOf(item: Item): number;
  run(batch: Item[]): Promise<Result[]>;
}

/**
 * Splits into batches of like length, so that little of a batch is padding; results come back in the order given. After an abort
 * no batch is begun, and those under way end unseen.
 */
async function inBatches<Item, Result>(
  items: readonly Item[],
  { size, atOnce, signal, lengthOf, run }: Batches<Item, Result>,
): Promise<Result[]> {
  const order = items.map((_, i) => i).sort((a, b) => lengthOf(items[a] as Item) - lengthOf(items[b] as Item));
  const results = new Array<Result>(items.length);
  async function* batches() {
    for (let from = 0; from < order.length; from += size) yield order.slice(from, from + size);
  }
  const done = mapConcurrent(batches(), atOnce, async (batch) => {
    signal?.throwIfAborted();
    const answers = await unlessAborted(run(batch.map((i) => items[i] as Item)), signal);
    for (const [k, i] of batch.entries()) results[i] = answers[k] as Result;
  });
  for await (const _ of done);
  return results;
}

/** Loads a model. Throws ConfigError where it is not there or cannot be read. */
export async function openModelThread(
  task: WorkerModel['task'],
  settings: ModelSettings,
  s: Surroundings,
): Promise<ModelThread> {
  const { folder, digest } = await locate(settings, s);
  const { dtype, threads, pooling = 'mean', batch: size } = settings;
  const workerModel: WorkerModel = {
    task,
    folder,
    dtype,
    threads,
    pooling,
  };
  const threadsOfModel = Array.from({ length: settings.workers }, () => createThread(workerModel));
  // Counting must not wait behind batches that the model works on.
  let tokenizer: ReturnType<typeof createThread> | undefined;
  const close = async () => {
    await Promise.all([...threadsOfModel, ...(tokenizer === undefined ? [] : [tokenizer])].map((one) => one.close()));
  };
  type Description = { dimension: number; maxTokens: number; labels: Record<string, string> };
  let described: Description;
  try {
    // All of them load now: none is still at it when it is closed, and none when something is measured.
    [described] = (await Promise.all(threadsOfModel.map((one) => one.run('describe')))) as [Description];
  } catch (error) {
    await close();
    throw new ConfigError(`model ${settings.model}: cannot be loaded (${messageOf(error).slice(0, 300)})`);
  }
  const maxTokens = Math.min(settings.maxTokens ?? described.maxTokens, described.maxTokens);
  const call = (name: string, task: unknown) =>
    threadsOfModel.reduce((best, one) => (one.underWay() < best.underWay() ? one : best)).run(name, task);
  // One more than there are threads, so that none waits for the next batch.
  const atOnce = settings.workers + 1;
  return {
    fingerprint: `${digest} ${dtype} ${pooling} ${maxTokens}`,
    dimension: described.dimension,
    maxTokens,
    labels: described.labels,
    embed: (texts, signal) =>
      inBatches(texts, {
        size,
        atOnce,
        signal,
        lengthOf: (text) => text.length,
        run: (batch) => call('embed', { texts: batch, maxTokens }) as Promise<Float32Array[]>,
      }),
    classify: (pairs, signal) =>
      inBatches(pairs, {
        size,
        atOnce,
        signal,
        lengthOf: ([first, second]) => first.length + second.length,
        run: (batch) => call('classify', { pairs: batch, maxTokens }) as Promise<number[][]>,
      }),
    countTokens(texts) {
      tokenizer ??= createThread(workerModel);
      return tokenizer.run('countTokens', texts) as Promise<number[]>;
    },
    close,
  };
}
