import { createRandom } from '../lib/random.ts';

/** Which values of an objective are the better ones. */
export type Better = 'higher' | 'lower';

/** Where one point stands among others. */
export interface ParetoPlace {
  /** No other point is at least as good in every objective and better in one. */
  readonly onFrontier: boolean;
  /** Indices of the points that are, in the given order. */
  readonly dominatedBy: readonly number[];
  /** Indices of points with the very same values: ties dominate neither way, so both or none are on the frontier. */
  readonly equalTo: readonly number[];
}

/** Whether `a` is at least as good as `b` in every objective and better in one (Pareto dominance). Values are finite. */
function dominates(a: readonly number[], b: readonly number[], better: readonly Better[]): boolean {
  let ahead = false;
  for (const [k, direction] of better.entries()) {
    const difference =
      direction === 'higher' ? (a[k] as number) - (b[k] as number) : (b[k] as number) - (a[k] as number);
    if (difference < 0) return false;
    if (difference > 0) ahead = true;
  }
  return ahead;
}

/** The non-dominated set of points; `points[i][k]` is finite, the value of objective k. */
export function paretoPlaces(points: readonly (readonly number[])[], better: readonly Better[]): ParetoPlace[] {
  const others = (i: number, holds: (other: readonly number[]) => boolean) =>
    points.flatMap((other, j) => (j !== i && holds(other) ? [j] : []));
  return points.map((point, i) => {
    const dominatedBy = others(i, (other) => dominates(other, point, better));
    const equalTo = others(i, (other) => better.every((_, k) => other[k] === point[k]));
    return { onFrontier: dominatedBy.length === 0, dominatedBy, equalTo };
  });
}

/** The objectives of a point where example i was drawn `examples[i]` times and repetition r `repetitions[r]` times; null where nothing of it was. */
export type DrawnPoint = (examples: Uint32Array, repetitions: Uint32Array) => readonly number[] | null;

export interface FrontierDraws {
  /** Of each example: examples of one cluster are drawn together. Unset: each by itself. */
  readonly clusters?: readonly unknown[];
  readonly examples: number;
  readonly repetitions: number;
  readonly resamples: number;
  readonly seed: number | string;
}

/** Indices of examples by cluster. */
function clusterMembers({ examples, clusters }: FrontierDraws): Uint32Array[] {
  const all = Array.from({ length: examples }, (_, i) => i);
  if (clusters === undefined) return all.map((i) => Uint32Array.of(i));
  return [...Map.groupBy(all, (i) => clusters[i]).values()].map((members) => Uint32Array.from(members));
}

/**
 * The share of bootstrap draws in which each point is on the frontier. Every draw takes examples (whole clusters where there are some)
 * and repetitions with replacement once, for all points alike: they were measured on the same examples, so what makes an
 * example hard or slow moves all of them together (paired bootstrap, Efron & Tibshirani 1993, chapter 13). Over the draws in which a
 * point has values; NaN where it never has.
 */
export function frontierProbabilities(
  points: readonly DrawnPoint[],
  better: readonly Better[],
  draws: FrontierDraws,
): number[] {
  const random = createRandom(`pareto ${draws.seed}`);
  const members = clusterMembers(draws);
  const examples = new Uint32Array(draws.examples);
  const repetitions = new Uint32Array(draws.repetitions);
  const present = new Uint32Array(points.length);
  const onFrontier = new Uint32Array(points.length);
  for (let b = 0; b < draws.resamples; b++) {
    examples.fill(0);
    repetitions.fill(0);
    for (let i = 0; i < members.length; i++) {
      for (const example of members[random.below(members.length)] as Uint32Array) (examples[example] as number)++;
    }
    for (let r = 0; r < draws.repetitions; r++) (repetitions[random.below(draws.repetitions)] as number)++;
    const drawn = points.flatMap((point, i) => {
      const values = point(examples, repetitions);
      return values === null ? [] : [{ i, values }];
    });
    for (const { i, values } of drawn) {
      (present[i] as number)++;
      if (!drawn.some((other) => dominates(other.values, values, better))) (onFrontier[i] as number)++;
    }
  }
  return points.map((_, i) => (onFrontier[i] as number) / (present[i] as number));
}
