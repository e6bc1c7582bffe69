import type { AnyDefinition, ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';
import { checkReach } from './lib/option-reach.ts';

/** A component by its checked spec. Throws ConfigError where this version does not know it. */
export async function createComponent<Component, Parts>(
  definitions: readonly AnyDefinition<Component, Parts>[],
  spec: ComponentSpec,
  parts: Parts,
): Promise<Component> {
  const definition = definitions.find((one) => one.name === spec.name);
  if (definition === undefined) throw new ConfigError(`"${spec.name}" is not known to this version of LLM Forge`);
  const options = definition.options.parse(spec.options);
  // Here, and not only where a config comes in: what is stored, queued or named by a corpus file passes here too.
  await checkReach(definition.options, options, parts as object);
  return definition.create(options, parts);
}
