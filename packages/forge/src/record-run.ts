import { ConfigError, messageOf, StoreError } from './errors.ts';
import type { ExampleResult, RunEvent } from './run.ts';
import type { Store } from './store.ts';

export interface RecordOptions {
  /** The figures of a run as of its end, JSON; called when all its examples are stored. `wallMs`: of this attempt. */
  summarize(runId: string, wallMs: number): Promise<unknown>;
  /** Wall clock, ms since the epoch. */
  now?(): number;
}

const maxBatch = 500;
/** Where so much waits to be written, nothing more is taken from the run. */
const maxWaiting = 2000;
const maxWaitingSize = 64 * 2 ** 20;

/** A rough length of the texts of a result, in UTF-16 units. */
const sizeOf = (event: RunEvent) =>
  event.type !== 'example-finished'
    ? 0
    : event.result.calls.reduce((sum, call) => sum + call.prompt.length + call.output.length, 1000);

/** Events between the run, which makes them at its own pace, and the writer. */
function gatherEvents(events: AsyncIterable<RunEvent>) {
  const iterator = events[Symbol.asyncIterator]();
  let waiting: RunEvent[] = [];
  let waitingSize = 0;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let changed = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  let stopped = false;

  async function pump(): Promise<void> {
    try {
      while (!stopped) {
        const { value, done } = await iterator.next();
        if (done === true) break;
        waiting.push(value);
        waitingSize += sizeOf(value);
        changed.resolve();
        while (!stopped && (waiting.length >= maxWaiting || waitingSize >= maxWaitingSize)) await room.promise;
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    changed.resolve();
  }
  const pumping = pump();

  /** The next event, or the next examples of one run that are there already; nothing at the end. Throws what the run threw. */
  async function next(): Promise<RunEvent[]> {
    while (waiting.length === 0 && !ended) {
      changed = Promise.withResolvers();
      await changed.promise;
    }
    const first = waiting[0];
    if (first === undefined) {
      if (failure !== undefined) throw failure.error;
      return [];
    }
    let count = 1;
    if (first.type === 'example-finished') {
      const belongs = (event: RunEvent | undefined) =>
        event?.type === 'example-finished' && event.runId === first.runId;
      while (count < maxBatch && belongs(waiting[count])) count++;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    for (const event of batch) waitingSize -= sizeOf(event);
    room.resolve();
    room = Promise.withResolvers();
    return batch;
  }

  /** Takes nothing more and waits until the run has let go. */
  async function stop(): Promise<void> {
    stopped = true;
    room.resolve();
    await iterator.return?.().catch(() => {});
    await pumping;
  }

  return { next, stop };
}

/**
 * Writes the events of runs to a store and yields each one after it is stored: what a person saw as finished is there for
 * good. While one batch is written the next one gathers. A consumer that stops early stops the run; what was finished by
 * then is stored. Throws what the run throws, and ConfigError where the store fails: the run can be resumed.
 */
export async function* recordRun(
  store: Pick<Store, 'startRun' | 'addResults' | 'finishRun'>,
  events: AsyncIterable<RunEvent>,
  options: RecordOptions,
): AsyncGenerator<RunEvent> {
  const now = options.now ?? Date.now;
  const source = gatherEvents(events);
  let storeFailed = false;

  async function stored(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      storeFailed = true;
      if (error instanceof ConfigError) throw error;
      throw new StoreError(
        `results cannot be stored: ${messageOf(error)}; what was stored is kept, go on with: forge resume`,
        {
          cause: error,
        },
      );
    }
  }

  async function write(batch: readonly RunEvent[]): Promise<void> {
    const [event] = batch;
    if (event === undefined) return;
    if (event.type === 'example-finished') {
      const results = batch.flatMap((one): ExampleResult[] => (one.type === 'example-finished' ? [one.result] : []));
      return stored(store.addResults(event.runId, results));
    }
    if (event.type === 'run-started') {
      const { runId, total, provenance } = event;
      return stored(store.startRun(runId, { total, provenance, startedAt: now() }));
    }
    const { runId, status, error, wallMs } = event;
    const summary = await options.summarize(runId, wallMs);
    const end = { status, wallMs, finishedAt: now(), summary, ...(error === undefined ? {} : { error }) };
    return stored(store.finishRun(runId, end));
  }

  try {
    for (let batch = await source.next(); batch.length > 0; batch = await source.next()) {
      await write(batch);
      yield* batch;
    }
  } finally {
    await source.stop();
    if (!storeFailed) await writeRest(source, write);
  }
}

/** Examples that were finished and not yet written when the consumer stopped: nobody waits for them, but they were paid for. */
async function writeRest(
  source: ReturnType<typeof gatherEvents>,
  write: (batch: readonly RunEvent[]) => Promise<void>,
) {
  const rest = async () => {
    // What the run itself threw is of no interest to a consumer that has left.
    try {
      return await source.next();
    } catch {
      return [];
    }
  };
  for (let batch = await rest(); batch.length > 0; batch = await rest()) {
    if (batch[0]?.type === 'example-finished') await write(batch);
  }
}
