import type { z } from 'zod';
import { type BenchmarkFile, benchmarkSchema } from './benchmark-schema.ts';
import type { BenchmarkSpec, CellSpec, LoadSpec, OptimisationSpec } from './benchmark-spec.ts';
import { ConfigError } from './errors.ts';
import { type Layer, mergeLayers } from './expand-variants.ts';
import { contentHash } from './lib/canonical-json.ts';
import { closestName } from './lib/closest-name.ts';
import { type KeyPath, parseYamlSource, type YamlSource } from './lib/yaml-source.ts';
import {
  type ExperimentSpec,
  issueText,
  keysOfSchema,
  readConfigText,
  resolveVariant,
  type VariantSpec,
} from './load-experiment.ts';
import type { Arrivals } from './load-point.ts';

export interface LoadedBenchmark {
  readonly spec: BenchmarkSpec;
  /** The YAML text. */
  readonly source: string;
  readonly configHash: string;
}

/** More cells than anybody waits for. */
const maxCells = 2000;

/** True for the text of a benchmark file: it names optimisations. Broken YAML is an experiment's, whose loader says what is wrong. */
export function isBenchmarkText(source: string): boolean {
  try {
    const { value } = parseYamlSource('', source);
    return value !== null && typeof value === 'object' && 'optimisations' in value;
  } catch {
    return false;
  }
}

/** The name at a place of the file, checked against what is known there. Throws ConfigError. */
function checkName(
  yaml: YamlSource,
  path: KeyPath,
  asked: { name: string; what: string; known: readonly string[] },
): string {
  const { name, what, known } = asked;
  if (known.includes(name)) return name;
  const meant = closestName(name, known);
  throw new ConfigError(
    `${yaml.where(path)}: ${path.join('.')}: unknown ${what} "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`} Known: ${known.join(', ') || 'none'}`,
  );
}

const cellName = (method: string, optimisation: string) => `${method} / ${optimisation}`;

/** The settings of one cell: the file's top level, then the method's, then the optimisation's. */
function resolveCell(yaml: YamlSource, file: BenchmarkFile, { method, optimisation, repetition }: CellSpec) {
  const {
    cache,
    server: _,
    rerun: __,
    description: ___,
    ...over
  } = file.optimisations[optimisation] as BenchmarkFile['optimisations'][string];
  const layers: Layer[] = [
    { settings: file, origin: (key) => [key] },
    { settings: file.methods[method] ?? {}, origin: (key) => ['methods', method, key] },
    { settings: over, origin: (key) => ['optimisations', optimisation, key] },
  ];
  const group = cellName(method, optimisation);
  const settings = mergeLayers(`${group} #${repetition}`, group, layers);
  return resolveVariant(yaml, { ...settings, seed: (settings.seed ?? 0) + repetition - 1 }, cache);
}

/** Repetition by repetition, so that a machine that slows down does so for every cell; each begins with another cell. */
function cellsOf(file: BenchmarkFile): CellSpec[] {
  const methods = Object.keys(file.methods);
  const optimisations = Object.keys(file.optimisations);
  const once = methods.flatMap((method) => optimisations.map((optimisation) => ({ method, optimisation })));
  return Array.from({ length: file.repetitions }, (_, r) => {
    const first = Math.floor((r * once.length) / file.repetitions);
    return [...once.slice(first), ...once.slice(0, first)].map((cell) => ({ ...cell, repetition: r + 1 }));
  }).flat();
}

function resolveArrivals(
  yaml: YamlSource,
  given: NonNullable<BenchmarkFile['load']>['arrivals'][number],
  index: number,
): Arrivals {
  if ('closed' in given) return { kind: 'closed', concurrency: given.closed };
  if ('poisson' in given) return { kind: 'poisson', perSecond: given.poisson };
  if ('constant' in given) return { kind: 'constant', perSecond: given.constant };
  const back = given.trace.findIndex((at, i) => i > 0 && at < (given.trace[i - 1] as number));
  if (back > 0)
    throw new ConfigError(
      `${yaml.where(['load', 'arrivals', index, 'trace', back])}: load.arrivals.${index}.trace: ${given.trace[back]} comes after ${given.trace[back - 1]}; the times must ascend`,
    );
  return { kind: 'trace', atMs: given.trace };
}

