import { buildDataset } from '../build.ts';
import type { Surroundings } from '../definition.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { VariantSpec } from '../load-experiment.ts';
import { sampleOrder, takeStored } from '../run-until-settled.ts';
import { createSettling, type StoppingCompare } from '../settle-comparisons.ts';
import type { RunRecord, Store } from '../store.ts';
import type { PlannedShard } from '../worker-record.ts';
import { planShards } from './plan-shards.ts';
import { requirementOf } from './requirement.ts';

/** What an experiment that may stop early does next. */
export interface NextBlock {
  /** None where it is settled, or all examples are done. */
  readonly shards: readonly PlannedShard[];
  /** Groups that go on. */
  readonly open: ReadonlySet<string>;
  /** Examples that there are at most. */
  readonly total: number;
}

interface StopEarlyParts {
  readonly store: Pick<Store, 'scoredRows'>;
  readonly surroundings: Surroundings;
  readonly shardSize?: number;
}

/**
 * Asks the stored rows what is next: workers do a block of examples, and whichever sees it whole looks, and adds the next one. The answer is
 * that of `forge run`, because it depends on the rows alone. `failed`: whether a run cannot be done. Throws ConfigError.
 */
export function createStopEarly({ store, surroundings, shardSize }: StopEarlyParts) {
  const orders = new Map<string, Promise<readonly number[]>>();

  async function orderOf(variant: VariantSpec): Promise<readonly number[]> {
    const { dataset, sample, sampleSeed } = variant;
    const key = canonicalJson({ dataset, sample, sampleSeed });
    const made =
      orders.get(key) ??
      buildDataset(dataset, surroundings).then(async (one) => sampleOrder(await one.count(), variant));
    orders.clear();
    orders.set(key, made);
    return made.catch((error: unknown) => {
      orders.delete(key);
      throw error;
    });
  }

  return async function nextBlock(
    runs: readonly RunRecord[],
    compare: StoppingCompare,
    failed: (run: RunRecord) => boolean,
  ): Promise<NextBlock> {
    const groupOf = (run: RunRecord) => (run.spec as VariantSpec).group;
    const order = await orderOf(runs[0]?.spec as VariantSpec);
    const settling = createSettling(
      runs.map((run) => ({ id: run.id, group: groupOf(run), failed: failed(run) })),
      order,
      compare,
    );
    const stored = await takeStored({ runs, store }, settling);
    const block = settling.next();
    const total = order.length;
    if (block === null) return { shards: [], open: new Set(), total };
    const rows = block.rows.toSorted((a, b) => a - b);
    const doing = runs.filter((run) => run.status !== 'finished' && block.open.has(groupOf(run)));
    const shards = doing.flatMap((run) => {
      const left = rows.filter((row) => stored.get(run.id)?.has(row) !== true);
      const requirement = requirementOf((run.spec as VariantSpec).engine);
      return planShards(left, shardSize).map((indices): PlannedShard => ({ runId: run.id, indices, requirement }));
    });
    return { shards, open: block.open, total };
  };
}
