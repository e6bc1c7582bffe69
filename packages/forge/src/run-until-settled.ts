import { ConfigError } from './errors.ts';
import { inSampleOrder, sampleRowIndices } from './lib/sample-examples.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { Provenance, RunEvent, RunStart } from './run.ts';
import { type Clock, type RunParts, runExperiment } from './run-experiment.ts';
import { createSettling, type Settling, type StoppingCompare } from './settle-comparisons.ts';
import type { RunRecord, Store } from './store.ts';

export interface UntilSettled {
  /** All runs of the experiment, those that have finished too: their scores count. */
  readonly runs: readonly RunRecord[];
  readonly compare: StoppingCompare;
  readonly store: Pick<Store, 'scoredRows'>;
  /** Opens what a run is made of, once for all of its blocks. Throws ConfigError. */
  open(run: RunRecord): Promise<RunParts>;
  /** Says that a run has ended. */
  close(run: RunRecord): Promise<void>;
  /** Asked before a run starts. Throws ConfigError where it must not. */
  checkStart(start: RunStart): void;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

type EndStatus = Extract<RunEvent, { type: 'run-finished' }>['status'];

/** The rows of an experiment's sample, in its order; every variant has the same. */
export function sampleOrder(count: number, { sample, sampleSeed }: VariantSpec): number[] {
  return inSampleOrder([...sampleRowIndices(count, sample ?? count, sampleSeed)], (index) => index, sampleSeed);
}

/** Takes in what is stored; the rows that each run has. */
export async function takeStored(
  { runs, store }: Pick<UntilSettled, 'runs' | 'store'>,
  settling: Settling,
): Promise<Map<string, Set<number>>> {
  const stored = new Map<string, Set<number>>();
  for (const run of runs) {
    const indices = new Set<number>();
    for await (const rows of store.scoredRows(run.id)) {
      for (const row of rows) {
        settling.add(run.id, row);
        indices.add(row.index);
      }
    }
    stored.set(run.id, indices);
  }
  return stored;
}

/** A run that is done block by block: the events of its parts become those of one run. */
function createBlockRun(
  parts: RunParts,
  job: {
    readonly total: number;
    /** Rows that are stored. */
    readonly done: Set<number>;
    readonly settling: Settling;
    readonly clock: Clock;
    readonly signal?: AbortSignal;
    checkStart(start: RunStart): void;
    close(): Promise<void>;
  },
) {
  const { total, done, settling, clock, signal } = job;
  const { runId } = parts;
  let [wallMs, ended] = [0, false];
  let provenance: Provenance | undefined;

  async function* end(status: EndStatus, error?: string): AsyncGenerator<RunEvent> {
    ended = true;
    yield { type: 'run-finished', runId, status, wallMs, ...(error === undefined ? {} : { error }) };
    await job.close();
  }

  return {
    hasEnded: () => ended,
    isUnderWay: () => provenance !== undefined && !ended,
    end,
    /** Does those of the rows that are not done; the run starts with the first of them, or with none where all are done. */
    async *rows(wanted: readonly number[]): AsyncGenerator<RunEvent> {
      const only = new Set(wanted.filter((row) => !done.has(row)));
      if (only.size === 0 && provenance !== undefined) return;
      const block = { ...parts, only, ...(provenance === undefined ? {} : { provenance }) };
      for await (const event of runExperiment(block, clock, signal)) {
        if (event.type === 'run-started') {
          if (provenance !== undefined) continue;
          job.checkStart(event);
          provenance = event.provenance;
          yield { ...event, total, alreadyDone: done.size };
        } else if (event.type === 'example-finished') {
          settling.add(runId, event.result);
          done.add(event.result.index);
          yield event;
        } else {
          wallMs += event.wallMs;
          if (event.status !== 'finished') yield* end(event.status, event.error);
        }
      }
    },
  };
}

/**
 * Runs the variants of an experiment together, block by block of examples, until every comparison with the baseline is settled or the
 * examples are done: the events of `runExperiment`, those of the runs interleaved. A variant that is settled ends; the
 * baseline goes on while another one is open. Throws ConfigError.
 */
export async function* runUntilSettled(job: UntilSettled): AsyncGenerator<RunEvent> {
  const { runs, compare, clock, signal } = job;
  const groupOf = (run: RunRecord) => (run.spec as VariantSpec).group;
  const [first, ...others] = runs.filter((run) => run.status !== 'finished');
  if (first === undefined || signal?.aborted) return;
  const pending = [first, ...others];
  const opened = new Map<string, ReturnType<typeof createBlockRun>>();

  const firstParts = await job.open(first);
  const order = sampleOrder(await firstParts.dataset.count(signal), first.spec as VariantSpec);
  // A run that has failed before is tried again.
  const all = runs.map((run) => ({ id: run.id, group: groupOf(run), failed: false }));
  const settling = createSettling(all, order, compare);
  const stored = await takeStored(job, settling);

  async function blockRun(run: RunRecord) {
    const known = opened.get(run.id);
    if (known !== undefined) return known;
    const made = createBlockRun(run === first ? firstParts : await job.open(run), {
      total: order.length,
      done: stored.get(run.id) ?? new Set(),
      settling,
      clock,
      ...(signal === undefined ? {} : { signal }),
      checkStart: job.checkStart,
      close: () => job.close(run),
    });
    opened.set(run.id, made);
    return made;
  }
  async function* endAll(status: EndStatus): AsyncGenerator<RunEvent> {
    for (const one of opened.values()) if (one.isUnderWay()) yield* one.end(status);
  }

  try {
    for (let block = settling.next(); block !== null; ) {
      for (const run of pending) {
        const one = await blockRun(run);
        if (one.hasEnded()) continue;
        const isOpen = block.open.has(groupOf(run));
        yield* one.rows(isOpen ? block.rows : []);
        if (signal?.aborted) return yield* endAll('cancelled');
        if (!isOpen) yield* one.end('finished');
      }
      const next = settling.next();
      if (next?.rows[0] === block.rows[0])
        throw new ConfigError(
          `data set ${firstParts.dataset.name} has no row ${block.rows[0]} any more, which the sample has`,
        );
      block = next;
    }
    for (const run of pending) {
      const one = await blockRun(run);
      // Where all of it was stored already: what ends must have begun.
      if (!one.hasEnded()) yield* one.rows([]);
    }
    yield* endAll('finished');
  } catch (error) {
    // Those that began beside the one that went wrong are not under way any more.
    yield* endAll('cancelled');
    if (!signal?.aborted) throw error;
  }
}
