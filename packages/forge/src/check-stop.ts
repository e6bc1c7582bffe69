import { catalog } from './catalog.ts';
import type { ComponentSpec } from './definition.ts';
import { ConfigError } from './errors.ts';
import { canonicalJson } from './lib/canonical-json.ts';

interface Compared {
  readonly variant: string;
  readonly group: string;
  readonly dataset: ComponentSpec;
  readonly sample: number | null;
  readonly sampleSeed: string;
  readonly metrics: readonly ComponentSpec[];
}

/**
 * Whether comparisons of these variants on this metric can be stopped early. Throws ConfigError, `at` before its message: file, line and
 * key.
 */
export function checkStop(variants: readonly Compared[], metric: string, at: string): void {
  const [first, ...others] = variants;
  if (new Set(variants.map(({ group }) => group)).size < 2)
    throw new ConfigError(`${at}there is one variant, and nothing to compare it with; add one, or remove stop`);
  const rowsOf = ({ dataset, sample, sampleSeed }: Compared) => canonicalJson({ dataset, sample, sampleSeed });
  const other = others.find((one) => first !== undefined && rowsOf(one) !== rowsOf(first));
  if (other !== undefined)
    throw new ConfigError(
      `${at}variants "${first?.variant}" and "${other.variant}" have other examples; give all variants the same dataset, sample and sampleSeed, or remove stop`,
    );
  const spec = first?.metrics.find(({ name }) => name === metric);
  const definition = catalog.metric.find(({ name }) => name === metric);
  // Made only to be asked what it counts: nothing is opened before its first score.
  const made = definition?.create(spec?.options ?? {}, {
    nli: () => Promise.reject(new Error('no scores are made here')),
  });
  if (made === undefined || made instanceof Promise || made.unit === undefined) return;
  throw new ConfigError(
    `${at}"${metric}" counts ${made.unit}, which have no bounds; it needs a metric with scores from 0 to 1 (compare.metric), or remove stop`,
  );
}
