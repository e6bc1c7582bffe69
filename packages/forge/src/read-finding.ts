import { buildMetrics } from './build.ts';
import {
  type Comparison,
  compareLatency,
  compareRuns,
  type LatencyComparison,
  type PairedInput,
} from './compare-runs.ts';
import type { ExperimentSpec, VariantSpec } from './load-experiment.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import type { RunSummary } from './summarize-run.ts';

/** One run with its figures. */
export interface FindingRun {
  readonly run: RunRecord;
  readonly spec: VariantSpec;
  /** null until the run has ended. */
  readonly summary: RunSummary | null;
}

/** What an experiment found: its runs, and each variant against the baseline, on the deciding metric and on latency. */
export interface Finding {
  readonly experiment: Pick<ExperimentRecord, 'id' | 'name' | 'createdAt' | 'configHash'>;
  readonly description: string;
  readonly metric: string;
  readonly baseline: string;
  readonly runs: readonly FindingRun[];
  readonly comparisons: readonly Comparison[];
  readonly latency: readonly LatencyComparison[];
}

export interface CompareSettings {
  readonly baseline: string;
  readonly metric: string;
  readonly alpha: number;
  readonly minimumEffect: number;
}

interface Sums {
  score: number;
  n: number;
  /** Of the repeats that did not fail: a failed call's time says nothing about the method. */
  latencyMs: number;
  answered: number;
  cluster: string | null;
}

/** Per example: mean score and latency over the runs of one group (repeats are averaged within the question first). Failed examples score 0 and have no latency. */
async function readPairedInputs(
  store: Store,
  label: string,
  runs: readonly RunRecord[],
  metric: string,
): Promise<{ scores: PairedInput; latencies: PairedInput }> {
  const sums = new Map<string, Sums>();
  for (const run of runs) {
    for await (const rows of store.scoredRows(run.id)) {
      for (const row of rows) {
        const sum = sums.get(row.exampleId) ?? { score: 0, n: 0, latencyMs: 0, answered: 0, cluster: row.cluster };
        sum.score += row.scores[metric] ?? 0;
        sum.n++;
        if (row.failureKind === null) {
          sum.latencyMs += row.latencyMs;
          sum.answered++;
        }
        sums.set(row.exampleId, sum);
      }
    }
  }
  const examples = [...sums];
  const scores = examples.map(([id, sum]) => [id, { score: sum.score / sum.n, cluster: sum.cluster }] as const);
  const latencies = examples
    .filter(([, sum]) => sum.answered > 0)
    .map(([id, sum]) => [id, { score: sum.latencyMs / sum.answered, cluster: sum.cluster }] as const);
  return { scores: { label, scores: new Map(scores) }, latencies: { label, scores: new Map(latencies) } };
}

/** Compares groups of runs, the first group being the baseline. */
export async function compareGroups(
  store: Store,
  groups: readonly { label: string; runs: readonly RunRecord[] }[],
  settings: Omit<CompareSettings, 'baseline'>,
): Promise<Pick<Finding, 'comparisons' | 'latency'>> {
  const first = groups[0];
  if (first === undefined || groups.length < 2) return { comparisons: [], latency: [] };
  const spec = first.runs[0]?.spec as VariantSpec | undefined;
  const metricSpec = spec?.metrics.find((one) => one.name === settings.metric);
  const [metric] = await buildMetrics(metricSpec === undefined ? [] : [metricSpec]);
  // Means of repeats are no longer 0 or 1.
  const binary = (metric?.binary ?? false) && groups.every((group) => group.runs.length === 1);
  const inputs = [];
  for (const group of groups) inputs.push(await readPairedInputs(store, group.label, group.runs, settings.metric));
  const [baseline, ...candidates] = inputs as [(typeof inputs)[number], ...typeof inputs];
  const { alpha, minimumEffect } = settings;
  return {
    comparisons: compareRuns(
      baseline.scores,
      candidates.map((one) => one.scores),
      { metric: { name: settings.metric, binary }, alpha, minimumEffect },
    ),
    latency: compareLatency(
      baseline.latencies,
      candidates.map((one) => one.latencies),
    ),
  };
}

/** Reads an experiment's finding from the store; comparisons are over the runs that have finished. */
export async function readFinding(store: Store, experiment: ExperimentRecord): Promise<Finding> {
  const spec = experiment.config as ExperimentSpec;
  const runs = await store.listRuns(experiment.id);
  const finished = runs.filter((run) => run.status === 'finished');
  const groupOf = (run: RunRecord) => (run.spec as VariantSpec).group;
  const labels = [...new Set(finished.map(groupOf))];
  const ordered = [spec.compare.baseline, ...labels.filter((label) => label !== spec.compare.baseline)];
  const groups = ordered
    .map((label) => ({ label, runs: finished.filter((run) => groupOf(run) === label) }))
    .filter((group) => group.runs.length > 0);
  const comparable = groups[0]?.label === spec.compare.baseline ? groups : [];
  return {
    experiment: {
      id: experiment.id,
      name: experiment.name,
      createdAt: experiment.createdAt,
      configHash: experiment.configHash,
    },
    description: spec.description,
    metric: spec.compare.metric,
    baseline: spec.compare.baseline,
    runs: runs.map((run) => ({ run, spec: run.spec as VariantSpec, summary: run.summary as RunSummary | null })),
    ...(await compareGroups(store, comparable, spec.compare)),
  };
}
