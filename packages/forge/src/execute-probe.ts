import { buildDataset, buildMethod, buildMetrics, createEnginePool } from './build.ts';
import { createComponentPool } from './component-pool.ts';
import type { Surroundings } from './definition.ts';
import type { ExperimentSpec } from './load-experiment.ts';
import { type Clock, runExperiment } from './run-experiment.ts';

/** What a few examples of a variant took, measured and not stored. */
export interface Probe {
  readonly examples: number;
  readonly calls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** From the first example's start to the last one's end, ms; loading the model is not in it. */
  readonly wallMs: number;
}

/** Runs `count` examples of each variant for real, without store and cache. Throws ConfigError. */
export async function executeProbe(
  spec: ExperimentSpec,
  count: number,
  parts: { surroundings: Surroundings; clock: Clock; random(): number },
): Promise<Probe[]> {
  const variants = spec.variants.map((variant) => ({ ...variant, cache: false }));
  const nothing = { getResponses: async () => new Map(), putResponses: async () => {} };
  const pool = createEnginePool(variants, {
    ...parts.surroundings,
    random: parts.random,
    monotonic: parts.clock.monotonic,
    responses: nothing,
  });
  const components = createComponentPool(parts.surroundings);
  const probes: Probe[] = [];
  try {
    for (const variant of variants) {
      const engine = await pool.take(variant);
      const probe = { examples: 0, calls: 0, promptTokens: 0, completionTokens: 0, wallMs: 0 };
      const run = runExperiment(
        {
          runId: 'probe',
          variant: variant.variant,
          dataset: await buildDataset(variant.dataset, parts.surroundings),
          engine,
          method: await buildMethod(variant.method, components),
          metrics: await buildMetrics(variant.metrics, components),
          sampling: variant.sampling,
          sample: Math.min(count, variant.sample ?? count),
          sampleSeed: variant.sampleSeed,
          seed: variant.seed,
          done: new Set(),
          origin: { configHash: '', codeRevision: '', forgeVersion: '', machine: {} },
        },
        parts.clock,
      );
      for await (const event of run) {
        if (event.type === 'run-finished') probe.wallMs = event.wallMs;
        if (event.type !== 'example-finished') continue;
        probe.examples++;
        for (const { usage } of event.result.calls) {
          probe.calls++;
          probe.promptTokens += usage.promptTokens;
          probe.completionTokens += usage.completionTokens;
        }
      }
      probes.push(probe);
      await pool.release(variant);
    }
  } finally {
    await pool.close();
    await components.close();
  }
  return probes;
}
