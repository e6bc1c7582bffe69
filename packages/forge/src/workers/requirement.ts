import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ComponentSpec } from '../definition.ts';
import type { TrainingSpec } from '../training-spec.ts';
import type { Capabilities, Requirement } from '../worker-record.ts';

const isReference = (model: string) => model.startsWith('hf:');

/** What a worker must have for the calls of an engine: a GPU where it names one by its kind, a model file that it names by its path. */
export function requirementOf({ name, options }: ComponentSpec): Requirement {
  const { gpu, model, baseUrl } = options as { gpu?: unknown; model?: unknown; baseUrl?: unknown };
  const file = typeof model === 'string' && baseUrl === undefined && !isReference(model) ? [model] : [];
  return { engines: [name], gpu: typeof gpu === 'string' && gpu !== 'auto', models: file };
}

const sorted = (names: readonly string[]) => [...new Set(names)].sort();

/** For what needs all of this. */
export const joinRequirements = (all: readonly Requirement[]): Requirement => ({
  engines: sorted(all.flatMap(({ engines }) => engines)),
  gpu: all.some(({ gpu }) => gpu),
  models: sorted(all.flatMap(({ models }) => models)),
});

/** What a worker must have for a training: the model's folder, a GPU where the trainer names one, the engine that measures it. */
export function requirementOfTraining({ trainer, model, evaluation }: TrainingSpec): Requirement {
  const { device, quantization, command } = trainer.options as Readonly<Record<string, unknown>>;
  const here = command === undefined;
  return {
    engines: evaluation.experiments.length === 0 ? [] : ['llama-cpp'],
    gpu: here && (device === 'cuda' || device === 'webgpu' || quantization === '4bit'),
    models: isReference(model) ? [] : [model],
  };
}

/** What a worker must have for an ingestion: the embedder's folder. */
export const requirementOfIngestion = (embedder: ComponentSpec): Requirement => ({
  ...requirementOf(embedder),
  engines: [],
});

/** Whether this worker can do it. */
export async function canServe(
  { engines, gpu, models }: Requirement,
  capabilities: Pick<Capabilities, 'engines' | 'gpu'>,
  baseDir: string,
): Promise<boolean> {
  if ((gpu && !capabilities.gpu) || engines.some((engine) => !capabilities.engines.includes(engine))) return false;
  for (const model of models) if ((await stat(resolve(baseDir, model)).catch(() => null)) === null) return false;
  return true;
}

/** The limits that hold for the calls of an engine: its own, and that of the host that it calls, with and without the port. */
export function limitKeysOf({ name, options }: ComponentSpec): string[] {
  const { baseUrl } = options as { baseUrl?: unknown };
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) return [name];
  const { host, hostname } = new URL(baseUrl);
  return [...new Set([name, host, hostname])];
}
