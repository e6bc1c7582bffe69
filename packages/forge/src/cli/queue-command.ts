import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { textTable } from '../lib/format.ts';
import { forgeVersion } from '../lib/installation.ts';
import { isCorpusText, loadCorpus } from '../load-corpus.ts';
import { loadExperiment, readConfigText, storedForm } from '../load-experiment.ts';
import { storedTraining } from '../load-training.ts';
import type { Store } from '../store.ts';
import type { QueuedJob } from '../worker-record.ts';
import {
  joinRequirements,
  requirementOf,
  requirementOfIngestion,
  requirementOfTraining,
} from '../workers/requirement.ts';
import { storeBenchmark } from './bench-command.ts';
import { findExperiment } from './find-experiment.ts';
import { loadFile } from './load-file.ts';
import { openWorkspace } from './workspace.ts';

/** Workers of any setting of theirs are shown as lost after this. */
const lostAfterSeconds = 15;
const mostJobs = 1000;
const shownJobs = 20;

/** Runs with the store of the workers. */
async function withQueue<T>(use: (store: Store, baseDir: string) => Promise<T>): Promise<T> {
  const workspace = openWorkspace();
  if (workspace.database === 'embedded')
    throw new ConfigError('DATABASE_URL is not set: there is a queue for workers in a Postgres only');
  const store = await workspace.openOwnStore();
  try {
    return await use(store, workspace.surroundings.baseDir);
  } finally {
    await store.close();
  }
}

/** `forge queue`: what waits, what runs, who works. */
export function list(options: { json?: boolean }): Promise<void> {
  return withQueue(async (store) => {
    const [experiments, jobs, workers, limits] = await Promise.all([
      store.queueEntries(),
      store.listJobs(shownJobs),
      store.listWorkers(lostAfterSeconds),
      store.listLimits(),
    ]);
    if (options.json) {
      console.log(JSON.stringify({ experiments, jobs, workers, limits }, null, 2));
      return;
    }
    if (experiments.length === 0 && jobs.length === 0)
      console.log('nothing is queued; add an experiment, training, benchmark or corpus with: forge queue add <file>');
    if (experiments.length > 0)
      console.log(
        textTable(
          ['experiment', 'name', 'priority', 'state', 'waiting', 'under way', 'done'],
          experiments.map(({ experimentId, name, priority, paused, planned, shards }) => [
            experimentId,
            name,
            String(priority),
            paused ? 'paused' : planned ? 'queued' : 'to be planned',
            String(shards.waiting),
            String(shards.claimed),
            String(shards.done),
          ]),
        ),
      );
    if (jobs.length > 0)
      console.log(
        `\n${textTable(
          ['job', 'kind', 'name', 'priority', 'state', 'worker'],
          jobs.map(({ id, kind, name, priority, paused, state, worker, endedAt, error }) => [
            id,
            kind,
            name,
            String(priority),
            `${paused && endedAt === null ? 'paused' : state}${error === null ? '' : `: ${error.slice(0, 80)}`}`,
            worker ?? '',
          ]),
        )}`,
      );
    if (workers.length > 0)
      console.log(
        `\n${textTable(
          ['worker', 'name', 'state', 'version', 'GPU', 'shards', 'jobs'],
          workers.map(({ id, name, kind, state, alive, version, capabilities, shards, jobs: held }) => [
            id,
            kind === 'server' ? `${name} (server)` : name,
            alive ? state : 'lost',
            version,
            capabilities.gpu ? 'yes' : 'no',
            String(shards),
            String(held),
          ]),
        )}`,
      );
    if (limits.length > 0)
      console.log(
        `\n${textTable(
          ['limit of', 'calls at once', 'held'],
          limits.map(({ key, max, held }) => [key, String(max), String(held)]),
        )}`,
      );
  });
}

