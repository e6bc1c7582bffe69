import { existsSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import { textTable } from '../lib/format.ts';
import { loadExperiment, storedForm } from '../load-experiment.ts';
import type { Store } from '../store.ts';
import { findExperiment } from './find-experiment.ts';
import { forgeVersion, openWorkspace } from './workspace.ts';

/** Workers of any setting of theirs are shown as lost after this. */
const lostAfterSeconds = 15;

/** Runs with the store of the workers. */
async function withQueue<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const workspace = openWorkspace();
  if (workspace.database === 'embedded')
    throw new ConfigError('DATABASE_URL is not set: there is a queue for workers in a Postgres only');
  const store = await workspace.openOwnStore();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

export function list(options: { json?: boolean }): Promise<void> {
  return withQueue(async (store) => {
    const [experiments, workers, limits] = await Promise.all([
      store.queueEntries(),
      store.listWorkers(lostAfterSeconds),
      store.listLimits(),
    ]);
    if (options.json) {
      console.log(JSON.stringify({ experiments, workers, limits }, null, 2));
      return;
    }
    if (experiments.length === 0) console.log('nothing is queued; add an experiment with: forge queue add <file>');
    else
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
    if (workers.length > 0)
      console.log(
        `\n${textTable(
          ['worker', 'name', 'state', 'version', 'GPU', 'shards'],
          workers.map(({ id, name, kind, state, alive, version, capabilities, shards }) => [
            id,
            kind === 'server' ? `${name} (server)` : name,
            alive ? state : 'lost',
            version,
            capabilities.gpu ? 'yes' : 'no',
            String(shards),
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

export function add(given: string, options: { priority: number; json?: boolean }): Promise<void> {
  return withQueue(async (store) => {
    const isFile = /\.ya?ml$/i.test(given) || existsSync(given);
    const experiment = isFile
      ? (await store.createExperiment(storedForm(await loadExperiment(given)))).experiment
      : await findExperiment(store, given);
    if ((await store.listRuns(experiment.id)).every(({ status }) => status === 'finished'))
      throw new ConfigError(`experiment ${experiment.id}: every run is finished; add its file to run it again`);
    await store.enqueueExperiment(experiment.id, { priority: options.priority, version: forgeVersion });
    console.log(options.json ? JSON.stringify({ experimentId: experiment.id }) : `queued: ${experiment.id}`);
  });
}

function change(
  given: string,
  what: (store: Store, experimentId: string) => Promise<boolean>,
  said: string,
): Promise<void> {
  return withQueue(async (store) => {
    const { id } = await findExperiment(store, given);
    if (!(await what(store, id)))
      throw new ConfigError(`experiment ${id} is not in the queue; forge queue shows what is`);
    console.log(`${said}: ${id}`);
  });
}

export const pause = (id: string) => change(id, (store, found) => store.pauseExperiment(found, true), 'paused');
export const resume = (id: string) => change(id, (store, found) => store.pauseExperiment(found, false), 'goes on');
export const cancel = (id: string) => change(id, (store, found) => store.dequeueExperiment(found), 'cancelled');

export function limit(key: string, max: number | null): Promise<void> {
  return withQueue(async (store) => {
    await store.setLimit(key, max);
    console.log(max === null ? `no limit any more: ${key}` : `${key}: ${max} calls at once, on all machines together`);
  });
}
