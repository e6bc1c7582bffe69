import { describeMetrics } from './build.ts';
import { type ComparisonInput, type ComparisonOutput, compareInputs, type PairedGroup } from './compare-inputs.ts';
import type { Comparison, LatencyComparison, StopPlan, TokenComparison } from './compare-runs.ts';
import { verdictSentence } from './comparison-wording.ts';
import { inSampleOrder } from './lib/sample-examples.ts';
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
  readonly tokens: readonly TokenComparison[];
}

export interface CompareSettings {
  readonly baseline: string;
  readonly metric: string;
  readonly alpha: number;
  readonly minimumEffect: number;
  readonly stop?: StopPlan;
}

type Compute = (input: ComparisonInput) => ComparisonOutput | Promise<ComparisonOutput>;

interface Sums {
  score: number;
  n: number;
  tokens: number;
  /** Of the repeats that did not fail: a failed call's time says nothing about the method. */
  latencyMs: number;
  answered: number;
  cluster: string | null;
  /** Row index. */
  readonly index: number;
}

const nothing = { score: 0, n: 0, tokens: 0, latencyMs: 0, answered: 0 };

/**
 * Per example: mean score, latency and tokens over the runs of one group (repeats are averaged within the question first). Failed examples
 * score 0 and have no latency. `inOrder`: of the data set's rows, or of the sample, which says nothing about the answers.
 */
export async function readPairedInputs(
  store: Store,
  label: string,
  runs: readonly RunRecord[],
  metric: string,
  inOrder: 'rows' | 'sample' = 'rows',
): Promise<PairedGroup> {
  const sums = new Map<string, Sums>();
  for (const run of runs) {
    for await (const rows of store.scoredRows(run.id)) {
      for (const row of rows) {
        const sum = sums.get(row.exampleId) ?? { ...nothing, cluster: row.cluster, index: row.index };
        sum.score += row.scores[metric] ?? 0;
        sum.n++;
        sum.tokens += row.promptTokens + row.completionTokens;
        if (row.failureKind === null) {
          sum.latencyMs += row.latencyMs;
          sum.answered++;
        }
        sums.set(row.exampleId, sum);
      }
    }
  }
  const seed = (runs[0]?.spec as VariantSpec | undefined)?.sampleSeed ?? '';
  const examples = inOrder === 'rows' ? [...sums] : inSampleOrder([...sums], ([, { index }]) => index, seed);
  const scores = examples.map(([id, sum]) => [id, { score: sum.score / sum.n, cluster: sum.cluster }] as const);
  const latencies = examples
    .filter(([, sum]) => sum.answered > 0)
    .map(([id, sum]) => [id, { score: sum.latencyMs / sum.answered, cluster: sum.cluster }] as const);
  const tokens = examples.map(([id, sum]) => [id, { score: sum.tokens / sum.n, cluster: sum.cluster }] as const);
  return {
    scores: { label, scores: new Map(scores) },
    latencies: { label, scores: new Map(latencies) },
    tokens: { label, scores: new Map(tokens) },
  };
}

/** Compares groups of runs, the first group being the baseline. */
export async function compareGroups(
  store: Store,
  groups: readonly { label: string; runs: readonly RunRecord[] }[],
  settings: Omit<CompareSettings, 'baseline'>,
  compute: Compute = compareInputs,
): Promise<ComparisonOutput> {
  const first = groups[0];
  if (first === undefined || groups.length < 2) return { comparisons: [], latency: [], tokens: [] };
  const spec = first.runs[0]?.spec as VariantSpec | undefined;
  const metricSpec = spec?.metrics.find((one) => one.name === settings.metric);
  const [metric] = await describeMetrics(metricSpec === undefined ? [] : [metricSpec]);
  // Means of repeats are no longer 0 or 1.
  const binary = (metric?.binary ?? false) && groups.every((group) => group.runs.length === 1);
  const { alpha, minimumEffect, stop } = settings;
  const order = stop === undefined ? 'rows' : 'sample';
  const inputs = [];
  for (const group of groups)
    inputs.push(await readPairedInputs(store, group.label, group.runs, settings.metric, order));
  const described = { ...metric, name: settings.metric, binary };
  const options = { metric: described, alpha, minimumEffect, ...(stop === undefined ? {} : { stop }) };
  const found = await compute({ groups: inputs, options });
  return stop === undefined ? warnOfStopped(found, groups) : found;
}

