import { buildDataset, buildMethod } from './build.ts';
import { createComponentPool } from './component-pool.ts';
import type { Surroundings } from './definition.ts';
import { sampleRowIndices } from './lib/sample-examples.ts';
import type { ExperimentSpec, StopRule, VariantSpec } from './load-experiment.ts';
import { detectableEffect } from './statistics/power.ts';
import { sequenceAlpha } from './statistics/sequential-difference.ts';

/** What a variant will cost, before anything is spent. */
export interface VariantPlan {
  readonly variant: string;
  /** All else is for so many. */
  readonly rows: number;
  /** Fewer where the experiment may stop early (`compare.stop`): before the first look. */
  readonly rowsAtLeast: number;
  /** Model calls as far as they are known beforehand: the first calls of each example. */
  readonly calls: number;
  /** Estimated at `charsPerToken` from the real prompts of up to 50 rows. */
  readonly promptTokens: number;
  /** Upper bound: every call uses all of maxTokens, or an agent all that it may write. */
  readonly completionTokensAtMost: number;
  /** Smallest true difference in a paired comparison of two such variants that is found with 80 % power, at the worst case
   * for a 0/1 score (half of the pairs differ). */
  readonly detectableEffect: number;
}

/** English text in the tokenizers of current models, roughly. */
const charsPerToken = 4;
const previewRows = 50;

/** Reads the data sets (a hub data set is fetched), builds prompts, calls no model. Throws ConfigError. */
export async function planExperiment(
  spec: Pick<ExperimentSpec, 'variants'> & { compare: { alpha: number; stop?: StopRule } },
  surroundings: Surroundings,
  signal?: AbortSignal,
): Promise<VariantPlan[]> {
  const { stop } = spec.compare;
  const comparisons = new Set(spec.variants.map(({ group }) => group)).size - 1;
  // What is left for those who go on to the end.
  const alpha = stop === undefined ? spec.compare.alpha : sequenceAlpha(spec.compare.alpha, comparisons);
  const counts = new Map<string, Promise<number>>();
  const plans: VariantPlan[] = [];
  for (const variant of spec.variants) {
    const dataset = await buildDataset(variant.dataset, surroundings);
    const key = JSON.stringify(variant.dataset);
    const counting = counts.get(key) ?? dataset.count(signal);
    counts.set(key, counting);
    const total = await counting;
    const rows = Math.min(variant.sample ?? total, total);
    plans.push({
      ...(await previewCosts(variant, surroundings, total, rows)),
      rows,
      rowsAtLeast: Math.min(rows, stop?.atLeast ?? rows),
      variant: variant.variant,
      detectableEffect: detectableEffect({ n: rows, varianceOfDifference: 0.5, alpha, power: 0.8 }),
    });
  }
  return plans;
}

async function previewCosts(variant: VariantSpec, surroundings: Surroundings, total: number, rows: number) {
  const dataset = await buildDataset(variant.dataset, surroundings);
  // A plan reads prompts without what would be retrieved: nothing is opened.
  const method = await buildMethod(variant.method, createComponentPool(surroundings));
  let prompts = 0;
  let chars = 0;
  let completion = 0;
  let seen = 0;
  const only = sampleRowIndices(total, Math.min(previewRows, rows), variant.sampleSeed);
  for await (const example of dataset.examples({ only })) {
    const preview = method.preview(example);
    prompts += preview.prompts.length;
    for (const prompt of preview.prompts) chars += prompt.length;
    completion += preview.maxCompletionTokens ?? preview.prompts.length * variant.sampling.maxTokens;
    seen++;
  }
  const ofAll = (sum: number) => Math.round((sum / Math.max(1, seen)) * rows);
  return {
    calls: ofAll(prompts),
    promptTokens: ofAll(chars / charsPerToken),
    completionTokensAtMost: ofAll(completion),
  };
}
