import { ConfigError, StoreError } from '../errors.ts';
import { recordRun } from '../record-run.ts';
import type { Provenance } from '../run.ts';
import { type Clock, type RunParts, runExperiment } from '../run-experiment.ts';
import type { Store } from '../store.ts';
import type { ClaimedShard } from '../worker-record.ts';
import { createSuspectGate } from './suspect-gate.ts';

/** The shard is somebody else's by now, or its experiment was taken back. */
export class ShardLostError extends StoreError {}

/** What of a run must be the same on every worker; what a machine is called need not be. */
const same = [
  'configHash',
  'datasetFingerprint',
  'modelDigest',
  'engineFingerprint',
  'forgeVersion',
] as const satisfies readonly (keyof Provenance)[];

/** Throws ConfigError where this worker would add rows of another data set, model or version to a run. */
function checkSame(begun: Provenance, here: Provenance): void {
  const other = same.find((key) => begun[key] !== here[key]);
  if (other !== undefined)
    throw new ConfigError(
      `${other} is ${String(here[other]).slice(0, 60)} on this worker, and the run began with ${String(begun[other]).slice(0, 60)}; give all workers the same files and version`,
    );
  for (const [role, fingerprint] of Object.entries(here.components ?? {})) {
    if (begun.components?.[role] !== fingerprint)
      throw new ConfigError(`${role} is made from something else on this worker than where the run began`);
  }
}

/**
 * Does the examples of a shard that are not stored yet and stores them; false where `signal` stopped it (what was finished
 * is stored). Throws ShardLostError, StoreError where the database is away, and ConfigError where this worker cannot do it.
 */
export async function executeShard(
  shard: ClaimedShard,
  run: RunParts,
  parts: { readonly store: Store; readonly workerId: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<boolean> {
  const { store, workerId, clock } = parts;
  const { id, runId, indices, attempt } = shard;
  const done = await store.storedAmong(runId, indices);
  if (done.size < indices.length) {
    const gate = attempt === 1 ? null : await createSuspectGate(store, runId, indices);
    const part = { ...run, done, only: new Set(indices), ...(gate === null ? {} : { admit: gate.admit }) };
    const target: Pick<Store, 'startRun' | 'addResults' | 'finishRun'> = {
      async startRun(_, { provenance, startedAt }) {
        const begun = await store.startShard({ id, runId, workerId }, { provenance, startedAt });
        if (begun === null) throw new ShardLostError(`shard ${id}: of another worker by now`);
        checkSame(begun as Provenance, provenance);
      },
      addResults: store.addResults,
      // A run is finished when its last shard is.
      async finishRun() {},
    };
    const events = recordRun(target, runExperiment(part, clock, signal), {
      summarize: async () => null,
      now: clock.now,
    });
    for await (const event of events) {
      if (event.type !== 'run-finished' || event.status === 'finished') continue;
      await gate?.takeBack();
      return false;
    }
  }
  await store.completeShard(id, workerId);
  return true;
}
