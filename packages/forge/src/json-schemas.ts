import { z } from 'zod';
import { benchmarkSchema } from './benchmark-schema.ts';
import { definitionsOf, type Noun, nouns } from './catalog.ts';
import { corpusSchema } from './corpus-schema.ts';
import { experimentSchema } from './experiment-schema.ts';
import { findingsSchema } from './findings-schema.ts';
import { trainingSchema } from './training-schema.ts';

type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema> };

const inputSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** Options that name a component of a noun refer to its schema. */
function linked(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(linked);
  if (schema === null || typeof schema !== 'object') return schema;
  const { noun, description, default: initial } = schema as JsonSchema;
  if (typeof noun === 'string') return { $ref: `#/$defs/${noun}`, description, default: initial };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, linked(value)]));
}

/** A component by name, or by name with its options: one branch for each definition of the catalog. */
function referenceSchema(noun: Noun): JsonSchema {
  const definitions = definitionsOf(noun);
  const objects = definitions.map((definition) => {
    const { $schema: _, ...options } = linked(inputSchema(definition.options)) as JsonSchema;
    return {
      ...options,
      description: definition.summary,
      properties: { name: { const: definition.name }, ...options.properties },
      required: ['name', ...((options.required as string[] | undefined) ?? [])],
    };
  });
  // Overrides in a variant may leave the name out, so a nameless object is left to the loader.
  const nameless = { type: 'object', not: { required: ['name'] } };
  return { anyOf: [{ enum: definitions.map((definition) => definition.name) }, ...objects, nameless] };
}

const schemasOfNouns = () => Object.fromEntries(nouns.map((noun) => [noun, referenceSchema(noun)]));

/** The JSON Schema of corpus files. */
export function corpusJsonSchema(): JsonSchema {
  const schema = linked(inputSchema(corpusSchema)) as JsonSchema;
  return { ...schema, title: 'LLM Forge corpus', $defs: schemasOfNouns() };
}

/** The JSON Schema of findings files. */
export const findingsJsonSchema = (): JsonSchema => ({ ...inputSchema(findingsSchema), title: 'LLM Forge findings' });

/** The JSON Schema of training files. */
export function trainingJsonSchema(): JsonSchema {
  const schema = linked(inputSchema(trainingSchema)) as JsonSchema;
  return { ...schema, title: 'LLM Forge training', $defs: schemasOfNouns() };
}

/** What an experiment and its variants set: components as references to the schemas of their nouns. */
const references: Record<string, JsonSchema> = {
  dataset: { $ref: '#/$defs/dataset' },
  engine: { $ref: '#/$defs/engine' },
  method: { $ref: '#/$defs/method' },
  metrics: { type: 'array', minItems: 1, items: { $ref: '#/$defs/metric' } },
};

const withReferences = (properties: Record<string, JsonSchema> = {}) =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      references[key] === undefined ? value : { ...references[key], description: value.description },
    ]),
  );

/** A schema with components, and with named overrides below `keys` that may set them too. */
function withOverrides(schema: JsonSchema, keys: readonly string[]): JsonSchema {
  const properties = withReferences(schema.properties);
  for (const key of keys) {
    const named = properties[key] ?? {};
    const one = (named.additionalProperties ?? {}) as JsonSchema;
    properties[key] = { ...named, additionalProperties: { ...one, properties: withReferences(one.properties) } };
  }
  return { ...schema, properties, $defs: schemasOfNouns() };
}

/** The JSON Schema of experiment files, for editors: generated from the same zod schemas that check them. */
export const experimentJsonSchema = (): JsonSchema => ({
  ...withOverrides(inputSchema(experimentSchema), ['variants']),
  title: 'LLM Forge experiment',
});

/** The JSON Schema of benchmark files. */
export const benchmarkJsonSchema = (): JsonSchema => ({
  ...withOverrides(inputSchema(benchmarkSchema), ['methods', 'optimisations']),
  title: 'LLM Forge benchmark',
});
