import type { Example } from '../dataset.ts';
import { ConfigError } from '../errors.ts';
import type { Prediction } from '../method.ts';

/** What a retrieval metric looks at. */
export interface RankedDocuments {
  /** Best first; a document of which several chunks were found counts at its first. */
  readonly ids: readonly string[];
  readonly relevant: Readonly<Record<string, number>>;
}

/** Throws ConfigError where the data set does not say what is relevant. */
export function rankedDocuments(example: Example, prediction: Prediction): RankedDocuments {
  // A score of zero would look like a bad retriever.
  if (example.relevant === undefined) {
    throw new ConfigError(
      `example ${example.id}: the data set names no relevant documents (columns.relevant), which retrieval metrics need`,
    );
  }
  const ids = prediction.steps.filter(({ kind }) => kind === 'passage').map((step) => String(step.documentId));
  return { ids: [...new Set(ids)], relevant: example.relevant };
}

const gradeOf = (relevant: RankedDocuments['relevant'], id: string) =>
  Object.hasOwn(relevant, id) ? Math.max(0, relevant[id] ?? 0) : 0;
const relevantIds = ({ relevant }: RankedDocuments) => Object.keys(relevant).filter((id) => gradeOf(relevant, id) > 0);

/** Share of the relevant documents that are among the first k; 0 where none is relevant (trec_eval). */
export function recallAt(k: number, ranked: RankedDocuments): number {
  const wanted = relevantIds(ranked);
  if (wanted.length === 0) return 0;
  const found = new Set(ranked.ids.slice(0, k));
  return wanted.filter((id) => found.has(id)).length / wanted.length;
}

/** Share of the first k that are relevant; places that are empty count as not relevant (trec_eval). */
export function precisionAt(k: number, ranked: RankedDocuments): number {
  return ranked.ids.slice(0, k).filter((id) => gradeOf(ranked.relevant, id) > 0).length / k;
}

/** 1 / rank of the first relevant document among the first k, else 0. */
export function reciprocalRankAt(k: number, ranked: RankedDocuments): number {
  const at = ranked.ids.slice(0, k).findIndex((id) => gradeOf(ranked.relevant, id) > 0);
  return at < 0 ? 0 : 1 / (at + 1);
}

/** Discounted cumulative gain of the first k, gain = grade, discount = log2(rank + 1), over that of the best order (Jarvelin and Kekalainen 2002; trec_eval's ndcg_cut). */
export function ndcgAt(k: number, ranked: RankedDocuments): number {
  const gain = (grades: readonly number[]) =>
    grades.slice(0, k).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
  const best = gain(
    Object.keys(ranked.relevant)
      .map((id) => gradeOf(ranked.relevant, id))
      .sort((a, b) => b - a),
  );
  return best === 0 ? 0 : gain(ranked.ids.map((id) => gradeOf(ranked.relevant, id))) / best;
}

/**
 * Context precision: mean of precision at each place that holds a relevant document, over all of them in the list: relevant
 * passages before others (Es et al. 2023, RAGAS, https://arxiv.org/abs/2309.15217, with relevance from qrels, not from a judge).
 */
export function contextPrecision(ranked: RankedDocuments): number {
  let hits = 0;
  let sum = 0;
  for (const [i, id] of ranked.ids.entries()) {
    if (gradeOf(ranked.relevant, id) === 0) continue;
    hits++;
    sum += hits / (i + 1);
  }
  return hits === 0 ? 0 : sum / hits;
}
