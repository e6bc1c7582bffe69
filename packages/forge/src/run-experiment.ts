import type { Dataset, Example } from './dataset.ts';
import type { Engine, GenerateRequest, Sampling } from './engine.ts';
import { type CallMeter, meter } from './engine-middleware/meter.ts';
import { ConfigError, EngineError, messageOf, RetrievalError } from './errors.ts';
import { contentSeed } from './lib/content-seed.ts';
import { mapConcurrent } from './lib/map-concurrent.ts';
import { sampleRowIndices } from './lib/sample-examples.ts';
import type { Method, MethodContext, ModelCall, Prediction } from './method.ts';
import type { Metric } from './metric.ts';
import type { CallRecord, ExampleFailure, ExampleResult, Provenance, RunEvent } from './run.ts';

/** One run, its components built. */
export interface RunParts {
  readonly runId: string;
  readonly variant: string;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly method: Method;
  readonly metrics: readonly Metric[];
  readonly sampling: Sampling;
  /** null = every example. */
  readonly sample: number | null;
  readonly sampleSeed: string;
  readonly seed: number;
  /** Ids of the examples that an earlier attempt finished: they are not done again. */
  readonly done: ReadonlySet<string>;
  /** Only these rows, in place of the sample: a shard of the run. */
  readonly only?: ReadonlySet<number>;
  /** Known from an earlier part of the run, which has opened all: not found out again. */
  readonly provenance?: Provenance;
  /** Asked before an example is begun; it is not begun where it has failed already. `leave` is called when it has ended. */
  readonly admit?: (index: number, signal?: AbortSignal) => Promise<{ failure?: ExampleFailure; leave(): void }>;
  /** What is known of the run besides its data set and engine. */
  readonly origin: Omit<
    Provenance,
    | 'datasetFingerprint'
    | 'datasetRevision'
    | 'modelDigest'
    | 'components'
    | 'engineFingerprint'
    | 'engineSettings'
    | 'seed'
  >;
}

export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** ms from any fixed moment, never backwards. */
  monotonic(): number;
}

/** English text in the tokenizers of current models, roughly. */
const charsPerToken = 4;

function failureOf(error: unknown): ExampleFailure {
  const message = messageOf(error).slice(0, 2000);
  if (error instanceof EngineError) return { kind: error.kind, message };
  return { kind: error instanceof RetrievalError ? 'retrieval-error' : 'method-error', message };
}

/** Throws ConfigError where the engine cannot do what the method asks for. */
function checkFeatures({ name, features = [] }: RunParts['engine'], { conversation, grammar }: ModelCall): void {
  if (conversation !== undefined && !features.includes('tool-calling')) {
    throw new ConfigError(
      `engine "${name}" has no tool calling of its own; use calling: text, or openai-compatible with api: chat`,
    );
  }
  if (grammar !== undefined && !features.includes('grammar')) {
    throw new ConfigError(`engine "${name}" cannot follow a grammar; use constrained: false, or the engine llama-cpp`);
  }
}

function contextFor(
  { parts, calls, session, now }: { parts: RunParts; calls: CallMeter; session: string; now(): number },
  example: Example,
  signal?: AbortSignal,
): MethodContext {
  return {
    sampling: parts.sampling,
    now,
    countTokens: async (text) => (await parts.engine.countTokens?.(text)) ?? Math.ceil(text.length / charsPerToken),
    ...(signal === undefined ? {} : { signal }),
    score: (request) => calls.score({ ...request, ...(signal === undefined ? {} : { signal }) }),
    async generate({ prompt, sample = 0, ...changed }) {
      checkFeatures(parts.engine, { prompt, ...changed });
      const request: GenerateRequest = {
        ...parts.sampling,
        ...changed,
        prompt,
        session,
        seed: contentSeed(`${parts.seed}\n${example.id}\n${sample}`),
        ...(signal === undefined ? {} : { signal }),
      };
      return calls.generate(request);
    },
  };
}

/** The scores by metric, and the steps that metrics add to those of the method. */
async function scoreAll(
  metrics: readonly Metric[],
  example: Example,
  prediction: Prediction,
  calls: readonly CallRecord[],
) {
  const scores: Record<string, number> = {};
  const steps = [...prediction.steps];
  for (const metric of metrics) {
    const given = await metric.score(example, prediction, calls);
    scores[metric.name] = typeof given === 'number' ? given : given.score;
    if (typeof given !== 'number') steps.push(...given.steps);
  }
  return { scores, steps };
}

/** An example that is not begun. */
function refused(parts: RunParts, { example, index }: { example: Example; index: number }, failure: ExampleFailure) {
  return {
    exampleId: example.id,
    index,
    question: example.text,
    targets: example.targets,
    ...(example.cluster === undefined ? {} : { cluster: example.cluster }),
    answer: '',
    steps: [],
    flags: [],
    scores: Object.fromEntries(parts.metrics.map((metric) => [metric.name, 0])),
    failure,
    latencyMs: 0,
    calls: [],
  };
}

/** Runs an example if it is admitted. */
async function runAdmitted(
  parts: RunParts,
  item: { example: Example; index: number },
  clock: Clock,
  signal?: AbortSignal,
): Promise<ExampleResult> {
  if (parts.admit === undefined) return runOne(parts, item, clock, signal);
  const { failure, leave } = await parts.admit(item.index, signal);
  try {
    if (failure !== undefined) return { ...refused(parts, item, failure), finishedAt: clock.now() };
    return await runOne(parts, item, clock, signal);
  } finally {
    leave();
  }
}

