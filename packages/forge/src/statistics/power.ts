import { normalQuantile } from './distributions.ts';

export interface PowerOptions {
  /** Variance over questions of the difference of the two true scores: w^2 = Var(x_A) + Var(x_B) - 2 Cov. */
  readonly varianceOfDifference: number;
  /** Two-sided level; default 0.05. */
  readonly alpha?: number;
  /** Default 0.8. */
  readonly power?: number;
  /** Variance within a question between samples, and samples per question, of each side. */
  readonly withinA?: number;
  readonly withinB?: number;
  readonly samplesA?: number;
  readonly samplesB?: number;
}

function variancePerQuestion({
  varianceOfDifference,
  withinA = 0,
  withinB = 0,
  samplesA = 1,
  samplesB = 1,
}: PowerOptions): number {
  return varianceOfDifference + withinA / samplesA + withinB / samplesB;
}

const zSum = ({ alpha = 0.05, power = 0.8 }: PowerOptions) => -normalQuantile(alpha / 2) - normalQuantile(1 - power);

/**
 * Questions needed to find a difference `effect` in a paired comparison (Miller 2024, https://arxiv.org/abs/2411.00640, section 5):
 * n = (z_{1-a/2} + z_{1-b})^2 (w^2 + s_A^2/K_A + s_B^2/K_B) / effect^2, rounded up.
 */
export function neededN(effect: number, options: PowerOptions): number {
  return Math.ceil((zSum(options) ** 2 * variancePerQuestion(options)) / effect ** 2 - 1e-9);
}

/** The smallest difference that n questions find: the inverse of neededN. */
export function detectableEffect({ n, ...options }: PowerOptions & { n: number }): number {
  return zSum(options) * Math.sqrt(variancePerQuestion(options) / n);
}
