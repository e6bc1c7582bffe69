import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { resolveModelFolder } from '../lib/model-folder.ts';
import { writeGgufModel } from '../lib/write-gguf-model.ts';
import { openWorkspace, shortPath } from './workspace.ts';

interface ConvertOptions {
  /** As llama.cpp names them. */
  readonly type: 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q4_0';
  readonly adapter?: string;
}

/** Writes a model folder as GGUF, with an adapter merged into it where one is given, its matrices quantised where that is asked for. */
export async function convert(model: string, output: string, { type, adapter }: ConvertOptions): Promise<void> {
  if (!output.endsWith('.gguf')) throw new ConfigError(`${output}: the file to write must end in .gguf`);
  const { surroundings } = openWorkspace();
  const folder = await resolveModelFolder(model, surroundings);
  const path = resolve(surroundings.baseDir, output);
  await writeGgufModel({
    model: folder.path,
    path,
    name: basename(output, '.gguf'),
    dtype: type.toUpperCase() as Uppercase<typeof type>,
    ...(adapter === undefined ? {} : { adapter: resolve(surroundings.baseDir, adapter) }),
  });
  const { size } = await stat(path);
  console.log(`${shortPath(path)}: ${(size / 1e6).toFixed(1)} MB`);
}