/** Solves and scores one example. Rejects only with what must end the run: a ConfigError, or the caller's own abort. */
async function runOne(
  parts: RunParts,
  item: { example: Example; index: number },
  clock: Clock,
  signal?: AbortSignal,
): Promise<ExampleResult> {
  const { example, index } = item;
  const calls = meter(parts.engine, clock.monotonic);
  const session = `${parts.runId} ${example.id}`;
  const started = clock.monotonic();
  const zeros = Object.fromEntries(parts.metrics.map((metric) => [metric.name, 0]));
  let outcome: Pick<ExampleResult, 'answer' | 'steps' | 'flags' | 'scores' | 'failure'>;
  let latencyMs: number;
  try {
    // Only the question's fields: a method must not see the targets.
    const { id, text, context, choices } = example;
    const question = {
      id,
      text,
      ...(context === undefined ? {} : { context }),
      ...(choices === undefined ? {} : { choices }),
    };
    const prediction = await parts.method.solve(
      question,
      contextFor({ parts, calls, session, now: clock.monotonic }, example, signal),
    );
    latencyMs = clock.monotonic() - started + calls.addedLatencyMs();
    const { answer, steps, flags = [] } = prediction;
    try {
      outcome = { answer, flags, ...(await scoreAll(parts.metrics, example, prediction, calls.calls())) };
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      outcome = {
        answer,
        steps,
        flags,
        scores: zeros,
        failure: { kind: 'metric-error', message: messageOf(error).slice(0, 2000) },
      };
    }
  } catch (error) {
    if (error instanceof ConfigError || signal?.aborted) throw error;
    latencyMs = clock.monotonic() - started + calls.addedLatencyMs();
    outcome = { answer: '', steps: [], flags: [], scores: zeros, failure: failureOf(error) };
  } finally {
    parts.engine.release?.(session);
  }
  return {
    exampleId: example.id,
    index,
    question: example.text,
    targets: example.targets,
    ...(example.cluster === undefined ? {} : { cluster: example.cluster }),
    ...outcome,
    latencyMs,
    calls: calls.calls(),
    finishedAt: clock.now(),
  };
}

/** The rows of a run; null where they are all of the data set. */
async function chooseRows({ only, dataset, sample, sampleSeed }: RunParts, signal?: AbortSignal) {
  if (only !== undefined) return { chosen: only, total: only.size };
  const count = await dataset.count(signal);
  const chosen = sample === null || sample >= count ? null : sampleRowIndices(count, sample, sampleSeed);
  return { chosen, total: chosen?.size ?? count };
}

/** The rows still to do, with their index in the data set. */
async function* remainingRows(parts: RunParts, chosen: ReadonlySet<number> | null, signal?: AbortSignal) {
  const indices = chosen === null ? null : [...chosen].sort((a, b) => a - b);
  let position = 0;
  for await (const example of parts.dataset.examples({
    ...(chosen === null ? {} : { only: chosen }),
    ...(signal === undefined ? {} : { signal }),
  })) {
    const index = indices === null ? position : (indices[position] as number);
    position++;
    if (signal?.aborted) return;
    if (!parts.done.has(example.id)) yield { example, index };
  }
}

/** Opens what method and metrics are made of, before anything is measured. Returns what tells it from others, by role. */
async function prepareComponents({ method, metrics }: RunParts): Promise<Record<string, string>> {
  const components: Record<string, string> = {};
  for (const one of [method, ...metrics]) Object.assign(components, await one.prepare?.());
  return components;
}

async function provenanceOf(parts: RunParts, signal?: AbortSignal): Promise<Provenance> {
  if (parts.provenance !== undefined) return parts.provenance;
  const { dataset, engine, origin, seed } = parts;
  const components = await prepareComponents(parts);
  return {
    ...origin,
    datasetFingerprint: await dataset.fingerprint(signal),
    ...(dataset.revision === undefined ? {} : { datasetRevision: dataset.revision }),
    modelDigest: engine.modelDigest,
    ...(Object.keys(components).length === 0 ? {} : { components }),
    engineFingerprint: engine.fingerprint,
    engineSettings: engine.settings,
    seed,
  };
}

/**
 * Runs one variant over its examples as a stream of events: `run-started`, one `example-finished` per example in order of
 * completion, `run-finished`. A failed example is data; a ConfigError ends the run with status `failed`, an abort with
 * `cancelled` (examples under way are then dropped: a resume does them again).
 */
export async function* runExperiment(parts: RunParts, clock: Clock, signal?: AbortSignal): AsyncGenerator<RunEvent> {
  const { runId, variant } = parts;
  const { chosen, total } = await chooseRows(parts, signal);
  const provenance = await provenanceOf(parts, signal);
  const started = clock.monotonic();
  yield { type: 'run-started', runId, variant, total, alreadyDone: parts.done.size, provenance };
  const end = (status: 'finished' | 'cancelled' | 'failed', error?: unknown): RunEvent => ({
    type: 'run-finished',
    runId,
    status,
    ...(error === undefined ? {} : { error: messageOf(error) }),
    wallMs: clock.monotonic() - started,
  });
  try {
    const rows = remainingRows(parts, chosen, signal);
    for await (const result of mapConcurrent(rows, parts.engine.concurrency, (item) =>
      runAdmitted(parts, item, clock, signal),
    )) {
      yield { type: 'example-finished', runId, result };
    }
  } catch (error) {
    if (!signal?.aborted) {
      yield end('failed', error);
      throw error;
    }
  }
  yield end(signal?.aborted ? 'cancelled' : 'finished');
}
