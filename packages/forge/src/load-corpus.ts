import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { type CorpusFile, corpusSchema } from './corpus-schema.ts';
import type { ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';
import { type KeyPath, parseYamlSource } from './lib/yaml-source.ts';
import { issueText, keysOfSchema, resolveComponent } from './load-experiment.ts';

export interface CorpusSpec extends Omit<CorpusFile, 'embedder' | 'index'> {
  readonly embedder: ComponentSpec;
  readonly index: ComponentSpec;
}

/** True for the text of a corpus file: it says where documents come from. */
export function isCorpusText(source: string): boolean {
  try {
    const { value } = parseYamlSource('', source);
    return value !== null && typeof value === 'object' && 'sources' in value;
  } catch {
    return false;
  }
}

/** Reads a corpus file. Throws ConfigError with `file:line`, key, value and what is known. */
export async function loadCorpus(path: string, baseDir: string): Promise<CorpusSpec> {
  const text = await readFile(resolve(baseDir, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${path}: ${error.code === 'ENOENT' ? 'no such file' : `cannot be read (${error.code})`}`);
  });
  const yaml = parseYamlSource(path, text);
  const parsed = corpusSchema.safeParse(yaml.value);
  if (!parsed.success) {
    const keysAt = (at: KeyPath) => keysOfSchema(corpusSchema, at);
    throw new ConfigError(
      issueText(yaml, parsed.error.issues[0] as z.core.$ZodIssue, yaml.value, { prefix: [], keysAt }),
    );
  }
  const { chunk } = parsed.data;
  if (chunk.overlap >= chunk.tokens) {
    throw new ConfigError(
      `${yaml.where(['chunk', 'overlap'])}: chunk.overlap: ${chunk.overlap} is not allowed: must be less than chunk.tokens (${chunk.tokens})`,
    );
  }
  const component = (noun: 'embedder' | 'index') =>
    resolveComponent(yaml, noun, { reference: parsed.data[noun], origins: [[noun]] });
  return { ...parsed.data, embedder: component('embedder'), index: component('index') };
}
