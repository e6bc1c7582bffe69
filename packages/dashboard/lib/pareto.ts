export interface Point {
  /** Less is better. */
  readonly cost: number;
  /** More is better. */
  readonly score: number;
}

/** The points that no other one beats on one side without losing on the other, cheapest first. Of equal points the first. */
export function paretoFront<P extends Point>(points: readonly P[]): P[] {
  const sorted = points.toSorted((a, b) => a.cost - b.cost || b.score - a.score);
  const front: P[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const point of sorted) {
    if (point.score <= best) continue;
    front.push(point);
    best = point.score;
  }
  return front;
}
