import { buildDataset, describeMetrics } from '../build.ts';
import { type ConfigError, messageOf } from '../errors.ts';
import type { ExecuteParts } from '../execute-runs.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { sampleRowIndices } from '../lib/sample-examples.ts';
import type { ExperimentSpec, VariantSpec } from '../load-experiment.ts';
import { readFinding } from '../read-finding.ts';
import type { StoppingCompare } from '../settle-comparisons.ts';
import type { ExperimentRecord, RunRecord } from '../store.ts';
import { summarizeRun } from '../summarize-run.ts';
import type { PlannedShard } from '../worker-record.ts';
import { planShards } from './plan-shards.ts';
import { requirementOf } from './requirement.ts';
import { createStopEarly } from './stop-early.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ChoreParts extends Pick<ExecuteParts, 'store' | 'surroundings' | 'clock'> {
  readonly workerId: string;
  readonly queue: WorkQueue;
  readonly lostAfterSeconds: number;
  log(message: string): void;
  /** Examples of a shard; left out, it depends on how many there are. */
  readonly shardSize?: number;
}

/** What has to be done beside shards, by whichever worker is there. Every step may be repeated, and by two at once. */
export interface Chores {
  /** Plans what is new, gives back what lost workers had, tells pg-boss. */
  tidy(): Promise<void>;
  /** Ends runs and experiments whose shards are all done. */
  finish(): Promise<void>;
}

const turnSeconds = 60;

/** null where all examples are run. */
function stoppingOf(experiment: ExperimentRecord | null): StoppingCompare | null {
  if (experiment === null) return null;
  const { compare } = experiment.config as ExperimentSpec;
  return compare.stop === undefined ? null : { ...compare, stop: compare.stop };
}

