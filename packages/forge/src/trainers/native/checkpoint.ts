import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, messageOf } from '../../errors.ts';
import { openSafetensors, writeSafetensors } from '../../lib/safetensors.ts';

/** Everything that the next step depends on. Vectors are [trained weights]. */
export interface TrainingState {
  readonly step: number;
  readonly weights: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Looks at the validation rows, for early stopping; `weights` those of the best look. */
  readonly best?: { readonly loss: number; readonly misses: number; readonly weights: Float32Array };
}

/** The newest and the one before: one that cannot be read does not end the training. */
const kept = 2;
const nameOf = (step: number) => `step-${String(step).padStart(7, '0')}.safetensors`;
const pattern = /^step-(\d{7})\.safetensors$/;

async function names(folder: string): Promise<string[]> {
  const all = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return all
    .filter((name) => pattern.test(name))
    .sort()
    .reverse();
}

/** Writes a checkpoint (on disk when this resolves) and removes those that are no longer needed. `key` says of which job. */
export async function writeCheckpoint(folder: string, key: string, state: TrainingState): Promise<void> {
  await mkdir(folder, { recursive: true });
  const vectors = Object.entries({
    weights: state.weights,
    first: state.first,
    second: state.second,
    ...(state.best === undefined ? {} : { best: state.best.weights }),
  });
  const tensors = vectors.map(([name, data]) => ({ name, shape: [data.length], data }));
  const { best } = state;
  const figures = best === undefined ? {} : { bestLoss: String(best.loss), misses: String(best.misses) };
  const metadata = { key, step: String(state.step), ...figures };
  await writeSafetensors(join(folder, nameOf(state.step)), tensors, { dtype: 'F32', metadata });
  for (const old of (await names(folder)).slice(kept)) await rm(join(folder, old));
}

async function readCheckpoint(path: string, key: string): Promise<TrainingState> {
  const file = await openSafetensors(path);
  try {
    const { metadata } = file;
    if (metadata.key !== key)
      throw new ConfigError(`${path}: is of a training with other settings or rows: remove the folder to begin anew`);
    const [weights, first, second] = [await file.read('weights'), await file.read('first'), await file.read('second')];
    const state = { step: Number(metadata.step), weights, first, second };
    if (!file.tensors.has('best')) return state;
    const best = { loss: Number(metadata.bestLoss), misses: Number(metadata.misses), weights: await file.read('best') };
    return { ...state, best };
  } finally {
    await file.close();
  }
}

/** The newest checkpoint that can be read; null where there is none. Throws ConfigError where it is of another job. */
export async function newestCheckpoint(
  folder: string,
  key: string,
  warn: (message: string) => void,
): Promise<TrainingState | null> {
  const found = await names(folder);
  for (const [i, name] of found.entries()) {
    try {
      return await readCheckpoint(join(folder, name), key);
    } catch (error) {
      if (i === found.length - 1) throw error;
      warn(`${name} cannot be used (${messageOf(error)}): going on from the one before`);
    }
  }
  return null;
}
