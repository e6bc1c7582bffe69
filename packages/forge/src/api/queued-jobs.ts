import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Store } from '../store.ts';
import type { JobListener, Jobs } from './jobs.ts';

const beatEveryMs = 5000;
const pollMs = 1000;

/**
 * The queue of a server that leaves experiments to workers: what is asked for goes into the database, and workers take it
 * from there. Pages follow it by the database alone.
 */
export async function createQueuedJobs(parts: {
  readonly store: Store;
  readonly version: string;
  /** `host:pid`. */
  readonly name: string;
  log(message: string): void;
}): Promise<Jobs> {
  const { store, version, name, log } = parts;
  const listeners = new Set<JobListener>();
  const tell = (id: string | null) => {
    for (const listener of listeners) listener(id, null);
  };
  // So that a worker of another version hears of it.
  const workerId = await store.registerWorker({
    name,
    kind: 'server',
    version,
    capabilities: { gpu: false, engines: [], models: [] },
  });
  const beating = setInterval(() => {
    store.beat(workerId, { state: 'working', waitsFor: null }).catch((error) => log(`no beat: ${messageOf(error)}`));
  }, beatEveryMs).unref();

  return {
    byWorkers: true,
    async start(experimentId) {
      await store.enqueueExperiment(experimentId, { priority: 0, version });
      tell(experimentId);
    },
    async cancel(experimentId) {
      if (!(await store.dequeueExperiment(experimentId))) await store.setQueued(experimentId, null);
      tell(experimentId);
    },
    resume: () => {},
    activeId: () => null,
    notice: () => null,
    async ended(experimentId) {
      while ((await store.queueEntries()).some((entry) => entry.experimentId === experimentId)) await sleep(pollMs);
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announce: () => tell(null),
    async close() {
      clearInterval(beating);
      await store.removeWorker(workerId).catch(() => {});
    },
  };
}