/** What any worker may do for all: plan, end, take back from the lost. */
export function createChores(parts: ChoreParts): Chores {
  const { store, surroundings, clock, workerId, queue, lostAfterSeconds, log, shardSize } = parts;
  /** Experiments that this worker could not plan: another one may. */
  const given = new Set<string>();
  const nextBlock = createStopEarly(parts);

  /** What this worker has the turn for now: the store would give it again. */
  const underWay = new Set<string>();

  /** Only one worker at a time does it; a turn that is not ended (its worker died) ends by itself. */
  async function inTurn(name: string, work: () => Promise<void>): Promise<void> {
    if (underWay.has(name)) return;
    underWay.add(name);
    try {
      if (!(await store.takeTurn(name, workerId, turnSeconds))) return;
      try {
        await work();
      } finally {
        await store.endTurn(name, workerId).catch(() => {});
      }
    } finally {
      underWay.delete(name);
    }
  }

  async function planRun(run: RunRecord, countOf: (variant: VariantSpec) => Promise<number>) {
    const variant = run.spec as VariantSpec;
    const count = await countOf(variant);
    const chosen = sampleRowIndices(count, variant.sample ?? count, variant.sampleSeed);
    const stored = await store.storedIndices(run.id);
    const left = [...chosen].filter((index) => !stored.has(index)).sort((a, b) => a - b);
    const requirement = requirementOf(variant.engine);
    const shards = planShards(left, shardSize).map(
      (indices): PlannedShard => ({ runId: run.id, indices, requirement }),
    );
    return { shards, total: { runId: run.id, total: chosen.size } };
  }

  /** Says that runs cannot be done here; whether that is so everywhere. */
  async function giveUp(runs: readonly RunRecord[], error: unknown): Promise<boolean> {
    if ((error as ConfigError).name !== 'ConfigError') throw error;
    let hopeless = true;
    for (const { id } of runs) {
      log(`run ${id} cannot be planned: ${messageOf(error)}`);
      hopeless = (await store.reportFailure(id, workerId, messageOf(error), lostAfterSeconds)) && hopeless;
    }
    return hopeless;
  }

  async function planFirstBlock(experimentId: string, compare: StoppingCompare): Promise<void> {
    const runs = await store.listRuns(experimentId);
    const unfinished = runs.filter(({ status }) => status !== 'finished');
    try {
      // A run that has failed before is tried again.
      const { shards, total } = await nextBlock(runs, compare, () => false);
      await store.planShards(experimentId, { shards, totals: unfinished.map(({ id }) => ({ runId: id, total })) });
    } catch (error) {
      if (await giveUp(unfinished, error)) await store.planShards(experimentId, { shards: [], totals: [] });
      else given.add(experimentId);
    }
  }

  /** Ends the runs that are settled, and lets the others go on with the next block. */
  async function goOn(experimentId: string, compare: StoppingCompare): Promise<void> {
    const ended = new Map((await store.finishableRuns()).map(({ runId, wallMs }) => [runId, wallMs]));
    const runs = await store.listRuns(experimentId);
    const unfinished = runs.filter(({ status }) => status !== 'finished' && status !== 'failed');
    // The block is not whole yet.
    if (unfinished.some(({ id }) => !ended.has(id))) return;
    try {
      const { shards, open } = await nextBlock(runs, compare, ({ status }) => status === 'failed');
      for (const { id, spec } of unfinished)
        if (!open.has((spec as VariantSpec).group)) await finishRun(id, ended.get(id) ?? 0);
      await store.addShards(experimentId, shards);
    } catch (error) {
      await giveUp(unfinished, error);
    }
  }

  async function planExperiment(experimentId: string): Promise<void> {
    const compare = stoppingOf(await store.getExperiment(experimentId));
    if (compare !== null) return planFirstBlock(experimentId, compare);
    const counts = new Map<string, Promise<number>>();
    const countOf = ({ dataset }: VariantSpec) => {
      const key = canonicalJson(dataset);
      const counting = counts.get(key) ?? buildDataset(dataset, surroundings).then((made) => made.count());
      counts.set(key, counting);
      return counting;
    };
    const shards: PlannedShard[] = [];
    const totals: { runId: string; total: number }[] = [];
    for (const run of await store.listRuns(experimentId)) {
      if (run.status === 'finished') continue;
      try {
        const planned = await planRun(run, countOf);
        shards.push(...planned.shards);
        totals.push(planned.total);
      } catch (error) {
        if (await giveUp([run], error)) continue;
        given.add(experimentId);
        return;
      }
    }
    await store.planShards(experimentId, { shards, totals });
  }

  async function finishRun(runId: string, wallMs: number): Promise<void> {
    const run = await store.getRun(runId);
    const experiment = run === null ? null : await store.getExperiment(run.experimentId);
    if (run === null || experiment === null || run.status === 'finished') return;
    const { pricing } = experiment.config as ExperimentSpec;
    const { metrics, sampleSeed } = run.spec as VariantSpec;
    const mayStop = stoppingOf(experiment) !== null && run.total !== null;
    const summary = await summarizeRun(store.scoredRows(runId), {
      metrics: await describeMetrics(metrics),
      wallMs: run.wallMs + wallMs,
      ...(mayStop ? { stop: { total: run.total as number, sampleSeed } } : {}),
      ...(pricing === undefined ? {} : { pricing }),
    });
    await store.finishRun(runId, { status: 'finished', wallMs, finishedAt: clock.now(), summary });
  }

  async function finishExperiment(experimentId: string): Promise<void> {
    const experiment = await store.getExperiment(experimentId);
    if (experiment !== null) await readFinding(store, experiment);
    await store.completeExperiment(experimentId);
    log(`experiment ${experimentId}: all of it is done`);
  }

  return {
    async tidy() {
      for (const id of await store.unplannedExperiments())
        if (!given.has(id)) await inTurn(`plan ${id}`, () => planExperiment(id));
      const recovered = await store.recoverShards(lostAfterSeconds);
      if (recovered > 0) log(`${recovered} shards of lost workers wait again`);
      const jobs = await store.recoverJobs(lostAfterSeconds);
      if (jobs > 0) log(`${jobs} jobs of lost workers were taken back`);
      const unissued = await store.unissuedWork();
      if (unissued.length === 0) return;
      await queue.issue(unissued);
      await store.markIssued(unissued.map(({ id }) => id));
    },
    async finish() {
      for (const [id, runs] of Map.groupBy(await store.finishableRuns(), (run) => run.experimentId)) {
        const compare = stoppingOf(await store.getExperiment(id));
        if (compare !== null) await inTurn(`look ${id}`, () => goOn(id, compare));
        else for (const { runId, wallMs } of runs) await inTurn(`finish ${runId}`, () => finishRun(runId, wallMs));
      }
      for (const id of await store.finishableExperiments()) await inTurn(`finding ${id}`, () => finishExperiment(id));
    },
  };
}
