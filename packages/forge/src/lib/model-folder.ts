import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { contentHash } from './canonical-json.ts';
import { fileDigest } from './file-digest.ts';
import { downloadHubFile, hubRevision, listHubFiles } from './hub.ts';
import { refusePickle } from './pickle.ts';

/** A model in the Hugging Face layout on this machine. */
export interface ModelFolder {
  /** Absolute. */
  readonly path: string;
  /** sha256 (hex) over the content of shape, weights and tokenizer. */
  readonly fingerprint: string;
  /** The commit, for a model of the hub. */
  readonly revision?: string;
}

const hubReference = /^hf:(\w[\w.-]*\/\w[\w.-]*?)(?:@([\w./-]+))?$/;
const weightIndex = 'model.safetensors.index.json';
/** What a trainer may need besides weights; of these only config.json must be there. */
const smallFiles = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'tokenizer.model',
  'chat_template.jinja',
];

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The files with the weights: one, or those that an index names. Throws ConfigError. */
async function weightFiles(folder: string, model: string): Promise<string[]> {
  const index = await readFile(join(folder, weightIndex), 'utf8').catch(() => undefined);
  if (index === undefined) return ['model.safetensors'];
  let parsed: ReturnType<typeof indexSchema.safeParse> | undefined;
  try {
    parsed = indexSchema.safeParse(JSON.parse(index));
  } catch {
    // Said below.
  }
  if (!parsed?.success) throw new ConfigError(`model ${model}: ${weightIndex} has no weight_map`);
  const names = [...new Set(Object.values(parsed.data.weight_map))].sort();
  // An index comes with a model: it must not point out of its folder, nor at pickles.
  const wrong = names.find((name) => name !== basename(name) || !name.endsWith('.safetensors'));
  if (wrong !== undefined)
    throw new ConfigError(
      `model ${model}: ${weightIndex} names ${JSON.stringify(wrong.slice(0, 200))}: must be a .safetensors file in the same folder`,
    );
  return names;
}

async function fetchFolder(repo: string, commit: string, s: Surroundings, signal?: AbortSignal): Promise<string> {
  const ref = { kind: 'model', repo, revision: commit } as const;
  const there = new Set((await listHubFiles(ref, s, signal)).map((file) => file.path));
  const fetch = (path: string) => downloadHubFile(ref, path, s, signal);
  if (!there.has('config.json'))
    throw new ConfigError(`model hf:${repo}: has no config.json at ${commit.slice(0, 12)}`);
  const folder = dirname(await fetch('config.json'));
  for (const path of [weightIndex, ...smallFiles]) if (there.has(path)) await fetch(path);
  for (const path of await weightFiles(folder, `hf:${repo}`)) {
    if (!there.has(path))
      throw new ConfigError(
        `model hf:${repo}: has no ${path}; training needs weights in safetensors, not GGUF or .bin`,
      );
    await fetch(path);
  }
  return folder;
}

/** Weights come last: a folder without them may still give shape and tokenizer to a model trained from nothing. */
async function fingerprintOf(path: string, model: string, s: Surroundings, signal?: AbortSignal): Promise<string> {
  const digests: Record<string, string> = {};
  const weights = await weightFiles(path, model);
  for (const name of [...smallFiles, ...weights]) {
    const file = join(path, name);
    if (!(await stat(file).catch(() => null))) continue;
    if (weights.includes(name)) await refusePickle(file, `model ${model}: ${name}`);
    digests[name] = await fileDigest(file, s, signal);
  }
  return contentHash(digests);
}

/**
 * A folder with config.json, weights in safetensors and a tokenizer: by its path (relative to the project) or as
 * `hf:owner/repo[@revision]`, fetched where it is not here yet. Throws ConfigError.
 */
export async function resolveModelFolder(model: string, s: Surroundings, signal?: AbortSignal): Promise<ModelFolder> {
  if (!model.startsWith('hf:')) {
    const path = resolve(s.baseDir, model);
    if (!(await stat(join(path, 'config.json')).catch(() => null)))
      throw new ConfigError(
        `model ${model}: no folder with a config.json; name one in the Hugging Face layout, or hf:owner/repo`,
      );
    return { path, fingerprint: await fingerprintOf(path, model, s, signal) };
  }
  const [, repo, revision = 'main'] = hubReference.exec(model) ?? [];
  if (repo === undefined || revision.includes('..'))
    throw new ConfigError(`model ${model}: must look like hf:owner/repo or hf:owner/repo@revision`);
  const commit = await hubRevision({ kind: 'model', repo, revision }, s, signal);
  const path = await fetchFolder(repo, commit, s, signal);
  return { path, fingerprint: await fingerprintOf(path, model, s, signal), revision: commit };
}
