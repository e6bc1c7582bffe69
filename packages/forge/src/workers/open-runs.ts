import { buildDataset, buildMethod, buildMetrics, createEnginePool } from '../build.ts';
import { type ComponentPool, createComponentPool } from '../component-pool.ts';
import type { ComponentSpec } from '../definition.ts';
import type { Engine } from '../engine.ts';
import { withLeases } from '../engine-middleware/leased.ts';
import { ConfigError } from '../errors.ts';
import type { ExecuteParts } from '../execute-runs.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { VariantSpec } from '../load-experiment.ts';
import type { RunParts } from '../run-experiment.ts';
import type { LeaseSlots } from './lease-slots.ts';
import { limitKeysOf } from './requirement.ts';

/** A run whose components are open. */
export interface OpenRun {
  readonly parts: RunParts;
  /** Says that a shard of it is done. */
  release(): Promise<void>;
}

export interface OpenRuns {
  /** Throws ConfigError. */
  open(runId: string): Promise<OpenRun>;
  close(): Promise<void>;
}

interface Kept<T> {
  readonly made: Promise<T>;
  readonly close: (made: T) => Promise<void>;
  uses: number;
}

/** Things that are made at their first use and kept while they are used, and after that until another of their kind is used. */
function createKeep<T>() {
  const kept = new Map<string, Kept<T>>();
  let latest = '';

  async function drop(key: string): Promise<void> {
    const one = kept.get(key);
    if (one === undefined) return;
    kept.delete(key);
    await one.made.then(one.close, () => {});
  }

  return {
    async take(key: string, make: () => Promise<T>, close: (made: T) => Promise<void>): Promise<T> {
      latest = key;
      // What nobody uses any more makes room for it, before it is made: two models may be too much.
      const idle = [...kept].filter(([other, { uses }]) => uses === 0 && other !== key);
      const room = Promise.all(idle.map(([other]) => drop(other)));
      const one = kept.get(key) ?? { made: room.then(make), close, uses: 0 };
      kept.set(key, one);
      one.uses++;
      try {
        return await one.made;
      } catch (error) {
        // The next who asks tries again.
        if (kept.get(key) === one) kept.delete(key);
        throw error;
      }
    },
    async release(key: string): Promise<void> {
      const one = kept.get(key);
      if (one === undefined) return;
      one.uses--;
      if (one.uses === 0 && key !== latest) await drop(key);
    },
    async close(): Promise<void> {
      await Promise.all([...kept.keys()].map(drop));
    },
  };
}

/**
 * Opens what runs are made of and keeps it from shard to shard: a model is loaded once for all shards of its variants that
 * follow each other.
 */
export function createOpenRuns(parts: ExecuteParts & { readonly leases: LeaseSlots }): OpenRuns {
  const { store, surroundings, leases, clock, random } = parts;
  const runs = createKeep<RunParts>();
  const engines = createKeep<{ engine: Engine; close(): Promise<void> }>();
  const components = createKeep<ComponentPool>();

  const limit = (engine: Engine, spec: ComponentSpec) =>
    withLeases(engine, leases.places(limitKeysOf(spec)), clock.monotonic);

  const engineKey = ({ engine, cache }: VariantSpec) => canonicalJson({ engine, cache });
  const takeEngine = (variant: VariantSpec) =>
    engines.take(
      engineKey(variant),
      async () => {
        const pool = createEnginePool([variant], {
          ...surroundings,
          random,
          monotonic: clock.monotonic,
          responses: store,
          limit,
        });
        return { engine: await pool.take(variant), close: () => pool.close() };
      },
      (one) => one.close(),
    );
  const takeComponents = (experimentId: string) =>
    components.take(
      experimentId,
      async () => createComponentPool(surroundings),
      (pool) => pool.close(),
    );

  async function build(runId: string): Promise<{ runParts: RunParts; close(): Promise<void> }> {
    const run = await store.getRun(runId);
    const experiment = run === null ? null : await store.getExperiment(run.experimentId);
    if (run === null || experiment === null) throw new ConfigError(`run "${runId}": not in this database any more`);
    const variant = run.spec as VariantSpec;
    const pool = await takeComponents(experiment.id);
    try {
      const dataset = await buildDataset(variant.dataset, surroundings);
      const method = await buildMethod(variant.method, pool);
      const metrics = await buildMetrics(variant.metrics, pool);
      const { engine } = await takeEngine(variant);
      const { sampling, sample, sampleSeed, seed } = variant;
      const origin = { ...parts.origin, configHash: experiment.configHash };
      const made = { dataset, method, metrics, engine, sampling, sample, sampleSeed, seed, origin };
      return {
        runParts: { runId, variant: run.variant, ...made, done: new Set() },
        async close() {
          await engines.release(engineKey(variant));
          await components.release(experiment.id);
        },
      };
    } catch (error) {
      await components.release(experiment.id);
      throw error;
    }
  }

  return {
    async open(runId) {
      let close = async () => {};
      const runParts = await runs.take(
        runId,
        async () => {
          const built = await build(runId);
          close = built.close;
          return built.runParts;
        },
        () => close(),
      );
      return { parts: runParts, release: () => runs.release(runId) };
    },
    async close() {
      await runs.close();
      await engines.close();
      await components.close();
    },
  };
}
