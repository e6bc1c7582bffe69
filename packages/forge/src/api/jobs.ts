import { compareInputs } from '../compare-inputs.ts';
import type { Notice } from '../definition.ts';
import { messageOf } from '../errors.ts';
import { type ExecuteParts, executeRuns } from '../execute-runs.ts';
import type { ExperimentSpec } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { RunEvent } from '../run.ts';
import type { ExperimentRecord, Store } from '../store.ts';

/**
 * Executes the experiments that were asked for, one at a time (two at once would measure each other's latency), in the
 * order in which they were asked for. The queue is in the store: a server that starts again goes on with it.
 */
export interface Jobs {
  /** Puts an experiment into the queue, or leaves it where it is. */
  start(experimentId: string): Promise<void>;
  /** Takes it out of the queue; what is under way stops and keeps what was finished. Resolves when it has stopped. */
  cancel(experimentId: string): Promise<void>;
  /** Goes on with what an earlier server left. */
  resume(): void;
  activeId(): string | null;
  /** Workers execute what this server enqueues: it can stop what runs elsewhere. */
  readonly byWorkers?: true;
  /** What the active one is doing before and between examples, e.g. a download. */
  notice(): Notice | null;
  /** Resolves when the experiment is neither queued nor active. */
  ended(experimentId: string): Promise<void>;
  onEvent(listener: JobListener): () => void;
  /** Says to all listeners that something has changed in the store, by another process through this server. */
  announce(): void;
  /** Stops what is under way; it stays in the queue for the next server. */
  close(): Promise<void>;
}

/** An event of a run that is executed here; null where something else has changed, in any experiment where none is named. */
export type JobListener = (experimentId: string | null, event: RunEvent | null) => void;

export interface JobParts extends Omit<ExecuteParts, 'store' | 'surroundings' | 'signal' | 'pricing'> {
  readonly store: Store;
  readonly surroundings: ExecuteParts['surroundings'];
  /** Of what could not be stored: for the server's own log. */
  log(message: string): void;
  readonly compute?: Parameters<typeof readFinding>[2];
}

interface Active {
  readonly id: string;
  readonly controller: AbortController;
  readonly done: Promise<void>;
}

/** The queue of one server: experiments one after another, what waits kept in the store. */
export function createJobs(parts: JobParts): Jobs {
  const { store, clock, log, compute = compareInputs } = parts;
  const listeners = new Set<JobListener>();
  let active: Active | undefined;
  let notice: Notice | null = null;
  let closing = false;
  let pumping: Promise<void> | undefined;

  const tell: JobListener = (id, event) => {
    for (const listener of listeners) listener(id, event);
  };

  const isQueued = async (experimentId: string) => (await store.listQueued()).some(({ id }) => id === experimentId);

  const nextChange = () =>
    new Promise<void>((resolve) => {
      const listener: JobListener = (_, event) => {
        if (event !== null) return;
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
    });

  /** A run that could not even start (a model that is missing, say) has failed, with the reason. */
  async function failNext(experimentId: string, error: unknown): Promise<void> {
    const runs = await store.listRuns(experimentId);
    const next = runs.find((run) => run.status === 'pending' || run.status === 'running' || run.status === 'cancelled');
    if (next === undefined) return;
    const end = { status: 'failed' as const, error: messageOf(error), wallMs: 0, finishedAt: clock.now() };
    await store.finishRun(next.id, { ...end, summary: next.summary });
  }

  async function execute(experiment: ExperimentRecord, signal: AbortSignal): Promise<void> {
    const { pricing, compare } = experiment.config as ExperimentSpec;
    const surroundings = {
      ...parts.surroundings,
      notify(given: Notice) {
        notice = given;
        parts.surroundings.notify(given);
        tell(experiment.id, null);
      },
    };
    const runs = await store.listRuns(experiment.id);
    const executed = { ...parts, surroundings, signal, ...(pricing === undefined ? {} : { pricing }) };
    try {
      for await (const event of executeRuns({ configHash: experiment.configHash, runs, compare }, executed)) {
        notice = null;
        tell(experiment.id, event);
      }
    } catch (error) {
      if (!signal.aborted) await failNext(experiment.id, error);
    }
    if (!signal.aborted) await readFinding(store, experiment, compute);
  }

  async function runNext(): Promise<boolean> {
    const given = new Set(closing ? [] : (await store.queueEntries()).map(({ experimentId }) => experimentId));
    const experiment = closing ? undefined : (await store.listQueued()).find(({ id }) => !given.has(id));
    if (experiment === undefined) return false;
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    active = { id: experiment.id, controller, done: promise };
    try {
      await execute(experiment, controller.signal);
    } catch (error) {
      log(`experiment ${experiment.id}: ${messageOf(error)}`);
    }
    notice = null;
    try {
      if (!closing) await store.setQueued(experiment.id, null);
    } finally {
      active = undefined;
      resolve();
      tell(experiment.id, null);
    }
    return true;
  }

  function pump(): void {
    if (closing) return;
    pumping ??= (async () => {
      try {
        while (await runNext());
      } catch (error) {
        // The database is away: the next start or restart goes on.
        log(`queue: ${messageOf(error)}`);
      }
      pumping = undefined;
    })();
  }

  return {
    async start(experimentId) {
      if (!(await isQueued(experimentId))) await store.setQueued(experimentId, Math.round(clock.now()));
      tell(experimentId, null);
      // The pump may be about to end: it looks at the queue once more after what it does now.
      void pumping?.then(pump);
      pump();
    },
    async cancel(experimentId) {
      if (active?.id === experimentId) {
        const { controller, done } = active;
        controller.abort();
        await done;
        return;
      }
      await store.setQueued(experimentId, null);
      tell(experimentId, null);
    },
    resume: pump,
    activeId: () => active?.id ?? null,
    notice: () => notice,
    async ended(experimentId) {
      while (true) {
        const changed = nextChange();
        if (active?.id !== experimentId && !(await isQueued(experimentId))) return;
        await changed;
      }
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announce: () => tell(null, null),
    async close() {
      closing = true;
      active?.controller.abort();
      await active?.done;
      await pumping;
    },
  };
}
