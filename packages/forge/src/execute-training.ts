import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { buildTrainer } from './build.ts';
import type { ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';
import { type EvaluationEvent, type Measured, type Measurement, measure } from './evaluate-training.ts';
import type { ExecuteParts } from './execute-runs.ts';
import type { TrainingRunSpec } from './expand-training.ts';
import { exportTraining, resultPaths } from './export-training.ts';
import { pushToHub } from './lib/hub-push.ts';
import { type ModelFolder, resolveModelFolder } from './lib/model-folder.ts';
import { isEncoderObjective } from './lib/objective-kind.ts';
import { openTokenCounter } from './lib/token-counter.ts';
import { writeGgufModel } from './lib/write-gguf-model.ts';
import { limitKey, type PreparedData, type PreparedRows, prepareTrainingData } from './prepare-training-data.ts';
import { recordTraining } from './record-training.ts';
import { reportTraining } from './report-training.ts';
import { runTraining, type TrainingRunEvent, type TrainingRunParts } from './run-training.ts';
import type { Trainer } from './trainer.ts';
import { armEngine, armsOf, type TrainedModel, withHeldOutFile } from './training-evaluations.ts';
import type { Artifact, TrainingRecord, TrainingRunRecord } from './training-record.ts';
import type { TrainingReport } from './training-report.ts';
import type { TrainingSpec } from './training-spec.ts';
import { writeTrainingCard } from './write-training-card.ts';

/** The one stream that CLI and dashboard read of a training. */
export type TrainingEvent =
  | {
      readonly type: 'stage';
      readonly stage: 'data' | 'training' | 'evaluation' | 'report' | 'push';
      readonly label: string;
    }
  | { readonly type: 'data'; readonly data: TrainingReport['data'] }
  | TrainingRunEvent
  | EvaluationEvent
  | { readonly type: 'report'; readonly report: TrainingReport };

export interface TrainingParts extends ExecuteParts {
  /** Trainings are kept in `trainings/` below it. */
  readonly home: string;
}

/** Where the files of a training lie: data, and a folder for each run. */
const trainingFolder = (home: string, trainingId: string) => join(home, 'trainings', trainingId);

/** What a training is made from, resolved once. */
interface Prepared {
  readonly training: TrainingRecord;
  readonly spec: TrainingSpec;
  readonly folder: string;
  readonly model: ModelFolder;
  readonly rows: PreparedData;
  readonly trainer: Trainer;
}

/** As a config would name it: relative to the project where it lies in it. */
function shownPath(path: string, baseDir: string): string {
  const inside = relative(baseDir, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}

/** Where the GGUF of the model before training is: the one that the file names, or one to be written from the model's folder. */
export const baseModelPath = (spec: TrainingSpec, fingerprint: string, cacheDir: string) =>
  spec.evaluation.engine.model ?? join(cacheDir, 'gguf', `${fingerprint}.gguf`);

/** The GGUF of the model before training, written once. */
async function baseModel({ spec, model }: Prepared, { surroundings }: TrainingParts): Promise<string> {
  const path = baseModelPath(spec, model.fingerprint, surroundings.cacheDir);
  if (path === spec.evaluation.engine.model) return path;
  if ((await stat(path).catch(() => null)) === null)
    await writeGgufModel({ model: model.path, path, name: spec.model });
  return shownPath(path, surroundings.baseDir);
}

const runFolder = ({ folder }: Prepared, run: TrainingRunRecord) => join(folder, String(run.position));

/** The engine that serves what a run left. */
async function engineOf(prepared: Prepared, run: TrainingRunRecord, parts: TrainingParts): Promise<ComponentSpec> {
  const { settings } = run.spec as TrainingRunSpec;
  const at = (path: string) => shownPath(join(runFolder(prepared, run), path), parts.surroundings.baseDir);
  if (settings.lora === false) return armEngine(prepared.spec, at(resultPaths.ggufModel), null);
  return armEngine(prepared.spec, await baseModel(prepared, parts), at(resultPaths.ggufAdapter));
}

function partsOfRun(prepared: Prepared, run: TrainingRunRecord, parts: TrainingParts): TrainingRunParts {
  const { training, spec, model, trainer, rows } = prepared;
  const { settings, trainRows } = run.spec as TrainingRunSpec;
  const folder = runFolder(prepared, run);
  const { train, trainCount, validation, digests } = rows.limits[limitKey(trainRows)] as PreparedRows;
  return {
    runId: run.id,
    variant: run.variant,
    trainer,
    job: {
      folder,
      model: { path: model.path, reference: spec.model },
      rows: { train, trainCount, validation },
      settings,
    },
    provenance: {
      ...parts.origin,
      configHash: training.configHash,
      rows: digests,
      model: {
        reference: spec.model,
        fingerprint: model.fingerprint,
        ...(model.revision === undefined ? {} : { revision: model.revision }),
      },
      trainer: trainer.name,
    },
    export: (signal): Promise<readonly Artifact[]> =>
      exportTraining({
        folder,
        model: model.path,
        trained: isEncoderObjective(settings.objective) ? 'encoder' : settings.lora === false ? 'model' : 'adapter',
        // Evaluation serves it.
        gguf: spec.outputs.gguf || spec.evaluation.experiments.length > 0,
        merged: spec.outputs.merged,
        name: `${spec.name} ${run.variant}`,
        signal,
      }),
  };
}

/** Trains the runs that are not finished yet, one after another; false after an abort. */
async function* trainAll(
  prepared: Prepared,
  runs: readonly TrainingRunRecord[],
  parts: TrainingParts,
): AsyncGenerator<TrainingEvent, boolean> {
  const { store, clock, signal } = parts;
  for (const run of runs) {
    if (signal?.aborted) return false;
    if (run.status === 'finished') continue;
    yield { type: 'stage', stage: 'training', label: run.variant };
    const events = runTraining(partsOfRun(prepared, run, parts), clock, signal);
    for await (const event of recordTraining(store, events, clock.now)) {
      yield event;
      if (event.type === 'training-run-finished' && event.status === 'cancelled') return false;
    }
  }
  return !signal?.aborted;
}

/** Measures the models of some runs on what the file lists; null after an abort. */
async function* measureAll(
  prepared: Prepared,
  runs: readonly TrainingRunRecord[],
  parts: TrainingParts,
): AsyncGenerator<TrainingEvent, Measured[] | null> {
  const { spec, rows, folder } = prepared;
  const { experiments, ablation, ablationSample } = spec.evaluation;
  const main = (runs[0]?.spec as TrainingRunSpec | undefined)?.main === true;
  const wanted = main ? experiments : experiments.filter((one) => ablation.includes(one.name));
  if (runs.length === 0 || wanted.length === 0) return [];
  const models: TrainedModel[] = [];
  for (const run of runs)
    models.push({ spec: run.spec as TrainingRunSpec, engine: await engineOf(prepared, run, parts) });
  const fromNothing = models.some((model) => model.spec.settings.objective.name === 'pretrain');
  const before = fromNothing ? null : armEngine(spec, await baseModel(prepared, parts), null);
  const measured: Measured[] = [];
  for (const listed of wanted) {
    const evaluation = withHeldOutFile(listed, shownPath(rows.test ?? '', parts.surroundings.baseDir));
    const most = main ? null : ablationSample;
    const measurement: Measurement = {
      name: `${spec.name}-${evaluation.name}${main ? '' : '-ablation'}`,
      evaluation,
      arms: armsOf(before, models),
      sample: most === null ? evaluation.sample : Math.min(most, evaluation.sample ?? most),
    };
    yield { type: 'stage', stage: 'evaluation', label: measurement.name };
    const found = yield* measure(measurement, join(folder, 'evaluations.json'), parts);
    if (found === null) return null;
    measured.push(found);
  }
  return measured;
}

async function prepare(training: TrainingRecord, parts: TrainingParts): Promise<Prepared> {
  const { surroundings, signal } = parts;
  const spec = training.config as TrainingSpec;
  const folder = trainingFolder(parts.home, training.id);
  const model = await resolveModelFolder(spec.model, surroundings, signal);
  const countTokens = await openTokenCounter(model.path);
  const rows = await prepareTrainingData(spec, {
    folder: join(folder, 'data'),
    surroundings,
    signal,
    ...(countTokens === undefined ? {} : { countTokens }),
  });
  return { training, spec, folder, model, rows, trainer: await buildTrainer(spec.trainer, surroundings) };
}

/** Hours of training should not end in this. Throws ConfigError. */
function checkPush({ push: repo }: TrainingSpec, { surroundings }: TrainingParts): void {
  if (repo !== null && (surroundings.env.HF_TOKEN ?? '') === '')
    throw new ConfigError(
      `push: ${repo}: HF_TOKEN is not set; set it to a token that may write there, or leave push out`,
    );
}

/** Model cards with what was found. */
async function writeCards(training: TrainingRecord, report: TrainingReport, { store, clock }: TrainingParts) {
  for (const run of await store.listTrainingRuns(training.id)) {
    const card = await writeTrainingCard(training, run, report);
    const artifacts = [...run.artifacts.filter(({ kind }) => kind !== 'model-card'), card];
    const { finishedAt, outcome } = run;
    await store.finishTrainingRun(run.id, {
      status: 'finished',
      wallMs: 0,
      finishedAt: finishedAt ?? clock.now(),
      artifacts,
      outcome,
    });
  }
}

/** Uploads what the first run of the main setting made, where the file says so. */
async function* push({ training, spec }: Prepared, parts: TrainingParts): AsyncGenerator<TrainingEvent> {
  if (spec.push === null) return;
  const [run] = await parts.store.listTrainingRuns(training.id);
  if (run === undefined || run.folder === null) return;
  yield { type: 'stage', stage: 'push', label: spec.push };
  const { settings } = run.spec as TrainingRunSpec;
  const folder = join(run.folder, settings.lora === false ? resultPaths.model : resultPaths.adapter);
  const target = { repo: spec.push, message: `${spec.name}, ${run.variant}` };
  const { url } = await pushToHub(folder, target, parts.surroundings, parts.signal);
  yield { type: 'stage', stage: 'push', label: url };
}

/**
 * Executes what is left of a stored training: splits the data, trains the main setting and measures it, then its ablation,
 * then reports. The stream holds an event once it is stored. Runs that are finished are not done again; others go on from
 * their newest checkpoint, evaluations from their stored examples. Throws ConfigError and TrainerError.
 */
export async function* executeTraining(
  job: { training: TrainingRecord; runs: readonly TrainingRunRecord[] },
  parts: TrainingParts,
): AsyncGenerator<TrainingEvent> {
  const { store } = parts;
  checkPush(job.training.config as TrainingSpec, parts);
  yield { type: 'stage', stage: 'data', label: 'splitting the rows' };
  const prepared = await prepare(job.training, parts);
  yield { type: 'data', data: prepared.rows.data };
  const measured: Measured[] = [];
  const isMain = (run: TrainingRunRecord) => (run.spec as TrainingRunSpec).main;
  for (const runs of [job.runs.filter(isMain), job.runs.filter((run) => !isMain(run))]) {
    if (!(yield* trainAll(prepared, runs, parts))) return;
    const found = yield* measureAll(prepared, runs, parts);
    if (found === null) return;
    measured.push(...found);
  }
  yield { type: 'stage', stage: 'report', label: 'reading what was measured' };
  const report = await reportTraining(prepared.rows.data, measured, parts);
  await store.saveTrainingReport(job.training.id, report);
  await writeCards(job.training, report, parts);
  yield { type: 'report', report };
  yield* push(prepared, parts);
}
