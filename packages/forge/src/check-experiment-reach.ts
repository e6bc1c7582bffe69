import type { z } from 'zod';
import { definitionsOf, type Noun } from './catalog.ts';
import type { ComponentSpec, Surroundings } from './definition.ts';
import { ConfigError } from './errors.ts';
import { nounOfOption } from './lib/component-reference.ts';
import { checkReach } from './lib/option-reach.ts';
import type { ExperimentSpec } from './load-experiment.ts';

type Guarded = Pick<Surroundings, 'baseDir' | 'limits' | 'env' | 'allowPrograms'>;

/** A component and those that it names, at any depth. Throws ConfigError: `tool mcp: command: ...`. */
export async function checkComponentReach(noun: Noun, spec: ComponentSpec, s: Guarded): Promise<void> {
  const definition = definitionsOf(noun).find((one) => one.name === spec.name);
  if (s.limits === undefined || definition === undefined) return;
  await checkReach(definition.options, spec.options, s).catch((error) => {
    throw error instanceof ConfigError ? new ConfigError(`${noun} ${spec.name}: ${error.message}`) : error;
  });
  for (const [key, schema] of Object.entries(definition.options.shape as Record<string, z.ZodType>)) {
    const inner = nounOfOption(schema) as Noun | undefined;
    const value = spec.options[key] as ComponentSpec | readonly ComponentSpec[] | undefined;
    if (inner === undefined || value === undefined) continue;
    for (const one of [value].flat() as ComponentSpec[]) await checkComponentReach(inner, one, s);
  }
}

/**
 * Refuses an experiment that came over the API and reaches further than the operator lets it, before it is stored: whoever starts
 * it later, by the command line too, starts nothing that was not checked. Throws ConfigError.
 */
export async function checkExperimentReach({ variants }: ExperimentSpec, s: Guarded): Promise<void> {
  for (const { variant, dataset, engine, method, metrics } of s.limits === undefined ? [] : variants) {
    try {
      await checkComponentReach('dataset', dataset, s);
      await checkComponentReach('engine', engine, s);
      await checkComponentReach('method', method, s);
      for (const metric of metrics) await checkComponentReach('metric', metric, s);
    } catch (error) {
      throw error instanceof ConfigError ? new ConfigError(`variant ${variant}: ${error.message}`) : error;
    }
  }
}
