import type { AnyDefinition, ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';

/** A component by its checked spec. Throws ConfigError where this version does not know it. */
export async function createComponent<Component, Parts>(
  definitions: readonly AnyDefinition<Component, Parts>[],
  spec: ComponentSpec,
  parts: Parts,
): Promise<Component> {
  const definition = definitions.find((one) => one.name === spec.name);
  if (definition === undefined) throw new ConfigError(`"${spec.name}" is not known to this version of LLM Forge`);
  return definition.create(definition.options.parse(spec.options), parts);
}
