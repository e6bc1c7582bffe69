import { z } from 'zod';
import { oneLine } from './untrusted-text.ts';

const maxDepth = 16;
const maxSchemaChars = 50_000;
const maxTextChars = 300;

/** Regular expressions are not run here: a bad one takes hours, and whoever wrote it checks the input anyway. */
const dropped = ['pattern', 'patternProperties'];
/** Below these, keys are names that the author chose. */
const named = ['properties', '$defs', 'definitions'];
const texts = ['title', 'description', '$comment'];
const literal = ['const', 'enum', 'default', 'examples', 'required'];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function tameEntry(key: string, value: unknown, depth: number): unknown {
  if (literal.includes(key)) return value;
  if (texts.includes(key)) return oneLine(String(value), maxTextChars);
  if (!named.includes(key) || !isRecord(value)) return tame(value, depth);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, tame(inner, depth)]));
}

function tame(schema: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new RangeError('too deep');
  if (Array.isArray(schema)) return schema.map((inner) => tame(inner, depth + 1));
  if (!isRecord(schema)) return schema;
  const kept = Object.entries(schema).filter(([key]) => !dropped.includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, tameEntry(key, value, depth + 1)]));
}

const isName = (name: string) => /^[\w.$-]{1,64}$/.test(name);

/**
 * A JSON Schema that somebody else wrote as the arguments of a tool: texts cleaned, regular expressions left out. Where it cannot
 * be read (conditions, other dialects, more than 50,000 characters), any object passes: its author checks the input too.
 */
export function argumentsFromJsonSchema(schema: unknown): z.ZodObject {
  const anything = z.looseObject({});
  try {
    if (JSON.stringify(schema).length > maxSchemaChars) return anything;
    const read = z.fromJSONSchema(tame(schema, 0) as Parameters<typeof z.fromJSONSchema>[0]);
    return read instanceof z.ZodObject && Object.keys(read.shape).every(isName) ? read : anything;
  } catch {
    return anything;
  }
}

function kindOf(schema: unknown): string {
  if (!isRecord(schema)) return 'any';
  const { type, enum: values, items } = schema;
  if (Array.isArray(values)) return oneLine(values.map((value) => JSON.stringify(value)).join('|'), 100);
  if (type === 'array') return `list of ${kindOf(items)}`;
  return typeof type === 'string' ? type : 'any';
}

/** The arguments in few words for a model that sees no schema, e.g. `{value: number, unit?: "m"|"km"}`; empty where there are none. */
export function describeArguments(schema: z.ZodObject): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const known = Object.entries(properties).map(
    ([name, inner]) => `${name}${required.includes(name) ? '' : '?'}: ${kindOf(inner)}`,
  );
  return known.length === 0 ? '' : `{${known.join(', ')}}`;
}