/** Whether a run that has finished ended before its last example: its scores had settled the comparison. */
export const stoppedEarly = ({ total, summary }: RunRecord): boolean =>
  total !== null && summary !== null && (summary as RunSummary).n < total;

/** Runs that were stopped early, compared as if their n had been fixed beforehand: by other metrics, or with runs of other experiments. */
function warnOfStopped(
  found: ComparisonOutput,
  groups: readonly { label: string; runs: readonly RunRecord[] }[],
): ComparisonOutput {
  const stopped = groups.filter(({ runs }) => runs.some(stoppedEarly)).map(({ label }) => label);
  if (stopped.length === 0) return found;
  const comparisons = found.comparisons.map((one) => {
    const own = stopped.filter((label) => label === one.baseline || label === one.candidate);
    const warning = `${own.join(' and ')}: stopped early by the scores; this interval and test are those of an n fixed beforehand, and not valid here`;
    return own.length === 0 ? one : { ...one, warnings: [...one.warnings, warning] };
  });
  return { ...found, comparisons };
}

/** A finding as it is kept with its experiment; `of` tells which runs, as of when, it speaks of. */
interface KeptFinding extends ComparisonOutput {
  readonly of: string;
}

/** Part of what a kept finding speaks of: one of an older shape is computed again. */
const findingShape = 'tokens';

async function compareExperiment(
  store: Store,
  experiment: ExperimentRecord,
  runs: readonly RunRecord[],
  compute: Compute,
): Promise<ComparisonOutput> {
  const { compare, variants } = experiment.config as ExperimentSpec;
  const finished = runs.filter((run) => run.status === 'finished');
  const of = [findingShape, ...finished.map((run) => `${run.id} ${run.finishedAt}`)].join(', ');
  const kept = (await store.getFinding(experiment.id)) as KeptFinding | null;
  if (kept?.of === of) return kept;
  const groupOf = (run: RunRecord) => (run.spec as VariantSpec).group;
  const labels = [...new Set(finished.map(groupOf))];
  const ordered = [compare.baseline, ...labels.filter((label) => label !== compare.baseline)];
  const groups = ordered
    .map((label) => ({ label, runs: finished.filter((run) => groupOf(run) === label) }))
    .filter((group) => group.runs.length > 0);
  const comparable = groups[0]?.label === compare.baseline ? groups : [];
  const { stop: rule, ...settings } = compare;
  const stop =
    rule === undefined
      ? {}
      : {
          stop: {
            atLeast: rule.atLeast,
            most: Math.max(0, ...finished.map(({ total }) => total ?? 0)),
            comparisons: new Set(variants.map(({ group }) => group)).size - 1,
          },
        };
  const found = await compareGroups(store, comparable, { ...settings, ...stop }, compute);
  const headline = found.comparisons.map((one) => ({
    baseline: one.baseline,
    candidate: one.candidate,
    verdict: one.verdict,
    sentence: verdictSentence(one),
  }));
  await store.saveFinding(experiment.id, { of, ...found } satisfies KeptFinding, headline);
  return found;
}

/** Reads an experiment's finding from the store, which keeps it once computed; comparisons are over the runs that have finished. */
export async function readFinding(
  store: Store,
  experiment: ExperimentRecord,
  compute: Compute = compareInputs,
): Promise<Finding> {
  const spec = experiment.config as ExperimentSpec;
  const runs = await store.listRuns(experiment.id);
  const { comparisons, latency, tokens } = await compareExperiment(store, experiment, runs, compute);
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
    comparisons,
    latency,
    tokens,
  };
}