function resolveLoad(yaml: YamlSource, file: BenchmarkFile): LoadSpec | null {
  const { load } = file;
  if (load === undefined) return null;
  const methods = Object.keys(file.methods);
  const known = Object.keys(file.optimisations);
  const optimisations = load.optimisations ?? known;
  for (const [i, name] of optimisations.entries())
    checkName(yaml, ['load', 'optimisations', i], { name, what: 'optimisation', known });
  const method = load.method ?? (methods[0] as string);
  checkName(yaml, ['load', 'method'], { name: method, what: 'method', known: methods });
  const { requests, warmUp, repetitions = file.repetitions } = load;
  const { ttftMs, tpotMs, totalMs } = load.objective;
  return {
    optimisations,
    method,
    requests,
    warmUp,
    arrivals: load.arrivals.map((one, i) => resolveArrivals(yaml, one, i)),
    repetitions,
    objective: {
      ...(ttftMs === undefined ? {} : { ttftMs }),
      ...(tpotMs === undefined ? {} : { tpotMs }),
      ...(totalMs === undefined ? {} : { totalMs }),
    },
  };
}

function resolveOptimisations(yaml: YamlSource, file: BenchmarkFile): OptimisationSpec[] {
  const known = Object.keys(file.servers);
  return Object.entries(file.optimisations).map(([name, { description = '', server, rerun }]) => ({
    name,
    description,
    server:
      server === undefined
        ? null
        : checkName(yaml, ['optimisations', name, 'server'], { name: server, what: 'server', known }),
    rerun,
  }));
}

function resolveCompare(
  yaml: YamlSource,
  file: BenchmarkFile,
  variants: readonly VariantSpec[],
): BenchmarkSpec['compare'] & { baseline: string } {
  const known = Object.keys(file.optimisations);
  const metrics = variants[0]?.metrics.map(({ name }) => name) ?? [];
  const { baseline = known[0] as string, metric = metrics[0] as string, alpha, margin } = file.compare;
  checkName(yaml, ['compare', 'baseline'], { name: baseline, what: 'optimisation', known });
  const everywhere = metrics.filter((name) => variants.every((one) => one.metrics.some((two) => two.name === name)));
  checkName(yaml, ['compare', 'metric'], { name: metric, what: 'metric', known: everywhere });
  return { baseline, metric, alpha, margin };
}

/** Parses and checks a benchmark text. Throws ConfigError with `file:line`, key, value and what is known. */
export function parseBenchmark(fileName: string, source: string): LoadedBenchmark {
  const yaml = parseYamlSource(fileName, source);
  const parsed = benchmarkSchema.safeParse(yaml.value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const keysAt = (path: KeyPath) => keysOfSchema(benchmarkSchema, path);
    throw new ConfigError(issueText(yaml, issue, yaml.value, { prefix: [], keysAt }));
  }
  const file = parsed.data;
  const cells = cellsOf(file);
  if (cells.length > maxCells)
    throw new ConfigError(
      `${yaml.where(['repetitions'])}: ${cells.length} cells (methods x optimisations x repetitions); at most ${maxCells}`,
    );
  const variants = cells.map((cell) => resolveCell(yaml, file, cell));
  const { baseline, ...compare } = resolveCompare(yaml, file, variants);
  const { interactive, cheapest } = file.useCases;
  const optimisations = resolveOptimisations(yaml, file);
  if (file.goal !== undefined)
    checkName(yaml, ['goal', 'optimisation'], {
      name: file.goal.optimisation,
      what: 'optimisation',
      known: optimisations.map(({ name }) => name),
    });
  const spec: BenchmarkSpec = {
    name: file.name,
    description: file.description ?? '',
    methods: Object.keys(file.methods),
    optimisations,
    baseline,
    repetitions: file.repetitions,
    cells,
    variants,
    servers: file.servers,
    load: resolveLoad(yaml, file),
    compare,
    pricing: file.pricing ?? null,
    goal: file.goal ?? null,
    useCases: {
      interactive: { latencyP95Ms: interactive.latencyP95Ms ?? null },
      cheapest: { accuracyAtLeast: cheapest.accuracyAtLeast ?? null },
    },
  };
  return { spec, source, configHash: contentHash(spec) };
}

/** Reads a benchmark file. Throws ConfigError. */
export const loadBenchmark = async (file: string): Promise<LoadedBenchmark> =>
  parseBenchmark(file, await readConfigText(file));

/** The matrix as an experiment: a run for each cell and repetition, in the order of `cells`. */
export function matrixExperiment({ spec, source }: LoadedBenchmark) {
  const { name, description, variants, pricing, compare, methods, baseline } = spec;
  const { metric, alpha, margin } = compare;
  const config: ExperimentSpec = {
    name: `${name}-matrix`,
    description,
    variants,
    compare: { baseline: cellName(methods[0] as string, baseline), metric, alpha, minimumEffect: margin },
    ...(pricing === null ? {} : { pricing }),
  };
  const runs = variants.map((variant) => ({ variant: variant.variant, spec: variant }));
  return { name: config.name, source, config, configHash: contentHash(config), runs };
}
