/** Counts over bins of one width. */
export interface Histogram {
  /** Left edge of the first bin. */
  readonly low: number;
  readonly binWidth: number;
  readonly counts: readonly number[];
  /** Values right of the last bin: the largest percent, so that one outlier does not press all others into one bin. */
  readonly above: number;
}

const mostBins = 50;

/** Bins of a round width (1, 2 or 5 times a power of ten) over all but the largest percent of the values, ascending, at least one. */
export function histogram(sorted: Float64Array): Histogram {
  const first = sorted[0] as number;
  const last = sorted[Math.floor(0.99 * (sorted.length - 1))] as number;
  const least = (last - first) / (mostBins - 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const binWidth = least > 0 ? ([1, 2, 5, 10].find((step) => step * power >= least) as number) * power : 1;
  const low = Math.floor(first / binWidth) * binWidth;
  const counts = new Array<number>(Math.floor((last - low) / binWidth) + 1).fill(0);
  let above = 0;
  for (const value of sorted) {
    const bin = Math.floor((value - low) / binWidth);
    if (bin < counts.length) counts[bin] = (counts[bin] as number) + 1;
    else above++;
  }
  return { low, binWidth, counts, above };
}
