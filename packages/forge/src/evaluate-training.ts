import { readFile } from 'node:fs/promises';
import { type ExecuteParts, executeRuns } from './execute-runs.ts';
import { replaceFile } from './lib/replace-file.ts';
import { readFinding } from './read-finding.ts';
import type { RunEvent } from './run.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import { type Arm, evaluationExperiment } from './training-evaluations.ts';
import type { EvaluationSpec } from './training-spec.ts';

/** The events of an evaluation: those of an ordinary experiment. */
export interface EvaluationEvent {
  readonly type: 'evaluation';
  readonly experimentId: string;
  readonly name: string;
  /** The deciding metric. */
  readonly metric: string;
  readonly event: RunEvent;
}

/** Models that are measured on one thing. */
export interface Measurement {
  /** Of the stored experiment. */
  readonly name: string;
  readonly evaluation: EvaluationSpec;
  readonly arms: readonly Arm[];
  readonly sample: number | null;
}

/** A measurement that has been made. */
export interface Measured extends Measurement {
  readonly experiment: ExperimentRecord;
  /** In the order of `arms`. */
  readonly runs: readonly RunRecord[];
}

/** Which experiment was created for a measurement, kept in a file so that a resumed training goes on with it. */
async function findOrCreate(store: Store, memory: string, measurement: Measurement): Promise<ExperimentRecord> {
  const { name, evaluation, arms, sample } = measurement;
  const wanted = evaluationExperiment(name, evaluation, arms, sample);
  const known = await readFile(memory, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}) as Record<string, string>,
  );
  const id = known[name];
  const earlier = id === undefined ? null : await store.getExperiment(id);
  // Another model under the same name, say: what was measured does not speak of this one.
  if (earlier?.configHash === wanted.configHash) return earlier;
  const { experiment } = await store.createExperiment(wanted);
  await replaceFile(memory, (write) => write(Buffer.from(JSON.stringify({ ...known, [name]: experiment.id }))));
  return experiment;
}

/**
 * Measures models as an ordinary experiment that is stored, or goes on with it; returns what was found. Throws ConfigError. An abort
 * returns null.
 */
export async function* measure(
  measurement: Measurement,
  memory: string,
  parts: ExecuteParts,
): AsyncGenerator<EvaluationEvent, Measured | null> {
  const { store, signal } = parts;
  const experiment = await findOrCreate(store, memory, measurement);
  const { id: experimentId, name, configHash } = experiment;
  const { metric } = measurement.evaluation.compare;
  const job = { configHash, runs: await store.listRuns(experimentId) };
  for await (const event of executeRuns(job, parts)) yield { type: 'evaluation', experimentId, name, metric, event };
  if (signal?.aborted) return null;
  // Kept with the experiment, so that lists show it.
  await readFinding(store, experiment);
  return { ...measurement, experiment, runs: await store.listRuns(experimentId) };
}
