import { studentCdf } from './distributions.ts';

/**
 * Two one-sided t tests (TOST, Schuirmann 1987): the p-value of "the true mean difference lies outside (-margin, margin)";
 * small means equivalent. `df` may be Infinity (normal). With no variation at all it is 0 or 1.
 */
export function equivalenceTest(difference: number, standardError: number, df: number, margin: number): number {
  if (!(standardError > 0)) return Math.abs(difference) < margin ? 0 : 1;
  const below = studentCdf(-(difference + margin) / standardError, df);
  const above = studentCdf((difference - margin) / standardError, df);
  return Math.max(below, above);
}
