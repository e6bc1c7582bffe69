import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { definitionsOf, type Noun, pluralOf } from './catalog.ts';
import { checkStop } from './check-stop.ts';
import type { ComponentSpec } from './definition.ts';
import type { Sampling } from './engine.ts';
import { ConfigError } from './errors.ts';
import { expandVariants, type ResolvedSettings } from './expand-variants.ts';
import { type ExperimentFile, experimentSchema } from './experiment-schema.ts';
import { contentHash } from './lib/canonical-json.ts';
import { closestName } from './lib/closest-name.ts';
import { nounOfOption } from './lib/component-reference.ts';
import { type KeyPath, parseYamlSource, type YamlSource } from './lib/yaml-source.ts';

/** One variant, everything resolved: what a run is made from. JSON. */
export interface VariantSpec {
  readonly variant: string;
  /** The variant without its seed: runs of one group are repeats of each other. */
  readonly group: string;
  readonly dataset: ComponentSpec;
  /** null = every example. */
  readonly sample: number | null;
  readonly sampleSeed: string;
  readonly engine: ComponentSpec;
  readonly method: ComponentSpec;
  readonly metrics: readonly ComponentSpec[];
  readonly sampling: Sampling;
  readonly seed: number;
  readonly cache: boolean;
}

/** `compare.stop`, its defaults filled in. */
export interface StopRule {
  /** Examples of each variant before the first look. */
  readonly atLeast: number;
  /** Examples of each variant from one look to the next. */
  readonly every: number;
}

export interface ExperimentSpec {
  readonly name: string;
  readonly description: string;
  readonly variants: readonly VariantSpec[];
  readonly compare: {
    readonly baseline: string;
    readonly metric: string;
    readonly alpha: number;
    readonly minimumEffect: number;
    /** Unset: all examples are run. */
    readonly stop?: StopRule;
  };
  readonly pricing?: { inputPerMillion: number; outputPerMillion: number; computePerHour: number };
}

export interface LoadedExperiment {
  readonly spec: ExperimentSpec;
  /** The YAML text. */
  readonly source: string;
  readonly configHash: string;
}

const maxSpecChars = 32e6;

const atLine = (yaml: YamlSource, path: KeyPath) =>
  `${yaml.where(path)}: ${path.length === 0 ? '' : `${path.join('.')}: `}`;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value;
  for (const part of path) current = (current as Record<string | number, unknown> | undefined | null)?.[part];
  return current;
}

/** One line for the first thing that zod found: key, value, what is allowed. `schemaKeys` are the keys known there. */
export function issueText(
  yaml: YamlSource,
  issue: z.core.$ZodIssue,
  value: unknown,
  at: { prefix: KeyPath; keysAt: (path: KeyPath) => readonly string[] },
): string {
  const path = [...at.prefix, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const known = at.keysAt(issue.path as (string | number)[]);
    const meant = closestName(key, known);
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    return `${atLine(yaml, [...path, key])}unknown key.${hint} Known keys: ${known.join(', ')}`;
  }
  const given = valueAt(value, issue.path as (string | number)[]);
  if (issue.code === 'invalid_type' && given === undefined) return `${atLine(yaml, path)}is missing (${issue.message})`;
  return `${atLine(yaml, path)}${shown(given)} is not allowed: ${issue.message}`;
}

/** The keys that a schema allows at a path; none where it allows any. */
export function keysOfSchema(schema: z.ZodType, path: KeyPath): readonly string[] {
  let current: unknown = schema;
  for (const part of path) {
    let inner = current as {
      def?: { innerType?: unknown; element?: unknown; valueType?: unknown };
      shape?: Record<string, unknown>;
    };
    while (inner?.def?.innerType !== undefined) inner = inner.def.innerType as typeof inner;
    current = inner?.shape?.[part] ?? inner?.def?.element ?? inner?.def?.valueType;
  }
  let inner = current as { def?: { innerType?: unknown }; shape?: Record<string, unknown> } | undefined;
  while (inner?.def?.innerType !== undefined) inner = inner.def.innerType as typeof inner;
  return Object.keys(inner?.shape ?? {});
}

/** A component as a request names it. Throws ConfigError. */
export const parseComponent = (label: string, noun: Noun, reference: unknown): ComponentSpec =>
  resolveComponent(parseYamlSource(label, JSON.stringify(reference)), noun, { reference, origins: [[]] });

/** Looks a component up and checks its options. Errors say the line of the key in the file, wherever the variant took it from. */
export function resolveComponent(
  yaml: YamlSource,
  noun: Noun,
  resolved: { reference: unknown; origins: readonly KeyPath[] },
): ComponentSpec {
  const { reference, origins } = resolved;
  const originOf = (path: KeyPath): KeyPath =>
    origins.find((origin) => yaml.has([...origin, ...path])) ?? origins.at(-1) ?? [];
  const given =
    typeof reference === 'string'
      ? { name: reference }
      : reference instanceof Object
        ? (reference as Record<string, unknown>)
        : {};
  const known = definitionsOf(noun).map((definition) => definition.name);
  const { name, ...options } = given;
  if (typeof name !== 'string') {
    throw new ConfigError(`${atLine(yaml, originOf([]))}has no name. Known ${pluralOf(noun)}: ${known.join(', ')}`);
  }
  const definition = definitionsOf(noun).find((one) => one.name === name);
  if (definition === undefined) {
    const meant = closestName(name, known);
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    throw new ConfigError(
      `${atLine(yaml, originOf(['name']))}unknown ${noun} "${name}".${hint} Known ${pluralOf(noun)}: ${known.join(', ')}`,
    );
  }
  const parsed = definition.options.safeParse(options);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const path = issue.path as (string | number)[];
    const deepest = issue.code === 'unrecognized_keys' ? [...path, issue.keys[0] ?? ''] : path;
    const keysAt = (at: KeyPath) =>
      at.length === 0 ? ['name', ...keysOfSchema(definition.options, at)] : keysOfSchema(definition.options, at);
    throw new ConfigError(issueText(yaml, issue, options, { prefix: originOf(deepest), keysAt }));
  }
  const checked = { ...(parsed.data as Record<string, unknown>) };
  for (const [key, schema] of Object.entries(definition.options.shape as Record<string, z.ZodType>)) {
    const inner = nounOfOption(schema) as Noun | undefined;
    if (inner === undefined || checked[key] === undefined) continue;
    const resolveAt = (reference: unknown, path: KeyPath) =>
      resolveComponent(yaml, inner, { reference, origins: origins.map((origin) => [...origin, ...path]) });
    const value = checked[key];
    checked[key] = Array.isArray(value) ? value.map((one, i) => resolveAt(one, [key, i])) : resolveAt(value, [key]);
  }
  return { name, options: checked };
}

