import type { Sampling } from './engine.ts';
import { ConfigError } from './errors.ts';
import {
  type ComponentReference,
  type ExperimentFile,
  type Overrides,
  samplingDefaults,
  samplingSchema,
} from './experiment-schema.ts';
import type { KeyPath, YamlSource } from './lib/yaml-source.ts';

/** A component as a variant sees it, and the places in the file that its options may have come from, nearest first. */
export interface ResolvedReference {
  readonly reference: ComponentReference;
  readonly origins: readonly KeyPath[];
}

export interface ResolvedSettings {
  readonly name: string;
  readonly group: string;
  readonly dataset?: ResolvedReference;
  readonly sample?: number | undefined;
  readonly sampleSeed?: number | string | undefined;
  readonly engine?: ResolvedReference;
  readonly method?: ResolvedReference;
  readonly metrics: readonly ResolvedReference[];
  readonly sampling: Sampling;
  readonly seed?: number | undefined;
}

/** One source of settings: the top level, a variant, or one combination of the matrix. */
export interface Layer {
  readonly settings: Overrides;
  readonly origin: (key: string) => KeyPath;
}

const maxVariants = 1000;
const componentKeys = ['dataset', 'engine', 'method'] as const;
const matrixKeys = [...componentKeys, 'sampling', 'sample', 'sampleSeed', 'seed'];

/** A later layer's options go over an earlier one's while both mean the same component; another name starts afresh. */
function mergeReference(base: ComponentReference | undefined, over: ComponentReference): ComponentReference {
  if (base === undefined) return over;
  const overObject = typeof over === 'string' ? { name: over } : over;
  const baseObject = typeof base === 'string' ? { name: base } : base;
  const sameComponent = overObject.name === undefined || overObject.name === baseObject.name;
  return sameComponent ? { ...baseObject, ...overObject } : over;
}

/** The settings of a variant: what a later layer sets goes over what earlier ones set. */
export function mergeLayers(name: string, group: string, layers: readonly Layer[]): ResolvedSettings {
  const components: { [K in (typeof componentKeys)[number]]?: ResolvedReference } = {};
  for (const key of componentKeys) {
    for (const layer of layers) {
      const over = layer.settings[key];
      if (over === undefined) continue;
      components[key] = {
        reference: mergeReference(components[key]?.reference, over),
        origins: [layer.origin(key), ...(components[key]?.origins ?? [])],
      };
    }
  }
  const lastWith = <K extends keyof Overrides>(key: K) => layers.findLast((layer) => layer.settings[key] !== undefined);
  const metricsLayer = lastWith('metrics');
  const metrics = metricsLayer?.settings.metrics ?? ['exact-match', 'contains', 'f1'];
  const sampling = { ...samplingDefaults };
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer.settings.sampling ?? {})) {
      if (value !== undefined) Object.assign(sampling, { [key]: value });
    }
  }
  return {
    name,
    group,
    ...components,
    sample: lastWith('sample')?.settings.sample,
    sampleSeed: lastWith('sampleSeed')?.settings.sampleSeed,
    metrics: metrics.map((reference, i) => ({
      reference,
      origins: [[...(metricsLayer?.origin('metrics') ?? ['metrics']), i]],
    })),
    sampling,
    seed: lastWith('seed')?.settings.seed,
  };
}

