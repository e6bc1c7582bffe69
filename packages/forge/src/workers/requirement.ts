import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ComponentSpec } from '../definition.ts';
import type { Capabilities, Requirement } from '../worker-record.ts';

const isReference = (model: string) => model.startsWith('hf:');

/** What a worker must have for the calls of an engine: a GPU where it names one by its kind, a model file that it names by its path. */
export function requirementOf({ name, options }: ComponentSpec): Requirement {
  const { gpu, model, baseUrl } = options as { gpu?: unknown; model?: unknown; baseUrl?: unknown };
  const file = typeof model === 'string' && baseUrl === undefined && !isReference(model) ? model : null;
  return { engine: name, gpu: typeof gpu === 'string' && gpu !== 'auto', model: file };
}

/** Whether this worker can do it. */
export async function canServe(
  { engine, gpu, model }: Requirement,
  capabilities: Pick<Capabilities, 'engines' | 'gpu'>,
  baseDir: string,
): Promise<boolean> {
  if (!capabilities.engines.includes(engine) || (gpu && !capabilities.gpu)) return false;
  return model === null || (await stat(resolve(baseDir, model)).catch(() => null)) !== null;
}

/** The limits that hold for the calls of an engine: its own, and that of the host that it calls, with and without the port. */
export function limitKeysOf({ name, options }: ComponentSpec): string[] {
  const { baseUrl } = options as { baseUrl?: unknown };
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) return [name];
  const { host, hostname } = new URL(baseUrl);
  return [...new Set([name, host, hostname])];
}
