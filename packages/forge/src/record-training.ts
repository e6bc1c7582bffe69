import { ConfigError, messageOf } from './errors.ts';
import type { TrainingRunEvent } from './run-training.ts';
import type { Validation } from './trainer.ts';
import type { StoredTrainEvent, TrainingStore } from './training-record.ts';

/** How a run of a training went. Kept in `TrainingRunRecord.outcome`. JSON. */
export interface TrainingOutcome {
  readonly steps: number;
  readonly reason: 'completed' | 'early-stop';
  /** Of the last step. */
  readonly loss: number | null;
  /** Over the validation rows before the first step and after the last one; null where there are none. */
  readonly validation: { readonly before: Validation | null; readonly after: Validation | null };
  /** Over all attempts. */
  readonly tokens: number;
  readonly tokensPerSecond: number | null;
  /** Of the attempt that finished. */
  readonly peakMemoryBytes: number;
}

const isStored = (event: { type: string }): event is StoredTrainEvent =>
  ['step', 'validation', 'checkpoint', 'warning', 'started'].includes(event.type);

/** Sums a run's stored events up, page by page. */
async function outcomeOf(
  store: TrainingStore,
  { runId, end }: Extract<TrainingRunEvent, { type: 'training-run-finished' }>,
): Promise<TrainingOutcome | null> {
  if (end === null || end.reason === 'cancelled') return null;
  let loss: number | null = null;
  let before: Validation | null = null;
  let after: Validation | null = null;
  let [tokens, tookMs] = [0, 0];
  for (let cursor = 0; ; ) {
    const page = await store.trainEvents(runId, cursor);
    if (page.items.length === 0) break;
    for (const event of page.items) {
      if (event.type === 'step') {
        loss = event.loss;
        tokens += event.tokens;
        tookMs += event.tookMs;
      } else if (event.type === 'validation') {
        if (event.step === 0) before = event;
        else after = event;
      }
    }
    cursor = page.cursor;
  }
  const tokensPerSecond = tookMs > 0 ? (1000 * tokens) / tookMs : null;
  const { step: steps, reason, peakMemoryBytes } = end;
  return { steps, reason, loss, validation: { before, after }, tokens, tokensPerSecond, peakMemoryBytes };
}

/**
 * Writes the events of training runs to a store and yields each one after it is stored: a step that was seen is there for good.
 * Throws what the run throws, and ConfigError where the store fails: the training can be resumed.
 */
export async function* recordTraining(
  store: TrainingStore,
  events: AsyncIterable<TrainingRunEvent>,
  now: () => number,
): AsyncGenerator<TrainingRunEvent> {
  async function write(event: TrainingRunEvent): Promise<void> {
    if (event.type === 'training-run-started') {
      const { runId, folder, provenance } = event;
      return store.startTrainingRun(runId, { folder, provenance, startedAt: now() });
    }
    if (event.type === 'train') {
      if (isStored(event.event)) await store.addTrainEvents(event.runId, [event.event]);
      return;
    }
    const { runId, status, error, wallMs, artifacts } = event;
    const outcome = await outcomeOf(store, event);
    const end = { status, wallMs, finishedAt: now(), artifacts, outcome, ...(error === undefined ? {} : { error }) };
    return store.finishTrainingRun(runId, end);
  }

  for await (const event of events) {
    try {
      await write(event);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ConfigError(
        `the training cannot be stored: ${messageOf(error)}; what was stored is kept, go on with: forge train --resume`,
        { cause: error },
      );
    }
    yield event;
  }
}
