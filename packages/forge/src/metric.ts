import type { Example } from './dataset.ts';
import type { ComponentSpec } from './definition.ts';
import type { Nli } from './encoder.ts';
import type { Prediction, Step } from './method.ts';
import type { CallRecord } from './run.ts';

/** 0 to 1 for accuracies; higher is better, unless the metric says otherwise. */
export type Score = number;

/** What a score counts where it is no share of 1. */
export type ScoreUnit = 'nats' | 'tokens' | 'words' | 'characters';

/** `neutral`: a difference is neither a gain nor a loss (a length, say). */
export type Direction = 'higher' | 'lower' | 'neutral';

/** A score with what it rests on: the steps are stored with the example's own. */
export interface Judgement {
  readonly score: Score;
  readonly steps: readonly Step[];
}

/** How a metric's scores are to be read. */
export type MetricDescription = Pick<Metric, 'name' | 'binary' | 'unit' | 'better'>;

export interface Metric {
  readonly name: string;
  /** Every score is 0 or 1: proportions get Wilson intervals and pairs McNemar's test. */
  readonly binary: boolean;
  /** Unset: a share of 1. */
  readonly unit?: ScoreUnit;
  /** Which scores are the better ones; unset: the higher. */
  readonly better?: Direction;
  /** Opens what it is made of, before the first example is measured. Returns fingerprints by role. Throws ConfigError. */
  prepare?(): Promise<Readonly<Record<string, string>>>;
  /** `calls`: what was asked of the model and what it wrote, in order. */
  score(
    example: Example,
    prediction: Prediction,
    calls?: readonly CallRecord[],
  ): Score | Judgement | Promise<Score | Judgement>;
}

/** What metrics are made of; asked for by `prepare` or the first score, not by `create`: who only reads scores opens nothing. */
export interface MetricParts {
  nli(spec: ComponentSpec): Promise<Nli>;
}
