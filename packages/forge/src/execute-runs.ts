import { buildDataset, buildMethod, buildMetrics, createEnginePool, describeMetrics } from './build.ts';
import { createComponentPool } from './component-pool.ts';
import type { Surroundings } from './definition.ts';
import type { Lock } from './lib/lock-file.ts';
import type { ExperimentSpec, VariantSpec } from './load-experiment.ts';
import { checkAgainstLock, pinVariant } from './pin-experiment.ts';
import { recordRun } from './record-run.ts';
import type { Provenance, RunEvent, RunStart } from './run.ts';
import { type Clock, type RunParts, runExperiment } from './run-experiment.ts';
import { runUntilSettled } from './run-until-settled.ts';
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
 * Executes the stored runs of one experiment that are not finished yet and records them: the stream holds an event once it is
 * stored. They go one after another, or together in blocks of examples where `compare` may stop them: then `runs` are all of
 * the experiment's. Examples that an earlier attempt stored are not done again. Throws ConfigError.
 */
export async function* executeRuns(
  job: { configHash: string; runs: readonly RunRecord[]; compare?: ExperimentSpec['compare'] },
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

  const open = (run: RunRecord) => build(run, variants.get(run.id) as VariantSpec);
  const close = (run: RunRecord) => pool.release(variants.get(run.id) as VariantSpec);
  function checkStart({ runId, provenance }: RunStart): void {
    const run = pending.find(({ id }) => id === runId);
    // The lock speaks of the file's own spec, before a revision was pinned into it.
    if (lock !== undefined && run !== undefined) checkAgainstLock(run.spec as VariantSpec, provenance, lock);
  }

  async function* oneByOne(): AsyncGenerator<RunEvent> {
    for (const run of pending) {
      if (signal?.aborted) return;
      for await (const event of runExperiment(await open(run), parts.clock, signal)) {
        if (event.type === 'run-started') checkStart(event);
        yield event;
      }
      await close(run);
    }
  }

  function events(): AsyncGenerator<RunEvent> {
    const { compare, runs } = job;
    if (compare?.stop === undefined) return oneByOne();
    const { clock } = parts;
    const { stop } = compare;
    const surrounding = { store, open, close, checkStart, clock, ...(signal === undefined ? {} : { signal }) };
    return runUntilSettled({ runs, compare: { ...compare, stop }, ...surrounding });
  }

  async function summarize(runId: string, wallMs: number): Promise<unknown> {
    const variant = variants.get(runId) as VariantSpec;
    const metrics = await describeMetrics(variant.metrics);
    const earlier = pending.find((run) => run.id === runId)?.wallMs ?? 0;
    const total = job.compare?.stop === undefined ? null : ((await store.getRun(runId))?.total ?? null);
    return summarizeRun(store.scoredRows(runId), {
      metrics,
      wallMs: earlier + wallMs,
      ...(total === null ? {} : { stop: { total, sampleSeed: variant.sampleSeed } }),
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