/** A job for a file of another kind than an experiment; null for an experiment. Throws ConfigError. */
async function jobOf(store: Store, file: string, baseDir: string): Promise<Parameters<Store['enqueueJob']>[0] | null> {
  const given = { priority: 0, version: forgeVersion };
  if (isCorpusText(await readConfigText(file))) {
    const subject = relative(baseDir, resolve(file)).replaceAll('\\', '/');
    if (subject.startsWith('../') || isAbsolute(subject))
      throw new ConfigError(`${file}: is outside the project; workers read corpora from their own checkout of it`);
    const { name, embedder } = await loadCorpus(subject, baseDir);
    return { ...given, kind: 'ingestion', subject, name, requirement: requirementOfIngestion(embedder) };
  }
  const { kind, loaded } = await loadFile(file);
  if (kind === 'experiment') return null;
  const { name } = loaded.spec;
  if (kind === 'training') {
    const { id } = (await store.createTraining(storedTraining(loaded))).training;
    return { ...given, kind, subject: id, name, requirement: requirementOfTraining(loaded.spec) };
  }
  const requirement = joinRequirements(loaded.spec.variants.map(({ engine }) => requirementOf(engine)));
  return { ...given, kind, subject: await storeBenchmark(store, loaded), name, requirement };
}

async function addExperiment(store: Store, given: string, isFile: boolean, priority: number): Promise<string> {
  const experiment = isFile
    ? (await store.createExperiment(storedForm(await loadExperiment(given)))).experiment
    : await findExperiment(store, given);
  if ((await store.listRuns(experiment.id)).every(({ status }) => status === 'finished'))
    throw new ConfigError(`experiment ${experiment.id}: every run is finished; add its file to run it again`);
  await store.enqueueExperiment(experiment.id, { priority, version: forgeVersion });
  return experiment.id;
}

/** `forge queue add`: an experiment, training, benchmark or corpus for the workers. Throws ConfigError. */
export function add(given: string, options: { priority: number; json?: boolean }): Promise<void> {
  return withQueue(async (store, baseDir) => {
    const { priority } = options;
    const isFile = /\.ya?ml$/i.test(given) || existsSync(given);
    const job = isFile ? await jobOf(store, given, baseDir) : null;
    if (job === null) {
      const experimentId = await addExperiment(store, given, isFile, priority);
      console.log(options.json ? JSON.stringify({ experimentId }) : `queued: ${experimentId}`);
      return;
    }
    const jobId = await store.enqueueJob({ ...job, priority });
    const { kind, subject } = job;
    console.log(options.json ? JSON.stringify({ jobId, kind, subject }) : `queued: ${kind} ${subject} as job ${jobId}`);
  });
}

/** A job that has not ended, by its id or an unambiguous beginning of at least 4 characters. */
async function findJob(store: Store, given: string): Promise<QueuedJob | undefined> {
  const found = given.length < 4 ? [] : (await store.listJobs(mostJobs)).filter(({ id }) => id.startsWith(given));
  const open = found.filter(({ endedAt }) => endedAt === null);
  if (open.length > 1) throw new ConfigError(`"${given}" begins the ids of ${open.length} jobs; give more of it`);
  const [ended] = found;
  if (ended !== undefined && open.length === 0)
    throw new ConfigError(`job ${ended.id} has ended: it is ${ended.state}`);
  return open[0];
}

function change(
  given: string,
  what: {
    job(store: Store, id: string): Promise<boolean>;
    experiment(store: Store, id: string): Promise<boolean>;
  },
  said: string,
): Promise<void> {
  return withQueue(async (store) => {
    const job = await findJob(store, given);
    const id = job?.id ?? (await findExperiment(store, given)).id;
    if (!(await (job === undefined ? what.experiment : what.job)(store, id)))
      throw new ConfigError(`${id} is not in the queue; forge queue shows what is`);
    console.log(`${said}: ${id}`);
  });
}

const pausing = (paused: boolean) => ({
  job: (store: Store, id: string) => store.pauseJob(id, paused),
  experiment: (store: Store, id: string) => store.pauseExperiment(id, paused),
});

/** `forge queue pause` */
export const pause = (id: string) => change(id, pausing(true), 'paused');
/** `forge queue resume` */
export const resume = (id: string) => change(id, pausing(false), 'goes on');
/** `forge queue cancel` */
export const cancel = (id: string) =>
  change(
    id,
    { job: (store, found) => store.cancelJob(found), experiment: (store, found) => store.dequeueExperiment(found) },
    'cancelled',
  );

/** `forge queue limit`: calls at once over all machines; null lifts it. */
export function limit(key: string, max: number | null): Promise<void> {
  return withQueue(async (store) => {
    await store.setLimit(key, max);
    console.log(max === null ? `no limit any more: ${key}` : `${key}: ${max} calls at once, on all machines together`);
  });
}
