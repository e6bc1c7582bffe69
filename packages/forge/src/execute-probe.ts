import { buildDataset, buildMethod, buildMetrics, createEnginePool } from './build.ts';
import { createComponentPool } from './component-pool.ts';
import type { Surroundings } from './definition.ts';
import type { ExperimentSpec, VariantSpec } from './load-experiment.ts';
import { type Clock, runExperiment } from './run-experiment.ts';
import type { Store } from './store.ts';

/** What examples of a variant took, measured and not stored. */
export interface Probe {
  readonly examples: number;
  readonly calls: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** From the first example's start to the last one's end, ms; loading the model is not in it. */
  readonly wallMs: number;
}

export interface ProbeParts {
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  random(): number;
  readonly signal?: AbortSignal;
}

/** Runs examples of one variant for real; keeps its answers in `responses` at most. Throws ConfigError. */
export async function probeVariant(
  variant: VariantSpec,
  responses: Pick<Store, 'getResponses' | 'putResponses'>,
  parts: ProbeParts,
): Promise<Probe> {
  const { surroundings, clock, random, signal } = parts;
  const pool = createEnginePool([variant], { ...surroundings, random, monotonic: clock.monotonic, responses });
  const components = createComponentPool(surroundings);
  const probe = { examples: 0, calls: 0, promptTokens: 0, completionTokens: 0, wallMs: 0 };
  try {
    const run = runExperiment(
      {
        runId: 'probe',
        variant: variant.variant,
        dataset: await buildDataset(variant.dataset, surroundings),
        engine: await pool.take(variant),
        method: await buildMethod(variant.method, components),
        metrics: await buildMetrics(variant.metrics, components),
        sampling: variant.sampling,
        sample: variant.sample,
        sampleSeed: variant.sampleSeed,
        seed: variant.seed,
        done: new Set(),
        origin: { configHash: '', codeRevision: '', forgeVersion: '', machine: {} },
      },
      clock,
      signal,
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
  } finally {
    await pool.close();
    await components.close();
  }
  return probe;
}

/** Runs `count` examples of each variant for real, without store and cache. Throws ConfigError. */
export async function executeProbe(
  { variants }: Pick<ExperimentSpec, 'variants'>,
  count: number,
  parts: ProbeParts,
): Promise<Probe[]> {
  const nothing = { getResponses: async () => new Map(), putResponses: async () => {} };
  const probes: Probe[] = [];
  for (const variant of variants) {
    const sample = Math.min(count, variant.sample ?? count);
    probes.push(await probeVariant({ ...variant, cache: false, sample }, nothing, parts));
  }
  return probes;
}
