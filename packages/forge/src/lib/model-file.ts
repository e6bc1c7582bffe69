import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { fileDigest } from './file-digest.ts';
import { downloadHubFile, hubRevision, listHubFiles } from './hub.ts';

/** A model file on this machine. */
export interface ModelFile {
  readonly path: string;
  /** hex */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** `local`, or the hub repository it came from. */
  readonly source: string;
  /** The commit, for a file of the hub. */
  readonly revision?: string;
}

/** `hf:owner/repo[@revision][/path/file.gguf]`. */
const hubReference = /^hf:(\w[\w.-]*\/\w[\w.-]*?)(?:@([\w./-]+?))?(?:\/([\w./ -]+\.gguf))?$/i;

/**
 * A model by its path (relative to the project) or as `hf:owner/repo/file.gguf`, fetched with progress and checksum where it is
 * not here yet. Throws ConfigError; where a repository is named without a file, with the files to choose from.
 */
export async function resolveModelFile(model: string, s: Surroundings, signal?: AbortSignal): Promise<ModelFile> {
  if (!model.startsWith('hf:')) {
    const path = resolve(s.baseDir, model);
    const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
      throw new ConfigError(
        `model ${model}: ${error.code === 'ENOENT' ? 'no such file; forge models lists what is there, hf:owner/repo/file.gguf fetches one' : `cannot be read (${error.code})`}`,
      );
    });
    if (info.isDirectory()) throw new ConfigError(`model ${model}: is a folder; name the GGUF file in it`);
    return { path, sha256: await fileDigest(path, s, signal), sizeBytes: info.size, source: 'local' };
  }
  const [, repo, revision = 'main', file] = hubReference.exec(model) ?? [];
  if (repo === undefined || revision.includes('..'))
    throw new ConfigError(`model ${model}: must look like hf:owner/repo/file.gguf or hf:owner/repo@revision/file.gguf`);
  const commit = await hubRevision({ kind: 'model', repo, revision }, s, signal);
  const ref = { kind: 'model', repo, revision: commit } as const;
  if (file === undefined) {
    const choices = (await listHubFiles(ref, s, signal))
      .map((one) => one.path)
      .filter((one) => one.endsWith('.gguf'))
      .sort();
    throw new ConfigError(
      `model ${model}: name one of its files: ${
        choices
          .slice(0, 20)
          .map((one) => `hf:${repo}/${one}`)
          .join(', ') || 'it has no GGUF file'
      }`,
    );
  }
  const path = await downloadHubFile(ref, file, s, signal);
  return {
    path,
    sha256: await fileDigest(path, s, signal),
    sizeBytes: (await stat(path)).size,
    source: `hf:${repo}`,
    revision: commit,
  };
}
