/** Metrics as text: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export interface Sample {
  /** Follows the name: `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

const labelText = (text: string) => text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));

const numberText = (value: number) =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);

function line(name: string, { suffix = '', labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${labelText(text)}"`);
  return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
}

/** One metric with all its samples. */
export function metric(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly Sample[],
): string {
  const text = help.replace(/[\\\n]/g, (one) => (one === '\n' ? '\\n' : '\\\\'));
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n${samples.map((sample) => line(name, sample)).join('')}`;
}

export interface Histogram {
  observe(value: number): void;
  samples(labels: Readonly<Record<string, string>>): Sample[];
}

/** Counts of what is at most each bound, ascending, and the sum. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = bounds.map(() => 0);
  let [count, sum] = [0, 0];
  return {
    observe(value) {
      count++;
      sum += value;
      for (const [i, bound] of bounds.entries()) if (value <= bound) counts[i] = (counts[i] ?? 0) + 1;
    },
    samples: (labels) => [
      ...bounds.map((bound, i) => ({
        suffix: '_bucket',
        labels: { ...labels, le: numberText(bound) },
        value: counts[i] ?? 0,
      })),
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: count },
    ],
  };
}
