import { studentQuantile } from './distributions.ts';
import { clusteredStandardError, type Estimate, mean, standardError } from './estimate.ts';

/**
 * Ratio of the means of two paired samples, candidate over baseline, with a t interval on the log scale (delta method; the
 * variance of a ratio as in Cochran, Sampling Techniques, 1977, 6.4). null under two pairs or where a mean is not positive.
 */
export function ratioOfMeans(
  baseline: Float64Array,
  candidate: Float64Array,
  clusters: readonly (string | number)[] | null,
  level = 0.95,
): Estimate | null {
  if (baseline.length < 2) return null;
  const [below, above] = [mean(baseline), mean(candidate)];
  if (below <= 0 || above <= 0) return null;
  const residuals = candidate.map((value, i) => value / above - (baseline[i] as number) / below);
  const { error, count } =
    clusters === null
      ? { error: standardError(residuals), count: residuals.length }
      : clusteredStandardError(residuals, clusters);
  if (count < 2) return null;
  const factor = Math.exp(-studentQuantile((1 - level) / 2, count - 1) * error);
  const value = above / below;
  const method = clusters === null ? 't' : 'clustered-t';
  return { value, low: value / factor, high: value * factor, n: count, level, method };
}
