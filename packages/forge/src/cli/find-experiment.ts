import { ConfigError } from '../errors.ts';
import type { ExperimentRecord, Store } from '../store.ts';

/** An experiment by id, by an unambiguous beginning of it, or the latest. Throws ConfigError saying how to look. */
export async function findExperiment(store: Store, id: string | undefined): Promise<ExperimentRecord> {
  if (id === undefined) {
    const latest = (await store.listExperiments({}, { limit: 1 })).items[0];
    if (latest === undefined)
      throw new ConfigError('no experiment is stored yet; start with: forge run experiments/quickstart.yaml');
    return latest;
  }
  const found = await store.getExperiment(id);
  if (found === null) throw new ConfigError(`no experiment "${id}"; forge list shows what is stored`);
  return found;
}
