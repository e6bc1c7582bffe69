/** The part of JSON Schema that the options of components use. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

export type FieldKind = 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'object' | 'yaml';

/** The schemas of an object's properties, by name. */
export const jsonSchemas = (properties: unknown) => (properties ?? {}) as Readonly<Record<string, JsonSchema>>;

/** Every value that is allowed, where they can be listed. */
export function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if (schema.enum !== undefined) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  if (schema.type === 'boolean') return [true, false];
  if (schema.anyOf === undefined) return undefined;
  const lists = schema.anyOf.map(choicesOf);
  return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
}

const scalars = ['string', 'number', 'integer'];

/** How a form asks for a value of this schema. */
export function fieldKind(schema: JsonSchema): FieldKind {
  if (schema.type === 'boolean' && schema.const === undefined) return 'boolean';
  if (choicesOf(schema) !== undefined) return 'choice';
  if (schema.type === 'number' || schema.type === 'integer') return 'number';
  if (schema.type === 'string') return 'text';
  if (schema.type === 'array' && schema.items?.type === 'string') return 'list';
  if (schema.type === 'object' && schema.properties !== undefined) return 'object';
  const simple = schema.anyOf?.every((one) => choicesOf(one) !== undefined || scalars.includes(one.type ?? ''));
  return simple === true ? 'text' : 'yaml';
}

/** The value that a typed text means: `auto` or 12 where either is allowed. */
export function parseText(schema: JsonSchema, text: string): unknown {
  const types = (schema.anyOf ?? [schema]).map(({ type }) => type);
  const choice = (schema.anyOf ?? []).flatMap((one) => choicesOf(one) ?? []).find((one) => String(one) === text);
  if (choice !== undefined) return choice;
  const numeric = types.includes('number') || types.includes('integer');
  return numeric && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Why a number is not allowed. */
export function numberProblem(schema: JsonSchema, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') return 'must be a number';
  if (schema.type === 'integer' && !Number.isInteger(value)) return 'must be a whole number';
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `must be more than ${exclusiveMinimum}`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return `must be less than ${exclusiveMaximum}`;
  return undefined;
}

/** maxTokens to `Max tokens`. */
export function inWords(key: string): string {
  const words = key.replace(
    /([a-z0-9])([A-Z])/g,
    (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
  );
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Line breaks inside of a text that shares its box with others. */
export const escapeLine = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');

/** A line as a person wrote it, its `\n` and `\t` made real. */
export const unescapeLine = (text: string) =>
  text.replace(/\\(.)/g, (whole, letter: string) => ({ n: '\n', t: '\t', '\\': '\\' })[letter] ?? whole);
