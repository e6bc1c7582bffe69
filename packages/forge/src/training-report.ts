import type { ComponentSpec } from './definition.ts';

/** A figure with its interval, in the unit of its metric. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One metric of one trained run on held-out rows or examples, before training (the reference model) and after. */
export interface TrainingFigure {
  /** The run, e.g. `beta=0.05, rows=200, seed=2`. */
  readonly variant: string;
  /** The variant without its seed: figures of one group are repeats of one another. */
  readonly group: string;
  /** What varies, without the seed: `{beta: 0.05, rows: 200}`. */
  readonly varied: Readonly<Record<string, string | number>>;
  /** e.g. `preference-accuracy` */
  readonly metric: string;
  /** The metric in words, for headings. */
  readonly label: string;
  /** Rows or examples behind it. */
  readonly n: number;
  /** null where there is no such figure before training. */
  readonly before: Interval | null;
  readonly after: Interval;
  /** after - before, paired by row; null where nothing can be paired. */
  readonly difference: Interval | null;
  /** share: 0 to 1. */
  readonly unit: 'share' | 'tokens' | 'words' | 'characters' | 'nats' | 'reward' | 'score';
  readonly better: 'higher' | 'lower' | 'neutral';
}

/** One metric of the runs that differ in their seed only: each example is averaged over them first. */
export interface TrainingGroup extends Omit<TrainingFigure, 'variant'> {
  /** Of the setting that the file states, not of its ablation. */
  readonly main: boolean;
  /** The metric that its evaluation's verdict rests on. */
  readonly deciding: boolean;
  /** Runs in the group. */
  readonly seeds: number;
  /** Over the means of the runs: how far training again moves the figure; null for one run. */
  readonly spread: { readonly low: number; readonly high: number; readonly sd: number } | null;
  /** Of the difference, not corrected for other comparisons; null where there is none. */
  readonly test: { readonly name: string; readonly pValue: number } | null;
}

/** What the models were trained on. */
export interface TrainingData {
  readonly set: ComponentSpec;
  /** sha256 (hex) of the rows' content. */
  readonly fingerprint: string;
  /** Rows of each split. */
  readonly counts: { readonly train: number; readonly validation: number; readonly test: number };
  /** sha256 (hex) of each split's file. */
  readonly files: Readonly<Record<string, string>>;
  /** Experiments whose answers the pairs were made from. */
  readonly sourceExperiments?: readonly string[];
  /** Rows of one split found in another one, or in an evaluation set: counts by what was compared. */
  readonly leakage: Readonly<Record<string, unknown>>;
  /** Lengths in tokens, by part of a row. */
  readonly lengths: Readonly<Record<string, unknown>>;
  /** What else there is to say of the training rows: repeats, length bias, overlap of the answers, rows left out. */
  readonly report?: Readonly<Record<string, unknown>>;
}

/** What a training found: kept in `TrainingRecord.report`. */
export interface TrainingReport {
  readonly data: TrainingData;
  readonly figures: readonly TrainingFigure[];
  /** The same by group, the main setting first: the ablation table. */
  readonly groups: readonly TrainingGroup[];
  /** Experiments that compared a trained model with the one before. */
  readonly evaluations: readonly {
    readonly experimentId: string;
    readonly name: string;
    /** The run whose result was evaluated. */
    readonly variant: string;
    readonly sentences: readonly string[];
  }[];
  readonly verdicts: readonly {
    readonly sentence: string;
    /** `higher`, `lower`: a change of something of which neither more nor less is better. */
    readonly kind: 'better' | 'worse' | 'higher' | 'lower' | 'tied' | 'underpowered';
  }[];
  /** Negative results, in a sentence each. */
  readonly negatives: readonly string[];
}
