import { describe, expect, it } from 'vitest';
import type { Example } from '../dataset.ts';
import type { Metric } from '../metric.ts';
import { metrics } from './index.ts';

function make(name: string, options: object = {}): Metric {
  const definition = metrics.find((one) => one.name === name);
  if (definition === undefined) throw new Error(name);
  return definition.create(definition.options.parse(options), {
    nli: () => Promise.reject(new Error('no model here')),
  }) as Metric;
}

/** The score of a ranking of document ids. */
function score(metric: Metric, ranking: readonly string[], relevant: Readonly<Record<string, number>> | undefined) {
  const example: Example = { id: '1', text: 'q', targets: [], ...(relevant === undefined ? {} : { relevant }) };
  const steps = ranking.map((documentId) => ({ kind: 'passage', text: '', documentId }));
  return metric.score(example, { answer: '', steps }) as number;
}

/** [ranking, grades by document, nDCG@3, nDCG@10, average precision] by scikit-learn 1.9.1: ndcg_score, average_precision_score. */
const golden: [number[], number[], number, number, number][] = [
  [
    [4, 6, 10, 0, 1, 3, 8, 7, 2, 5, 9, 11],
    [0, 2, 0, 2, 0, 0, 2, 0, 0, 0, 2, 0],
    0.530721273977,
    0.731568211475,
    0.608333333333,
  ],
  [[0, 5, 4, 9, 6, 11, 7, 3, 8, 10, 1, 2], [0, 3, 1, 0, 0, 0, 0, 0, 1, 3, 0, 2], 0.0, 0.343571471429, 0.339393939394],
  [
    [9, 2, 10, 7, 0, 3, 5, 11, 4, 8, 1, 6],
    [0, 3, 2, 3, 0, 2, 0, 0, 0, 1, 2, 1],
    0.553534050316,
    0.646508632798,
    0.823902288188,
  ],
  [
    [3, 7, 10, 0, 4, 1, 9, 6, 8, 2, 5, 11],
    [0, 1, 2, 1, 1, 3, 2, 0, 1, 1, 0, 0],
    0.190046883358,
    0.506251147667,
    0.648795995671,
  ],
  [
    [7, 0, 3, 10, 5, 11, 1, 6, 9, 2, 4, 8],
    [1, 1, 2, 3, 0, 1, 0, 0, 0, 0, 0, 2],
    0.404976558321,
    0.643554984288,
    0.624603174603,
  ],
  [[6, 7, 5, 11, 0, 2, 4, 9, 10, 3, 1, 8], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0.0, 0.430676558073, 0.25],
];

describe('retrieval metrics', () => {
  it.each(golden)('equal scikit-learn on %j', (order, grades, ndcg3, ndcg10, averagePrecision) => {
    const ranking = order.map(String);
    const relevant = Object.fromEntries(grades.map((grade, id) => [String(id), grade]));
    expect(score(make('ndcg', { k: 3 }), ranking, relevant)).toBeCloseTo(ndcg3, 10);
    expect(score(make('ndcg', { k: 10 }), ranking, relevant)).toBeCloseTo(ndcg10, 10);
    // The whole ranking is the context, so that context precision is average precision.
    expect(score(make('context-precision'), ranking, relevant)).toBeCloseTo(averagePrecision, 10);
  });

  it('count relevant documents, not how relevant they are, in recall, precision and MRR', () => {
    const relevant = { a: 3, b: 1, c: 0, missing: 2 };
    const ranking = ['c', 'a', 'x', 'b', 'y'];
    expect(score(make('recall', { k: 2 }), ranking, relevant)).toBeCloseTo(1 / 3);
    expect(score(make('recall', { k: 5 }), ranking, relevant)).toBeCloseTo(2 / 3);
    expect(score(make('precision', { k: 5 }), ranking, relevant)).toBeCloseTo(2 / 5);
    // Places that nothing was found for are not relevant either (trec_eval).
    expect(score(make('precision', { k: 10 }), ranking, relevant)).toBeCloseTo(2 / 10);
    expect(score(make('mrr'), ranking, relevant)).toBe(1 / 2);
    expect(score(make('mrr', { k: 1 }), ranking, relevant)).toBe(0);
  });

  it('count a document once, where its first chunk stands', () => {
    expect(score(make('recall', { k: 2 }), ['x', 'x', 'a'], { a: 1 })).toBe(1);
    expect(score(make('mrr'), ['x', 'x', 'a'], { a: 1 })).toBe(1 / 2);
  });

  it('are 0 where nothing was found or nothing is relevant', () => {
    for (const name of ['recall', 'precision', 'mrr', 'ndcg', 'context-precision']) {
      expect(score(make(name), [], { a: 1 })).toBe(0);
      expect(score(make(name), ['a'], {})).toBe(0);
      expect(score(make(name), ['a'], { a: 0 })).toBe(0);
      expect(score(make(name), ['constructor', '__proto__'], { a: 1 })).toBe(0);
    }
  });

  it('say that a data set without relevant documents cannot be scored', () => {
    for (const name of ['recall', 'precision', 'mrr', 'ndcg', 'context-precision']) {
      expect(() => score(make(name), ['a'], undefined)).toThrow(/names no relevant documents/);
    }
  });
});
