import { describeMetrics } from './build.ts';
import { ConfigError } from './errors.ts';
import { allResults } from './export-rows.ts';
import type { ExperimentSpec, VariantSpec } from './load-experiment.ts';
import type { CallRecord, ExampleResult } from './run.ts';
import type { ExperimentRecord, RunRecord, Store } from './store.ts';
import type { PreferenceRow } from './training-set.ts';

export interface PairOptions {
  /** Score of 1: right, under 1: wrong. The experiment's deciding metric when left out. */
  readonly metric?: string;
  /** Variants (or groups of repeats) whose right answers are chosen; all when left out. */
  readonly chosen?: string;
  /** Whose wrong answers are rejected; all when left out. */
  readonly rejected?: string;
  /** Whose prompt the pair has; the wrong answer's own when left out. */
  readonly promptOf?: string;
  readonly perExample: number;
  /** Pairs at most, in row order. */
  readonly limit?: number;
}

/** What became of the answers. JSON. */
export interface PairReport {
  readonly metric: string;
  readonly pairs: number;
  /** Examples that gave a pair. */
  readonly pairedExamples: number;
  readonly examples: number;
  readonly rightOnly: number;
  readonly wrongOnly: number;
  /** Answers that could be used. */
  readonly right: number;
  readonly wrong: number;
  /** Answers, and pairs, that could not be, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
}

type ResultSource = Pick<Store, 'listRuns' | 'listResults'>;

/** A result with its run. */
interface Given {
  readonly run: RunRecord;
  readonly result: ExampleResult;
}

interface Answer extends Given {
  readonly call: CallRecord;
}

const specOf = (run: RunRecord) => run.spec as VariantSpec;

function belongsTo(run: RunRecord, name: string | undefined): boolean {
  return name === undefined || run.variant === name || specOf(run).group === name;
}

/** Nothing was generated where a method only looked at how likely a text is. */
const generated = ({ calls }: ExampleResult) => calls.filter(({ sampling }) => sampling.maxTokens > 0);

/** The one call that wrote an answer, or why it cannot be learnt from. */
function answerOf({ run, result }: Given): Answer | string {
  if (result.failure !== undefined) return 'failed';
  const calls = generated(result);
  const [call] = calls;
  if (call === undefined) return 'not written by a model';
  if (calls.length > 1) return 'written in several calls';
  if (call.finishReason !== 'stop') return 'cut off';
  return call.output.trim() === '' ? 'empty' : { run, result, call };
}

/** The results of each example over all runs, which read the same data set in row order. */
async function* byExample(store: ResultSource, runs: readonly RunRecord[]): AsyncGenerator<Given[]> {
  const streams = await Promise.all(
    runs.map(async (run) => {
      const results = allResults(store, run);
      return { run, results, head: (await results.next()).value as ExampleResult | undefined };
    }),
  );
  const isBefore = (a: ExampleResult, b: ExampleResult) =>
    a.index !== b.index ? a.index < b.index : a.exampleId < b.exampleId;
  while (true) {
    const heads = streams.flatMap(({ head }) => head ?? []);
    const [first, ...others] = heads;
    if (first === undefined) return;
    const next = others.reduce((least, one) => (isBefore(one, least) ? one : least), first);
    const given: Given[] = [];
    for (const stream of streams) {
      if (stream.head?.exampleId !== next.exampleId || stream.head.index !== next.index) continue;
      given.push({ run: stream.run, result: stream.head });
      stream.head = (await stream.results.next()).value as ExampleResult | undefined;
    }
    yield given;
  }
}

/** The metric, checked. Throws ConfigError. */
async function metricOf(experiment: ExperimentRecord, runs: readonly RunRecord[], asked: string | undefined) {
  const name = asked ?? (experiment.config as ExperimentSpec).compare.metric;
  const known = [...new Map(runs.flatMap((run) => specOf(run).metrics).map((spec) => [spec.name, spec])).values()];
  const spec = known.find((one) => one.name === name);
  const names = known.map((one) => one.name).join(', ');
  if (spec === undefined)
    throw new ConfigError(`--metric ${name}: not measured by this experiment. Metrics: ${names || 'none'}`);
  const [described] = await describeMetrics([spec]);
  if (described?.unit !== undefined)
    throw new ConfigError(
      `--metric ${name}: counts ${described.unit} and cannot tell right from wrong. Metrics: ${names}`,
    );
  return name;
}

/** Throws ConfigError where a variant is named that there is not. */
function checkVariants(runs: readonly RunRecord[], options: PairOptions): void {
  for (const [flag, name] of [
    ['chosen', options.chosen],
    ['rejected', options.rejected],
    ['prompt-of', options.promptOf],
  ] as const) {
    if (runs.some((run) => belongsTo(run, name))) continue;
    const known = runs.map((run) => run.variant).join(', ');
    throw new ConfigError(`--${flag} ${name}: the experiment has no such variant. Known variants: ${known || 'none'}`);
  }
}

/** Right and wrong answers of one example; what cannot be used is counted. */
function sortAnswers(given: readonly Given[], metric: string, options: PairOptions, count: (why: string) => void) {
  const right: Answer[] = [];
  const wrong: Answer[] = [];
  for (const one of given) {
    const score = one.result.scores[metric];
    const isRight = score !== undefined && score >= 1;
    if (score === undefined || !belongsTo(one.run, isRight ? options.chosen : options.rejected)) continue;
    const answer = answerOf(one);
    if (typeof answer === 'string') count(answer);
    else (isRight ? right : wrong).push(answer);
  }
  return { right, wrong };
}

/** Every wrong answer with every right one, each time beginning with another right one, so that few pairs show many answers. */
function* combinations(right: readonly Answer[], wrong: readonly Answer[]): Generator<[Answer, Answer]> {
  for (let turn = 0; turn < right.length; turn++) {
    for (const [i, rejected] of wrong.entries()) yield [right[(i + turn) % right.length] as Answer, rejected];
  }
}

/**
 * Turns the answers of an experiment into preference pairs: a right answer over a wrong one to the same example. Streams runs side by
 * side; an example's answers are in memory together. Throws ConfigError.
 */
export async function* makePairs(
  store: ResultSource,
  experiment: ExperimentRecord,
  options: PairOptions,
): AsyncGenerator<PreferenceRow, PairReport> {
  const runs = await store.listRuns(experiment.id);
  checkVariants(runs, options);
  const metric = await metricOf(experiment, runs, options.metric);
  const leftOut: Record<string, number> = {};
  const leaveOut = (why: string) => {
    leftOut[why] = (leftOut[why] ?? 0) + 1;
  };
  const counts = { pairs: 0, pairedExamples: 0, examples: 0, rightOnly: 0, wrongOnly: 0, right: 0, wrong: 0 };
  const limit = options.limit ?? Number.POSITIVE_INFINITY;

  function pairOf(chosen: Answer, rejected: Answer, prompt: string): PreferenceRow {
    const { exampleId } = rejected.result;
    return {
      kind: 'preference',
      id: `${exampleId} ${chosen.run.variant} > ${rejected.run.variant}`,
      prompt,
      chosen: chosen.call.output,
      rejected: rejected.call.output,
      cluster: exampleId,
      lineage: {
        experimentId: experiment.id,
        exampleId,
        chosenRunId: chosen.run.id,
        rejectedRunId: rejected.run.id,
      },
    };
  }

  function pairsOf(given: readonly Given[]): PreferenceRow[] {
    const { right, wrong } = sortAnswers(given, metric, options, leaveOut);
    counts.right += right.length;
    counts.wrong += wrong.length;
    if (right.length > 0 && wrong.length === 0) counts.rightOnly++;
    if (wrong.length > 0 && right.length === 0) counts.wrongOnly++;
    if (right.length === 0 || wrong.length === 0) return [];
    const asked =
      options.promptOf === undefined ? undefined : given.find(({ run }) => belongsTo(run, options.promptOf))?.result;
    const common = asked === undefined ? undefined : generated(asked)[0]?.prompt;
    if (options.promptOf !== undefined && common === undefined) {
      leaveOut(`no prompt of ${options.promptOf}`);
      return [];
    }
    const pairs = new Map<string, PreferenceRow>();
    for (const [chosen, rejected] of combinations(right, wrong)) {
      if (pairs.size >= options.perExample) break;
      const pair = pairOf(chosen, rejected, common ?? rejected.call.prompt);
      const texts = JSON.stringify([pair.prompt, pair.chosen, pair.rejected]);
      if (pair.chosen === pair.rejected) leaveOut('right and wrong answer alike');
      else if (!pairs.has(texts)) pairs.set(texts, pair);
    }
    return [...pairs.values()];
  }

  // Example ids tell examples apart within one data set only.
  for (const group of Map.groupBy(runs, (run) => run.provenance?.datasetFingerprint ?? run.id).values()) {
    for await (const given of byExample(store, group)) {
      if (counts.pairs >= limit) break;
      counts.examples++;
      const pairs = pairsOf(given).slice(0, limit - counts.pairs);
      if (pairs.length > 0) counts.pairedExamples++;
      counts.pairs += pairs.length;
      yield* pairs;
    }
  }
  return { metric, ...counts, leftOut };
}
