import { ConfigError } from './errors.ts';
import { canonicalJson } from './lib/canonical-json.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { ExampleResult, Provenance } from './run.ts';
import type { RunRecord, Store } from './store.ts';

/** An example that came out otherwise. */
export interface ChangedExample {
  readonly exampleId: string;
  readonly before: { readonly answer: string; readonly scores: Readonly<Record<string, number>> } | null;
  readonly after: { readonly answer: string; readonly scores: Readonly<Record<string, number>> } | null;
}

/** How a run and its repetition differ; latencies always do and are left out. */
export interface RunRepetition {
  readonly variant: string;
  /** Examples of either. */
  readonly examples: number;
  /** Examples with the same answer, failure and outputs of every call, character for character. */
  readonly sameOutputs: number;
  /** Examples with the same score of every metric. */
  readonly sameScores: number;
  /** The first of those that are not the same. */
  readonly changed: readonly ChangedExample[];
  /** Means before and after, over the examples that have the metric. */
  readonly metrics: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
  /** What they were made from or on, where it is not the same: dotted keys of Provenance. */
  readonly provenance: Readonly<Record<string, { readonly before: string; readonly after: string }>>;
}

const shownChanges = 5;
const pageSize = 200;

async function* resultsOf(store: Store, runId: string): AsyncGenerator<ExampleResult> {
  for (let after: string | undefined; ; ) {
    const page = await store.listResults(runId, {}, { limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    if (page.next === null) return;
    after = page.next;
  }
}

/** Both results of each row; null where one has none. Rows come in their order, so that nothing is kept. */
async function* paired(
  left: AsyncGenerator<ExampleResult>,
  right: AsyncGenerator<ExampleResult>,
): AsyncGenerator<readonly [ExampleResult | null, ExampleResult | null]> {
  let [a, b] = await Promise.all([left.next(), right.next()]);
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : a.value.index - b.value.index;
    yield [order <= 0 && !a.done ? a.value : null, order >= 0 && !b.done ? b.value : null];
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
}

const outputsOf = ({ exampleId, answer, failure, calls }: ExampleResult) =>
  canonicalJson([exampleId, answer, failure?.kind ?? null, calls.map(({ output }) => output)]);
const shown = (result: ExampleResult | null) =>
  result === null ? null : { answer: result.answer, scores: result.scores };

function flat(value: unknown, key = ''): [string, string][] {
  if (value === null || typeof value !== 'object') return [[key, String(value)]];
  return Object.entries(value).flatMap(([name, inner]) => flat(inner, key === '' ? name : `${key}.${name}`));
}

function changedProvenance(before: Provenance | null, after: Provenance | null): RunRepetition['provenance'] {
  const [old, fresh] = [new Map(flat(before ?? {})), new Map(flat(after ?? {}))];
  const changed: Record<string, { before: string; after: string }> = {};
  for (const key of new Set([...old.keys(), ...fresh.keys()])) {
    const [a = '', b = ''] = [old.get(key), fresh.get(key)];
    // Of the whole configuration, whose response cache was switched off.
    if (a !== b && key !== 'configHash') changed[key] = { before: a, after: b };
  }
  return changed;
}

function createMean() {
  let sum = 0;
  let n = 0;
  return {
    add(value: number): void {
      sum += value;
      n++;
    },
    value: () => (n === 0 ? Number.NaN : sum / n),
  };
}

/** Compares a run with its repetition, row by row. */
async function compareRepetition(store: Store, before: RunRecord, after: RunRecord): Promise<RunRepetition> {
  const names = (before.spec as VariantSpec).metrics.map(({ name }) => name);
  const means = names.map((name) => ({ name, before: createMean(), after: createMean() }));
  let [examples, sameOutputs, sameScores] = [0, 0, 0];
  const changed: ChangedExample[] = [];
  for await (const [old, fresh] of paired(resultsOf(store, before.id), resultsOf(store, after.id))) {
    examples++;
    const isSame = old !== null && fresh !== null && outputsOf(old) === outputsOf(fresh);
    const scoresAgree = old !== null && fresh !== null && canonicalJson(old.scores) === canonicalJson(fresh.scores);
    if (isSame) sameOutputs++;
    if (scoresAgree) sameScores++;
    if (!(isSame && scoresAgree) && changed.length < shownChanges)
      changed.push({ exampleId: (old ?? fresh)?.exampleId ?? '', before: shown(old), after: shown(fresh) });
    for (const mean of means) {
      const [a, b] = [old?.scores[mean.name], fresh?.scores[mean.name]];
      if (a !== undefined) mean.before.add(a);
      if (b !== undefined) mean.after.add(b);
    }
  }
  return {
    variant: before.variant,
    examples,
    sameOutputs,
    sameScores,
    changed,
    metrics: Object.fromEntries(
      means.map((one) => [one.name, { before: one.before.value(), after: one.after.value() }]),
    ),
    provenance: changedProvenance(before.provenance as Provenance | null, after.provenance as Provenance | null),
  };
}

/** All runs of an experiment with their repetitions, by variant. Throws ConfigError where one is not finished. */
export async function compareRepetitions(
  store: Store,
  experimentId: string,
  repeatedId: string,
): Promise<readonly RunRepetition[]> {
  const repeated = new Map((await store.listRuns(repeatedId)).map((run) => [run.variant, run]));
  const compared: RunRepetition[] = [];
  for (const run of await store.listRuns(experimentId)) {
    const other = repeated.get(run.variant);
    if (other?.status !== 'finished')
      throw new ConfigError(
        `run "${run.variant}" was not repeated: ${other?.error ?? other?.status ?? 'it is missing'}`,
      );
    compared.push(await compareRepetition(store, run, other));
  }
  return compared;
}
