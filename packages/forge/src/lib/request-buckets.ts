/** How many requests may come at once, and how many a second in the long run. */
export interface BucketRate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A bucket of requests for each key: it holds `burst`, and fills at `perSecond`. */
export interface RequestBuckets {
  /** Takes one: 0, or the ms until there would be one. */
  take(key: string): number;
  /** The same without taking it. */
  wait(key: string): number;
}

/** Remembers `mostKeys`; of more it forgets those that asked longest ago. `monotonic`: ms. */
export function createRequestBuckets(
  { burst, perSecond }: BucketRate,
  monotonic: () => number,
  mostKeys = 10_000,
): RequestBuckets {
  const buckets = new Map<string, { readonly left: number; readonly at: number }>();

  function leftOf(key: string, now: number): number {
    const bucket = buckets.get(key);
    return bucket === undefined ? burst : Math.min(burst, bucket.left + ((now - bucket.at) / 1000) * perSecond);
  }
  const waitFor = (left: number) => (left >= 1 ? 0 : ((1 - left) / perSecond) * 1000);

  return {
    take(key) {
      const now = monotonic();
      const left = leftOf(key, now);
      const waitMs = waitFor(left);
      // Anew at the end: the order of the keys is that of their last requests.
      buckets.delete(key);
      buckets.set(key, { left: waitMs === 0 ? left - 1 : left, at: now });
      const oldest = buckets.keys().next().value;
      if (buckets.size > mostKeys && oldest !== undefined) buckets.delete(oldest);
      return waitMs;
    },
    wait: (key) => waitFor(leftOf(key, monotonic())),
  };
}
