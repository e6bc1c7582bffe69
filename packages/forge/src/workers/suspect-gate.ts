import { createSharedExclusive } from '../lib/shared-exclusive.ts';
import type { RunParts } from '../run-experiment.ts';
import type { WorkerStore } from '../worker-record.ts';

/** So often may workers be lost while they work on one example. */
const mostTries = 3;

export interface SuspectGate {
  readonly admit: NonNullable<RunParts['admit']>;
  /** Takes back the notes of what was begun: this worker stops in order. */
  takeBack(): Promise<void>;
}

/**
 * Finds the example that ends the worker. In a shard that a worker was lost with, each example is noted before it begins;
 * one that was noted in an attempt before is begun alone; one that was noted three times is set aside as `poison`.
 */
export async function createSuspectGate(
  store: Pick<WorkerStore, 'beginSuspect' | 'suspects' | 'clearSuspects'>,
  runId: string,
  indices: readonly number[],
): Promise<SuspectGate> {
  const earlier = await store.suspects(runId, indices);
  const gate = createSharedExclusive();
  const begun = new Set<number>();

  return {
    async admit(index, signal) {
      const tries = earlier.get(index) ?? 0;
      if (tries >= mostTries) {
        const message = `set aside: workers were lost ${tries} times while they worked on it`;
        return { failure: { kind: 'poison', message }, leave: () => {} };
      }
      const leave = await (tries === 0 ? gate.shared : gate.exclusive)(signal);
      try {
        await store.beginSuspect(runId, index);
        begun.add(index);
      } catch (error) {
        leave();
        throw error;
      }
      return { leave };
    },
    takeBack: () => (begun.size === 0 ? Promise.resolve() : store.clearSuspects(runId, [...begun])),
  };
}
