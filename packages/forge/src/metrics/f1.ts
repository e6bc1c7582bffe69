import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { normalizationOption } from '../lib/normalization-option.ts';
import { normalizations, wordsOf } from '../lib/normalize-answer.ts';
import type { Metric, MetricParts } from '../metric.ts';

const options = z.strictObject({ normalization: normalizationOption });

/** f1_score of the official SQuAD v1.1 script: harmonic mean of precision and recall over the multiset of tokens. */
function tokenF1(given: readonly string[], target: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const token of target) counts.set(token, (counts.get(token) ?? 0) + 1);
  let same = 0;
  for (const token of given) {
    const left = counts.get(token) ?? 0;
    if (left === 0) continue;
    counts.set(token, left - 1);
    same++;
  }
  if (same === 0) return 0;
  const precision = same / given.length;
  const recall = same / target.length;
  return (2 * precision * recall) / (precision + recall);
}

/** Token overlap with the best target (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250). Two empty texts score 0, as there. */
export const definition: Definition<Metric, MetricParts, typeof options> = {
  name: 'f1',
  summary: 'Overlap of answer and target words: harmonic mean of precision and recall, best target.',
  options,
  create({ normalization }) {
    const normalize = normalizations[normalization];
    return {
      name: 'f1',
      binary: false,
      score({ targets }, { answer }) {
        const given = wordsOf(normalize(answer));
        return targets.reduce((best, target) => Math.max(best, tokenF1(given, wordsOf(normalize(target)))), 0);
      },
    };
  },
};
