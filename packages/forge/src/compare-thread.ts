import { Piscina } from 'piscina';
import type { ComparisonInput, ComparisonOutput } from './compare-inputs.ts';

/** Does the statistics of comparisons in another thread: seconds over many rows, in which this one answers others. */
export interface CompareThread {
  compare(input: ComparisonInput): Promise<ComparisonOutput>;
  close(): Promise<void>;
}

/** Compares in a thread of its own, which starts with the first request. */
export function createCompareThread(): CompareThread {
  const pool = new Piscina({
    filename: new URL('./compare-inputs.ts', import.meta.url).href,
    name: 'compareInputs',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
    maxQueue: 100,
  });
  return {
    compare: (input) => pool.run(input) as Promise<ComparisonOutput>,
    close: () => pool.destroy(),
  };
}
