import type { Example } from './dataset.ts';
import type { ComponentSpec } from './definition.ts';
import type { Nli } from './encoder.ts';
import type { Prediction, Step } from './method.ts';

/** 0 to 1 for accuracies; higher is better. */
export type Score = number;

/** A score with what it rests on: the steps are stored with the example's own. */
export interface Judgement {
  readonly score: Score;
  readonly steps: readonly Step[];
}

export interface Metric {
  readonly name: string;
  /** Every score is 0 or 1: proportions get Wilson intervals and pairs McNemar's test. */
  readonly binary: boolean;
  /** Opens what it is made of, before the first example is measured. Returns fingerprints by role. Throws ConfigError. */
  prepare?(): Promise<Readonly<Record<string, string>>>;
  score(example: Example, prediction: Prediction): Score | Judgement | Promise<Score | Judgement>;
}

/** What metrics are made of; asked for by `prepare` or the first score, not by `create`: who only reads scores opens nothing. */
export interface MetricParts {
  nli(spec: ComponentSpec): Promise<Nli>;
}
