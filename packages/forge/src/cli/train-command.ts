import { ConfigError } from '../errors.ts';
import { executeTraining, type TrainingParts } from '../execute-training.ts';
import { textTable } from '../lib/format.ts';
import { loadTraining, storedTraining } from '../load-training.ts';
import type { Store } from '../store.ts';
import type { TrainingRecord } from '../training-record.ts';
import { trainingText } from '../training-text.ts';
import { type LogChoice, logTraining, openLog } from './logging.ts';
import { ExitCode } from './report-error.ts';
import { stopSignal } from './stop-signal.ts';
import { createTrainProgress } from './train-progress.ts';
import { openWorkspace, shortPath, type Workspace } from './workspace.ts';

interface TrainOptions extends LogChoice {
  /** true: the latest. */
  readonly resume?: string | true;
  readonly json?: boolean;
}

/** A training by id, by an unambiguous beginning of it, or the latest. Throws ConfigError saying how to look. */
async function findTraining(store: Store, id: string | undefined): Promise<TrainingRecord> {
  if (id === undefined) {
    const latest = (await store.listTrainings({ limit: 1 })).items[0];
    if (latest === undefined)
      throw new ConfigError('no training is stored yet; start with: forge train experiments/dpo-lab.yaml');
    return latest;
  }
  const found = await store.getTraining(id);
  if (found === null) throw new ConfigError(`no training "${id}"; forge trainings shows what is stored`);
  return found;
}

/** Prints a stored training: what was found, or how far it is. */
export async function showTraining(
  store: Store,
  training: TrainingRecord,
  { json, cacheDir }: { json: boolean; cacheDir: string },
): Promise<void> {
  const runs = await store.listTrainingRuns(training.id);
  const text = () => trainingText(training, runs, { shown: shortPath, cacheDir });
  console.log(json ? JSON.stringify({ training, runs }, null, 2) : text());
}

/** Executes what is left of a training and shows progress on stderr. Returns it with its report. Throws ExitCode where it was stopped. */
export async function executeStoredTraining(
  store: Store,
  id: string,
  workspace: Workspace,
  options: LogChoice,
): Promise<TrainingRecord> {
  const parts = await partsOf(workspace, store);
  const { monotonic } = parts.clock;
  const progress =
    options.logFormat === 'json'
      ? logTraining(openLog(options, parts.surroundings.env), monotonic)
      : createTrainProgress(process.stderr, monotonic);
  const notify = progress.notice;
  const training = await findTraining(store, id);
  const job = { training, runs: await store.listTrainingRuns(id) };
  const surroundings = { ...parts.surroundings, notify };
  for await (const event of executeTraining(job, { ...parts, surroundings })) progress.event(event);
  if (parts.signal?.aborted) {
    console.error(`stopped; nothing finished is lost. Go on with: forge train --resume ${id}`);
    throw new ExitCode(130);
  }
  return findTraining(store, id);
}

async function partsOf(workspace: Workspace, store: Store): Promise<TrainingParts> {
  const { surroundings, clock, random, home } = workspace;
  return { store, surroundings, clock, random, home, origin: await workspace.origin(), signal: stopSignal() };
}

/** Trains what a file says and measures it before and after, or goes on with a training that was stopped. */
export async function train(file: string | undefined, options: TrainOptions): Promise<void> {
  const { resume } = options;
  if ((file === undefined) === (resume === undefined))
    throw new ConfigError(
      'forge train takes a training file, or --resume with the id of a training (the latest without)',
    );
  const loaded = file === undefined ? undefined : await loadTraining(file);
  const workspace = openWorkspace();
  const store = await workspace.openStore();
  try {
    const { id } =
      loaded === undefined
        ? await findTraining(store, resume === true ? undefined : resume)
        : (await store.createTraining(storedTraining(loaded))).training;
    const training = await executeStoredTraining(store, id, workspace, options);
    const { cacheDir } = workspace.surroundings;
    await showTraining(store, training, { json: options.json === true, cacheDir });
  } finally {
    await store.close();
  }
}

/** Lists stored trainings. */
export async function trainings(options: { limit: number; after?: string; json?: boolean }): Promise<void> {
  const store = await openWorkspace().openStore();
  try {
    const { limit, after } = options;
    const page = await store.listTrainings({ limit, ...(after === undefined ? {} : { after }) });
    const runs = await store.listTrainingRuns(...page.items.map((item) => item.id));
    const items = page.items.map((item) => ({ ...item, runs: runs.filter((run) => run.trainingId === item.id) }));
    if (options.json) {
      console.log(JSON.stringify({ items: items.map(({ source: _, ...item }) => item), next: page.next }, null, 2));
      return;
    }
    const rows = items.map((item) => [
      item.id,
      item.name,
      new Date(item.createdAt).toISOString().slice(0, 16).replace('T', ' '),
      `${item.runs.filter((run) => run.status === 'finished').length}/${item.runs.length} finished`,
      item.report === null ? 'no report yet' : 'reported',
    ]);
    console.log(
      rows.length === 0 ? 'no training found' : textTable(['training', 'name', 'created (UTC)', 'runs', ''], rows),
    );
    if (page.next !== null) console.log(`\nmore: forge trainings --after ${page.next}`);
  } finally {
    await store.close();
  }
}
