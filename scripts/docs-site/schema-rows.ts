import { code, type Entry, entriesHtml, inlineHtml } from './html.ts';

/** The part of JSON Schema that zod writes. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly $ref?: string;
  /** Of options that name a component. */
  readonly noun?: string;
}

/** HTML that names what a `$ref` or a noun of the catalog stands for, with a link to it. */
export type LinkOf = (reference: string) => string;

const safe = (bound: number | undefined) =>
  bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound;

function rangeOf(schema: JsonSchema): string {
  const [minimum, maximum] = [safe(schema.minimum), safe(schema.maximum)];
  const bounds = [
    minimum === undefined ? [] : `≥ ${minimum}`,
    schema.exclusiveMinimum === undefined ? [] : `&gt; ${schema.exclusiveMinimum}`,
    maximum === undefined ? [] : `≤ ${maximum}`,
    schema.exclusiveMaximum === undefined ? [] : `&lt; ${schema.exclusiveMaximum}`,
  ].flat();
  return bounds.length === 0 ? '' : ` ${bounds.join(', ')}`;
}

const branchesOf = ({ anyOf, oneOf }: JsonSchema) => anyOf ?? oneOf ?? [];

/** The type in words, as HTML. */
export function typeHtml(schema: JsonSchema, link: LinkOf): string {
  const { noun, $ref, const: only, type, items } = schema;
  if (noun !== undefined) return link(noun);
  if ($ref !== undefined) return link($ref);
  if (only !== undefined) return code(JSON.stringify(only));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ');
  const alternatives = [...branchesOf(schema), ...(schema.allOf ?? [])];
  if (alternatives.length > 0) return [...new Set(alternatives.map((one) => typeHtml(one, link)))].join(' or ');
  if (type === 'array') return items === undefined ? 'list' : `list of ${typeHtml(items, link)}`;
  if (type === 'object') {
    const { additionalProperties: values } = schema;
    return typeof values === 'object' && schema.properties === undefined
      ? `map to ${typeHtml(values, link)}`
      : 'object';
  }
  return `${[type ?? 'any'].flat().join(' or ')}${rangeOf(schema)}`;
}

interface Row {
  readonly key: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
  /** In which of several forms there is this key: `name: dpo`. */
  readonly form: string;
}

/** What tells one form of an object from the others: `name: dpo`. */
function formOf(schema: JsonSchema): string {
  const fixed = Object.entries(schema.properties ?? {}).find(([, { const: only }]) => typeof only === 'string');
  return fixed === undefined ? '' : `${fixed[0]}: ${fixed[1].const}`;
}

/** The keys of a schema and of all objects within it, e.g. `compare.metric`, `variants.<name>.seed`, `data[].path`. */
function rowsOf(schema: JsonSchema, path = '', form = ''): Row[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const required = schema.required?.includes(name) === true && child.default === undefined;
    return [{ key, required, schema: child, form }, ...rowsOf(child, key, form)];
  });
  const { additionalProperties: values, items } = schema;
  return [
    ...own,
    ...(typeof values === 'object' ? rowsOf(values, `${path}.<name>`, form) : []),
    ...(items === undefined ? [] : rowsOf(items, `${path}[]`, form)),
    ...branchesOf(schema).flatMap((branch) => rowsOf(branch, path, formOf(branch) || form)),
  ];
}

/** Parts of a map that may set the same keys as the file itself are told in one row. */
function withoutRepeats(rows: readonly Row[], top: ReadonlySet<string>): Row[] {
  return rows.filter(({ key }) => {
    const inMap = /\.<name>\.([^.[]+)/.exec(key)?.[1];
    return inMap === undefined || !top.has(inMap);
  });
}

/** `default X`, or that there must be one. */
export const defaultNote = (schema: JsonSchema, required: boolean) =>
  schema.default === undefined ? (required ? 'required' : '') : `default ${code(JSON.stringify(schema.default))}`;

/** The keys of a schema with type, default and description; nothing where it has none. */
export function schemaEntries(schema: JsonSchema, link: LinkOf): string {
  const rows = withoutRepeats(rowsOf(schema), new Set(Object.keys(schema.properties ?? {})));
  return entriesHtml(
    rows.map(
      ({ key, required, schema: one, form }): Entry => ({
        name: key,
        notes: [
          typeHtml(one, link),
          defaultNote(one, required),
          form === '' || one.const !== undefined ? '' : `with ${code(form)}`,
        ],
        text: inlineHtml(one.description ?? ''),
      }),
    ),
  );
}
