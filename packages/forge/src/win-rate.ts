import type { Engine } from './engine.ts';
import { EngineError } from './errors.ts';
import { mapConcurrent } from './lib/map-concurrent.ts';
import { renderTemplate } from './lib/render-template.ts';
import { clusteredMeanEstimate, clusterKeys, type Estimate, fewClusters, meanEstimate } from './statistics/estimate.ts';
import { mcNemar } from './statistics/mcnemar.ts';
import { pairedProportionDifference } from './statistics/paired-proportions.ts';
import { signFlipTest } from './statistics/resampling.ts';

/** Which of two answers to one question is preferred: 1 the second, 0 the first, 0.5 neither. Over repeats: the mean. */
export interface PreferredExample {
  readonly value: number;
  readonly cluster: string | null;
}

/** How often the second answer is preferred over the first, ties counting half. */
export interface WinRate {
  readonly share: Estimate;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  readonly test: { readonly name: string; readonly pValue: number };
  readonly warnings: readonly string[];
}

/** What the lab world prefers: a right answer (score 1) to a wrong one; of two equally good ones the one of fewer tokens. */
export function correctThenShorter(
  first: { readonly score: number; readonly tokens: number },
  second: { readonly score: number; readonly tokens: number },
): number {
  const [firstRight, secondRight] = [first.score >= 1, second.score >= 1];
  if (firstRight !== secondRight) return secondRight ? 1 : 0;
  if (first.tokens === second.tokens) return 0.5;
  return second.tokens < first.tokens ? 1 : 0;
}

/**
 * The share of examples on which the second answer is preferred. Interval: of the difference of wins and losses as paired
 * proportions (Bonett & Price 2012), t over the means of repeats, clustered where examples are. Test: sign test without ties;
 * sign flips by cluster where examples are clustered.
 */
export function winRate(examples: readonly PreferredExample[]): WinRate {
  const values = Float64Array.from(examples, (one) => one.value);
  const clusters = clusterKeys(examples.map((one) => one.cluster));
  const wins = examples.filter((one) => one.value > 0.5).length;
  const losses = examples.filter((one) => one.value < 0.5).length;
  const ties = examples.length - wins - losses;
  const count = clusters === null ? null : new Set(clusters).size;
  const test =
    clusters === null
      ? { name: 'sign test', pValue: mcNemar(wins, losses).exact }
      : {
          name: 'sign-flip permutation',
          pValue: signFlipTest(
            values.map((value) => value - 0.5),
            { clusters },
          ),
        };
  const warnings =
    count !== null && count < fewClusters
      ? [`only ${count} clusters: clustered intervals are too narrow under ${fewClusters}`]
      : [];
  return { share: shareEstimate(values, clusters, wins, losses), wins, ties, losses, test, warnings };
}

const inUnit = (estimate: Estimate): Estimate => ({
  ...estimate,
  low: Math.max(0, estimate.low),
  high: Math.min(1, estimate.high),
});

function shareEstimate(
  values: Float64Array,
  clusters: readonly (string | number)[] | null,
  wins: number,
  losses: number,
): Estimate {
  if (clusters !== null) return inUnit(clusteredMeanEstimate(values, clusters));
  if (!values.every((value) => value === 0 || value === 0.5 || value === 1)) return inUnit(meanEstimate(values));
  const { value, low, high, ...rest } = pairedProportionDifference(wins, losses, values.length);
  return inUnit({ value: 0.5 + value / 2, low: 0.5 + low / 2, high: 0.5 + high / 2, ...rest });
}

export const defaultJudgePrompt = `Two answers to one question. Which one is more helpful and correct?

Question: {question}

Answer 1: {first}

Answer 2: {second}

Reply with 1 or 2, or with 0 if they are equally good.
Reply:`;

/** Two answers to be judged. */
export interface AnswerPair {
  readonly exampleId: string;
  readonly question: string;
  readonly before: string;
  readonly after: string;
  readonly cluster: string | null;
}

/** What a judge said of one pair, asked in both orders. */
export interface JudgedPair extends PreferredExample {
  readonly exampleId: string;
  /** Chosen for its place: the same place, hence different answers, in both orders; null where it was not. */
  readonly bias: 'first' | 'second' | null;
  /** The judge did not answer: counts as a tie. */
  readonly failed: boolean;
}

const replyTokens = 16;
const longestAnswer = 20_000;

/** 1, 2, or 0 where the judge calls them equal or says neither. */
function choiceOf(reply: string): 0 | 1 | 2 {
  const digit = /^\W*(?:answer\s*)?([012])\b/i.exec(reply)?.[1];
  return digit === '1' ? 1 : digit === '2' ? 2 : 0;
}

/**
 * Asks a judge which of two answers is better, in both orders (Zheng et al. 2023, https://arxiv.org/abs/2306.05685): where the orders
 * disagree it is a tie. Yields in order of completion.
 */
export async function* judgePairs(
  judge: Engine,
  prompt: string,
  pairs: AsyncIterable<AnswerPair>,
  signal?: AbortSignal,
): AsyncGenerator<JudgedPair> {
  async function ask(question: string, first: string, second: string): Promise<0 | 1 | 2> {
    const cut = (text: string) => text.slice(0, longestAnswer);
    const generation = await judge.generate({
      prompt: renderTemplate(prompt, { question: cut(question), first: cut(first), second: cut(second) }),
      temperature: 0,
      topP: 1,
      topK: 0,
      maxTokens: replyTokens,
      stop: [],
      seed: 0,
      ...(signal === undefined ? {} : { signal }),
    });
    return choiceOf(generation.text);
  }
  yield* mapConcurrent(pairs, judge.concurrency, async ({ exampleId, question, before, after, cluster }) => {
    let [forward, backward]: (0 | 1 | 2)[] = [0, 0];
    try {
      forward = await ask(question, before, after);
      backward = await ask(question, after, before);
    } catch (error) {
      if (!(error instanceof EngineError) || signal?.aborted) throw error;
      return { exampleId, value: 0.5, cluster, bias: null, failed: true };
    }
    const bias =
      forward === 0 || forward !== backward ? null : forward === 1 ? ('first' as const) : ('second' as const);
    const value = forward === 2 && backward === 1 ? 1 : forward === 1 && backward === 2 ? 0 : 0.5;
    return { exampleId, value, cluster, bias, failed: false };
  });
}
