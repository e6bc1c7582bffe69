import { buildDataset, buildMethod, buildMetrics, createEnginePool, describeMetrics } from './build.ts';
import { createComponentPool } from './component-pool.ts';
import type { Surroundings } from './definition.ts';
import type { Lock } from './lib/lock-file.ts';
import type { VariantSpec } from './load-experiment.ts';
import { checkAgainstLock, pinVariant } from './pin-experiment.ts';
import { recordRun } from './record-run.ts';
import type { Provenance, RunEvent } from './run.ts';
import { type Clock, type RunParts, runExperiment } from './run-experiment.ts';
import type { RunRecord, Store } from './store.ts';
import { summarizeRun } from './summarize-run.ts';

export interface ExecuteParts {
  readonly store: Store;
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  /** Uniform in [0, 1): jitter of retries. */
  random(): number;
  readonly origin: Pick<Provenance, 'codeRevision' | 'forgeVersion' | 'machine'>;
  readonly pricing?: { inputPerMillion: number; outputPerMillion: number; computePerHour: number };
  /** Checked and added to as runs start; the door keeps it in a file. */
  readonly lock?: Lock;
  readonly signal?: AbortSignal;
}

/**
 * Executes the stored runs of one experiment that are not finished yet, one after another, and records them: the stream
 * holds an event once it is stored. Examples that an earlier attempt stored are not done again. Throws ConfigError.
 */
export async function* executeRuns(
  job: { configHash: string; runs: readonly RunRecord[] },
  parts: ExecuteParts,
): AsyncGenerator<RunEvent> {
  const { store, surroundings, lock, signal } = parts;
  const pending = job.runs.filter((run) => run.status !== 'finished');
  const variants = new Map<string, VariantSpec>();
  for (const run of pending) {
    const variant = run.spec as VariantSpec;
    variants.set(run.id, lock === undefined ? variant : pinVariant(variant, lock));
  }
  const pool = createEnginePool([...variants.values()], {
    ...surroundings,
    random: parts.random,
    monotonic: parts.clock.monotonic,
    responses: store,
  });

  const components = createComponentPool(surroundings);

  async function build(run: RunRecord, variant: VariantSpec): Promise<RunParts> {
    return {
      runId: run.id,
      variant: run.variant,
      dataset: await buildDataset(variant.dataset, surroundings),
      method: await buildMethod(variant.method, components),
      metrics: await buildMetrics(variant.metrics, components),
      engine: await pool.take(variant),
      sampling: variant.sampling,
      sample: variant.sample,
      sampleSeed: variant.sampleSeed,
      seed: variant.seed,
      done: await store.finishedExampleIds(run.id),
      origin: { ...parts.origin, configHash: job.configHash },
    };
  }

  async function* events(): AsyncGenerator<RunEvent> {
    for (const run of pending) {
      if (signal?.aborted) return;
      const variant = variants.get(run.id) as VariantSpec;
      for await (const event of runExperiment(await build(run, variant), parts.clock, signal)) {
        if (event.type === 'run-started' && lock !== undefined) {
          // The lock speaks of the file's own spec, before a revision was pinned into it.
          checkAgainstLock(run.spec as VariantSpec, event.provenance, lock);
        }
        yield event;
      }
      await pool.release(variant);
    }
  }

  async function summarize(runId: string, wallMs: number): Promise<unknown> {
    const variant = variants.get(runId) as VariantSpec;
    const metrics = await describeMetrics(variant.metrics);
    const earlier = pending.find((run) => run.id === runId)?.wallMs ?? 0;
    return summarizeRun(store.scoredRows(runId), {
      metrics,
      wallMs: earlier + wallMs,
      ...(parts.pricing === undefined ? {} : { pricing: parts.pricing }),
    });
  }

  try {
    yield* recordRun(store, events(), { summarize });
  } finally {
    await pool.close();
    await components.close();
  }
}
