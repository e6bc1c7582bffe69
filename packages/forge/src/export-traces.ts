import { ConfigError } from './errors.ts';
import { type RunFacts, spansOf } from './lib/otel-spans.ts';
import { type OtlpSpan, type OtlpTraces, textAttribute } from './lib/otlp-json.ts';
import type { VariantSpec } from './load-experiment.ts';
import type { ExampleResult } from './run.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';

/** Receivers take 4 MiB and more; what is in memory at a time is about as much. */
const batchBytes = 1 << 20;
const pageSize = 50;

export interface TraceBatch {
  /** An OTLP export request, JSON. */
  readonly body: string;
  readonly traces: number;
  readonly spans: number;
}

export interface TraceSelection {
  readonly variant?: string;
  /** Examples of each variant at most. */
  readonly limit?: number;
  /** False: no prompts, answers, tool arguments or results. */
  readonly content: boolean;
}

async function* resultsOf(store: Store, run: RunRecord, most: number): AsyncGenerator<ExampleResult> {
  let after: string | undefined;
  let left = most;
  do {
    const limit = Math.min(pageSize, left);
    const page = await store.listResults(run.id, {}, { limit, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    left -= page.items.length;
    after = page.next ?? undefined;
  } while (after !== undefined && left > 0);
}

/** What a retrieval asks: the corpus where the retriever names one, else the retriever. */
function dataSourceOf({ options }: VariantSpec['method']): string | undefined {
  const { retriever } = options as { retriever?: string | { name?: string; corpus?: unknown } };
  if (retriever === undefined || typeof retriever === 'string') return retriever;
  return typeof retriever.corpus === 'string' ? retriever.corpus : retriever.name;
}

/** What the spans of a run say about it. */
export function factsOf(experiment: ExperimentRecord, run: RunRecord): RunFacts {
  const { engine, method } = run.spec as VariantSpec;
  const { model } = engine.options;
  const dataSource = dataSourceOf(method);
  return {
    experiment: experiment.name,
    variant: run.variant,
    runId: run.id,
    engine: engine.name,
    model: typeof model === 'string' ? model : engine.name,
    ...(dataSource === undefined ? {} : { dataSource }),
  };
}

/** An export request with spans of a run. */
export function requestOf(run: RunRecord, spans: readonly OtlpSpan[]): OtlpTraces {
  const version = run.provenance?.forgeVersion ?? 'unknown';
  const attributes = [
    textAttribute('service.name', 'llm-forge'),
    textAttribute('service.version', version),
    textAttribute('forge.code_revision', run.provenance?.codeRevision ?? 'unknown'),
  ];
  return {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: 'llm-forge', version }, spans }] }],
  };
}

async function* batchesOf(
  store: Store,
  experiment: ExperimentRecord,
  run: RunRecord,
  { limit = Number.POSITIVE_INFINITY, content }: TraceSelection,
): AsyncGenerator<TraceBatch> {
  const facts = factsOf(experiment, run);
  let spans: OtlpSpan[] = [];
  let [traces, bytes] = [0, 0];
  const take = (): TraceBatch => {
    const batch = { body: JSON.stringify(requestOf(run, spans)), traces, spans: spans.length };
    spans = [];
    traces = 0;
    bytes = 0;
    return batch;
  };
  for await (const result of resultsOf(store, run, limit)) {
    const trace = spansOf(result, facts, { content });
    spans.push(...trace);
    traces++;
    bytes += JSON.stringify(trace).length;
    if (bytes >= batchBytes) yield take();
  }
  if (spans.length > 0) yield take();
}

/**
 * The stored examples of an experiment as traces, one for each example, in batches of about a megabyte, always the same ones.
 * Throws ConfigError where the variant is not one of the experiment.
 */
export async function* traceBatches(
  store: Store,
  experiment: ExperimentRecord,
  selection: TraceSelection,
): AsyncGenerator<TraceBatch> {
  const runs = await store.listRuns(experiment.id);
  const { variant } = selection;
  const chosen = variant === undefined ? runs : runs.filter((run) => run.variant === variant);
  if (chosen.length === 0) {
    const known = runs.map((run) => run.variant).join(', ');
    throw new ConfigError(`--variant ${variant}: not in ${experiment.name}, which has: ${known}`);
  }
  for (const run of chosen) yield* batchesOf(store, experiment, run, selection);
}
