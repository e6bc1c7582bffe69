import type { Example } from './dataset.ts';
import type { Prediction } from './method.ts';

/** 0 to 1 for accuracies; higher is better. */
export type Score = number;

export interface Metric {
  readonly name: string;
  /** Every score is 0 or 1: proportions get Wilson intervals and pairs McNemar's test. */
  readonly binary: boolean;
  score(example: Example, prediction: Prediction): Score | Promise<Score>;
}

export type MetricParts = Record<never, never>;