function valueLabel(value: unknown): string {
  if (value !== null && typeof value === 'object' && 'name' in value) return String(value.name);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

interface Combination {
  readonly settings: Overrides;
  /** `[key, label, index]` of each matrix key. */
  readonly picks: readonly (readonly [key: string, label: string, index: number])[];
}

function applyPick(yaml: YamlSource, settings: Record<string, unknown>, key: string, value: unknown): void {
  const [head = '', ...rest] = key.split('.');
  const nested = rest.length === 1 && [...componentKeys, 'sampling'].some((one) => one === head);
  if (!matrixKeys.includes(head) || (rest.length > 0 && !nested) || (head === 'sampling' && !nested)) {
    throw new ConfigError(
      `${yaml.where(['matrix', key])}: matrix.${key}: cannot be varied. Known keys: ${matrixKeys.join(', ')}, and options of a component such as method.shots, engine.batch, sampling.temperature`,
    );
  }
  if (rest[0] === undefined) settings[head] = value;
  else {
    const base = settings[head];
    const current = typeof base === 'string' ? { name: base } : ((base ?? {}) as Record<string, unknown>);
    settings[head] = { ...current, [rest[0]]: value };
  }
}

function combinations(yaml: YamlSource, matrix: Readonly<Record<string, readonly unknown[]>>): Combination[] {
  // Whole components first, so that `method.shots` goes over `method` whatever the order in the file; seeds last, as repeats.
  const order = (key: string) => (key === 'seed' ? 2 : key.includes('.') ? 1 : 0);
  const keys = Object.keys(matrix).sort((a, b) => order(a) - order(b));
  const total = keys.reduce((product, key) => product * (matrix[key]?.length ?? 1), 1);
  if (total > maxVariants)
    throw new ConfigError(`${yaml.where(['matrix'])}: matrix: ${total} combinations; at most ${maxVariants}`);
  let result: Combination[] = [{ settings: {}, picks: [] }];
  for (const key of keys) {
    result = result.flatMap((combination) =>
      (matrix[key] ?? []).map((value, index) => {
        const settings: Record<string, unknown> = { ...combination.settings };
        applyPick(yaml, settings, key, value);
        return { settings, picks: [...combination.picks, [key, valueLabel(value), index] as const] };
      }),
    );
  }
  return result;
}

function checkSampling(yaml: YamlSource, sampling: unknown): void {
  const parsed = samplingSchema.partial().safeParse(sampling ?? {});
  const issue = parsed.success ? undefined : parsed.error.issues[0];
  if (issue === undefined) return;
  const key = `sampling.${issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.join('.')}`;
  const allowed =
    issue.code === 'unrecognized_keys' ? `Known keys: ${Object.keys(samplingSchema.shape).join(', ')}` : issue.message;
  throw new ConfigError(`${yaml.where(['matrix', key])}: matrix.${key}: ${allowed}`);
}

function checkScalars(yaml: YamlSource, settings: Record<string, unknown>): void {
  for (const key of ['seed', 'sample'] as const) {
    const value = settings[key];
    if (value !== undefined && (!Number.isInteger(value) || (key === 'sample' && (value as number) < 1))) {
      throw new ConfigError(
        `${yaml.where(['matrix', key])}: matrix.${key}: ${JSON.stringify(value)} is not allowed: must be a ${key === 'sample' ? 'positive ' : ''}whole number`,
      );
    }
  }
}

/** Every variant of a file: each entry of `variants` (or the top level alone) times each combination of `matrix`. */
export function expandVariants(yaml: YamlSource, file: ExperimentFile): ResolvedSettings[] {
  const top: Layer = { settings: file, origin: (key) => [key] };
  const named = Object.entries(file.variants ?? {});
  const bases =
    named.length === 0
      ? [{ name: '', layers: [top] }]
      : named.map(([name, settings]) => ({
          name,
          layers: [top, { settings, origin: (key: string) => ['variants', name, key] }],
        }));
  const cells = combinations(yaml, file.matrix ?? {});
  const result = bases.flatMap((base) =>
    cells.map((cell) => {
      checkSampling(yaml, cell.settings.sampling);
      checkScalars(yaml, cell.settings);
      const layer: Layer = {
        settings: cell.settings,
        origin: (key) => {
          const picked = cell.picks.find(([pick]) => pick === key);
          return picked === undefined
            ? ['matrix', cell.picks.find(([pick]) => pick.startsWith(`${key}.`))?.[0] ?? key]
            : ['matrix', key, picked[2]];
        },
      };
      const label = (picks: Combination['picks']) =>
        [base.name, ...picks.map(([key, text]) => (key === 'method' ? text : `${key}=${text}`))]
          .filter((part) => part !== '')
          .join(' ');
      const name = label(cell.picks);
      const group = label(cell.picks.filter(([key]) => key !== 'seed'));
      const settings = mergeLayers(name, group, [...base.layers, layer]);
      const method = settings.method?.reference;
      const plain = typeof method === 'string' ? method : (method?.name ?? file.name);
      return { ...settings, name: name === '' ? plain : name, group: group === '' ? plain : group };
    }),
  );
  if (result.length > maxVariants)
    throw new ConfigError(`${yaml.where(['variants'])}: ${result.length} variants; at most ${maxVariants}`);
  return result;
}
