import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSha256 } from './lib/row-source.ts';
import { writeGgufAdapter } from './lib/write-gguf-adapter.ts';
import { writeGgufModel } from './lib/write-gguf-model.ts';
import type { Artifact } from './training-record.ts';

/** Where a run's results lie below its folder. */
export const resultPaths = {
  adapter: 'adapter',
  /** Beside the weights, so that they are pushed together. */
  ggufAdapter: 'adapter/adapter.gguf',
  merged: 'merged.gguf',
  model: 'model',
  ggufModel: 'model.gguf',
} as const;

export interface ExportOptions {
  /** The run's folder, in which the trainer left `adapter/` or `model/`. */
  readonly folder: string;
  /** Folder of the model before training. */
  readonly model: string;
  /** What was trained: an adapter, all weights of a language model, or an encoder (of which there is no GGUF). */
  readonly trained: 'adapter' | 'model' | 'encoder';
  readonly gguf: boolean;
  readonly merged: boolean;
  /** For people, e.g. `dpo-lab beta=0.1, seed=1`. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** `file` holds the weights where the artifact is a folder. */
async function artifactOf(
  kind: Artifact['kind'],
  folder: string,
  path: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Artifact> {
  const full = join(folder, file);
  return { kind, path, sha256: await fileSha256(full, signal), sizeBytes: (await stat(full)).size };
}

/** Writes what was asked for out of a trainer's result: GGUF adapter, merged GGUF, GGUF of the whole model. Throws ConfigError. */
export async function exportTraining(options: ExportOptions): Promise<Artifact[]> {
  const { folder, model, trained, gguf, merged, name, signal } = options;
  const at = (path: string) => join(folder, path);
  const { adapter: peft, ggufAdapter, merged: mergedPath, model: whole, ggufModel } = resultPaths;
  const artifact = (kind: Artifact['kind'], path: string, file = path) => artifactOf(kind, folder, path, file, signal);
  if (trained === 'encoder') return [await artifact('model', whole, join(whole, 'onnx', 'model.onnx'))];
  if (trained === 'model') {
    const artifacts = [await artifact('model', whole, join(whole, 'model.safetensors'))];
    if (gguf || merged) {
      await writeGgufModel({ model: at(whole), path: at(ggufModel), name });
      artifacts.push(await artifact('gguf-model', ggufModel));
    }
    return artifacts;
  }
  const artifacts = [await artifact('peft-adapter', peft, join(peft, 'adapter_model.safetensors'))];
  if (gguf) {
    await writeGgufAdapter({ adapter: at(peft), model, path: at(ggufAdapter), name });
    artifacts.push(await artifact('gguf-adapter', ggufAdapter));
  }
  if (merged) {
    await writeGgufModel({ model, adapter: at(peft), path: at(mergedPath), name });
    artifacts.push(await artifact('merged-gguf', mergedPath));
  }
  return artifacts;
}
