import type { Comparison } from '../compare-runs.ts';
import { verdictSentence } from '../comparison-wording.ts';
import type { ExperimentSpec, VariantSpec } from '../load-experiment.ts';
import type { ExperimentRecord, RunRecord, RunState } from '../store.ts';
import type { RunSummary } from '../summarize-run.ts';
import type * as shapes from './schemas.ts';

/** Stored records as the API shows them. */

const specOf = (run: RunRecord) => run.spec as VariantSpec;
const modelOf = (spec: VariantSpec) =>
  typeof spec.engine.options.model === 'string' ? spec.engine.options.model : null;

/** Where an experiment stands, from where its runs stand. */
export function stateOf(
  queuedAt: number | null,
  runs: readonly { readonly status: shapes.RunStatus }[],
): shapes.ExperimentState {
  const is = (status: shapes.RunStatus) => (run: { readonly status: shapes.RunStatus }) => run.status === status;
  if (runs.some(is('running'))) return 'running';
  if (queuedAt !== null) return 'queued';
  if (runs.every(is('pending'))) return 'draft';
  if (runs.every(is('finished'))) return 'finished';
  return runs.some(is('failed')) ? 'failed' : 'cancelled';
}

function experimentFields(experiment: ExperimentRecord, runs: readonly RunRecord[]) {
  const spec = experiment.config as ExperimentSpec;
  return {
    id: experiment.id,
    name: experiment.name,
    description: spec.description,
    configHash: experiment.configHash,
    revision: experiment.revision,
    createdAt: experiment.createdAt,
    deletedAt: experiment.deletedAt,
    state: stateOf(experiment.queuedAt, runs),
    metric: spec.compare.metric,
    headline: [...(experiment.headline ?? [])],
  };
}

/** For lists. `runs`: the experiment's own. */
export function experimentView(experiment: ExperimentRecord, runs: readonly RunRecord[]): shapes.Experiment {
  const { metric } = (experiment.config as ExperimentSpec).compare;
  return {
    ...experimentFields(experiment, runs),
    runs: runs.map((run) => {
      const summary = run.summary as RunSummary | null;
      const spec = specOf(run);
      return {
        id: run.id,
        variant: run.variant,
        status: run.status,
        method: spec.method.name,
        engine: spec.engine.name,
        model: modelOf(spec),
        dataset: spec.dataset.name,
        total: run.total,
        n: summary?.n ?? null,
        score: summary?.metrics[metric] ?? null,
        latencyP50Ms: summary?.latencyMs?.p50.value ?? null,
        cost: summary?.cost.total ?? null,
        startedAt: run.startedAt,
        finishedAt: run.finishedAt,
      };
    }),
  };
}

/** `summary`: of the examples so far, where the run has not ended. */
export function runView(run: RunRecord, state: RunState, summary: RunSummary | null): shapes.Run {
  const { done, failed } = state;
  // The same values; the shapes of the API are not readonly.
  return { ...run, summary, done, failed } as unknown as shapes.Run;
}

/** A comparison with its verdict as a sentence. */
export const comparisonView = (comparison: Comparison): shapes.Comparison =>
  ({ ...comparison, sentence: verdictSentence(comparison) }) as unknown as shapes.Comparison;

/** An experiment with its runs and its finding as the API shows it. */
export function experimentDetailView(
  experiment: ExperimentRecord,
  records: readonly RunRecord[],
  runs: shapes.Run[],
  found: Pick<shapes.ExperimentDetail, 'comparisons' | 'latency' | 'tokens'>,
): shapes.ExperimentDetail {
  const { baseline, alpha, minimumEffect } = (experiment.config as ExperimentSpec).compare;
  return {
    ...experimentFields(experiment, records),
    source: experiment.source,
    baseline,
    alpha,
    minimumEffect,
    runs,
    ...found,
  };
}
