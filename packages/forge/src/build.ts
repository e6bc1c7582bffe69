import { catalog } from './catalog.ts';
import { createComponent } from './create-component.ts';
import type { Dataset } from './dataset.ts';
import type { ComponentSpec, Surroundings } from './definition.ts';
import type { Engine } from './engine.ts';
import { withAdaptiveLimit } from './engine-middleware/adaptive-limit.ts';
import { withCache } from './engine-middleware/cache.ts';
import { withQuarantine } from './engine-middleware/quarantine.ts';
import { withRetry } from './engine-middleware/retry.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { Method, MethodParts } from './method.ts';
import type { Metric, MetricDescription, MetricParts } from './metric.ts';
import type { Store } from './store.ts';
import type { Trainer } from './trainer.ts';
import type { TrainingSet } from './training-set.ts';

/** Throws ConfigError, as all that builds does. */
export const buildDataset = (spec: ComponentSpec, s: Surroundings): Promise<Dataset> =>
  createComponent(catalog.dataset, spec, s);
/** With what it may use of engine, retrievers and tools. */
export const buildMethod = (spec: ComponentSpec, parts: MethodParts): Promise<Method> =>
  createComponent(catalog.method, spec, parts);
/** In the order of the specs. */
export const buildMetrics = (specs: readonly ComponentSpec[], parts: MetricParts): Promise<Metric[]> =>
  Promise.all(specs.map((spec): Promise<Metric> => createComponent(catalog.metric, spec, parts)));

/** Its rows are read later, as a stream. */
export const buildTrainingSet = (spec: ComponentSpec, s: Surroundings): Promise<TrainingSet> =>
  createComponent(catalog['training-set'], spec, s);
/** Not started yet. */
export const buildTrainer = (spec: ComponentSpec, s: Surroundings): Promise<Trainer> =>
  createComponent(catalog.trainer, spec, s);

/** How metrics are to be read, for those who read scores and make none. */
export const describeMetrics = async (specs: readonly ComponentSpec[]): Promise<MetricDescription[]> => {
  const nli = () => Promise.reject(new Error('no scores are made here'));
  return (await buildMetrics(specs, { nli })).map(({ name, binary, unit, better }) => ({
    name,
    binary,
    ...(unit === undefined ? {} : { unit }),
    ...(better === undefined ? {} : { better }),
  }));
};

/** Engines are costly: variants that name the same one share it, and it closes after its last use. */
export interface EnginePool {
  /** The engine of a variant, wrapped with retries, adaptive limit and response cache. Throws ConfigError. */
  take(variant: VariantSpec): Promise<Engine>;
  /** Says that a variant is done with its engine. */
  release(variant: VariantSpec): Promise<void>;
  close(): Promise<void>;
}

/** Engines of variants, each opened once for all that share it, with retry, limit and cache around it. */
export function createEnginePool(
  variants: readonly VariantSpec[],
  parts: Surroundings & {
    random(): number;
    monotonic(): number;
    responses: Pick<Store, 'getResponses' | 'putResponses'>;
    /** Holds the calls of an engine to limits over all machines. */
    limit?(engine: Engine, spec: ComponentSpec): Engine;
  },
): EnginePool {
  const keyOf = ({ engine, cache }: VariantSpec) => canonicalJson({ engine, cache });
  const uses = new Map<string, number>();
  for (const variant of variants) uses.set(keyOf(variant), (uses.get(keyOf(variant)) ?? 0) + 1);
  const open = new Map<string, Promise<Engine>>();

  async function openWrapped({ engine, cache }: VariantSpec): Promise<Engine> {
    const bare = await createComponent(catalog.engine, engine, parts);
    const limited = withAdaptiveLimit(withQuarantine(parts.limit?.(bare, engine) ?? bare), parts.monotonic);
    const steady = withRetry(limited, { random: parts.random, now: parts.monotonic });
    return cache ? withCache(steady, parts.responses) : steady;
  }

  return {
    async take(variant) {
      const key = keyOf(variant);
      const opening = open.get(key) ?? openWrapped(variant);
      open.set(key, opening);
      try {
        return await opening;
      } catch (error) {
        open.delete(key);
        throw error;
      }
    },
    async release(variant) {
      const key = keyOf(variant);
      const left = (uses.get(key) ?? 1) - 1;
      uses.set(key, left);
      if (left > 0) return;
      const engine = open.get(key);
      open.delete(key);
      await (await engine)?.close();
    },
    async close() {
      const engines = [...open.values()];
      open.clear();
      await Promise.all(engines.map(async (engine) => (await engine).close()));
    },
  };
}