/** Looks up what a variant names and checks its options. Throws ConfigError. */
export function resolveVariant(yaml: YamlSource, settings: ResolvedSettings, cache: boolean): VariantSpec {
  const one = (noun: 'dataset' | 'engine' | 'method') => {
    const resolved = settings[noun];
    if (resolved === undefined) {
      const known = definitionsOf(noun).map((definition) => definition.name);
      throw new ConfigError(
        `${yaml.where([])}: ${noun}: is missing in variant "${settings.name}". Known ${noun}s: ${known.join(', ')}`,
      );
    }
    return resolveComponent(yaml, noun, resolved);
  };
  return {
    variant: settings.name,
    group: settings.group,
    dataset: one('dataset'),
    sample: settings.sample ?? null,
    sampleSeed: String(settings.sampleSeed ?? 0),
    engine: one('engine'),
    method: one('method'),
    metrics: settings.metrics.map((metric) => resolveComponent(yaml, 'metric', metric)),
    sampling: settings.sampling,
    seed: settings.seed ?? 0,
    cache,
  };
}

function resolveCompare(
  yaml: YamlSource,
  file: ExperimentFile,
  variants: readonly VariantSpec[],
): ExperimentSpec['compare'] {
  const groups = [...new Set(variants.map((variant) => variant.group))];
  const metrics = variants[0]?.metrics.map((metric) => metric.name) ?? [];
  const { baseline = groups[0] ?? '', metric = metrics[0] ?? '', alpha, minimumEffect, stop } = file.compare;
  if (!groups.includes(baseline)) {
    throw new ConfigError(
      `${atLine(yaml, ['compare', 'baseline'])}unknown variant "${baseline}". Known variants: ${groups.join(', ')}`,
    );
  }
  if (!variants.every((variant) => variant.metrics.some((one) => one.name === metric))) {
    throw new ConfigError(
      `${atLine(yaml, ['compare', 'metric'])}"${metric}" is not measured by every variant. Known metrics here: ${metrics.join(', ')}`,
    );
  }
  if (stop === undefined) return { baseline, metric, alpha, minimumEffect };
  checkStop(variants, metric, `${atLine(yaml, ['compare', 'stop'])}`);
  return { baseline, metric, alpha, minimumEffect, stop: { atLeast: stop.atLeast, every: stop.every } };
}

/** Each variant is stored whole: a long template times a thousand variants would fill the memory. Throws ConfigError. */
function checkSize(fileName: string, variants: readonly VariantSpec[]): void {
  let chars = 0;
  for (const variant of variants) {
    chars += JSON.stringify(variant).length;
    if (chars > maxSpecChars)
      throw new ConfigError(
        `${fileName}: its ${variants.length} variants have more than ${maxSpecChars / 1e6} million characters together; make templates shorter, or vary less`,
      );
  }
}

/** Parses and checks an experiment text. Throws ConfigError with `file:line`, key, value and what is known. */
export function parseExperiment(fileName: string, source: string): LoadedExperiment {
  const yaml = parseYamlSource(fileName, source);
  const parsed = experimentSchema.safeParse(yaml.value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const keysAt = (path: KeyPath) => keysOfSchema(experimentSchema, path);
    throw new ConfigError(issueText(yaml, issue, yaml.value, { prefix: [], keysAt }));
  }
  const file = parsed.data;
  const variants = expandVariants(yaml, file).map((settings) => resolveVariant(yaml, settings, file.cache));
  checkSize(fileName, variants);
  const spec: ExperimentSpec = {
    name: file.name,
    description: file.description ?? '',
    variants,
    compare: resolveCompare(yaml, file, variants),
    ...(file.pricing === undefined ? {} : { pricing: file.pricing }),
  };
  return { spec, source, configHash: contentHash(spec) };
}

/** The text of a config file. Throws ConfigError. */
export async function readConfigText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new ConfigError(
      `${file}: ${code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a YAML file' : `cannot be read (${code})`}`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(`${file}: not UTF-8 text`);
  }
}

/** Reads an experiment file. Throws ConfigError. */
export const loadExperiment = async (file: string): Promise<LoadedExperiment> =>
  parseExperiment(file, await readConfigText(file));

/** What a store keeps of an experiment. */
export function storedForm({ spec, source, configHash }: LoadedExperiment) {
  const runs = spec.variants.map((variant) => ({ variant: variant.variant, spec: variant }));
  return { name: spec.name, source, config: spec, configHash, runs };
}
