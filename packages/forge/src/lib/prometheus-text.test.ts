import { expect, it } from 'vitest';
import { createHistogram, metric } from './prometheus-text.ts';

it('writes the text format of Prometheus', () => {
  const histogram = createHistogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  expect(metric('seconds', 'histogram', 'How long.', histogram.samples({ route: '/a"b\\c\n' }))).toBe(
    String.raw`# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{route="/a\"b\\c\n",le="0.1"} 2
seconds_bucket{route="/a\"b\\c\n",le="1"} 3
seconds_bucket{route="/a\"b\\c\n",le="+Inf"} 4
seconds_sum{route="/a\"b\\c\n"} 7.65
seconds_count{route="/a\"b\\c\n"} 4
`,
  );
  expect(metric('up', 'gauge', 'Two\nlines \\', [{ value: Number.POSITIVE_INFINITY }])).toBe(
    '# HELP up Two\\nlines \\\\\n# TYPE up gauge\nup +Inf\n',
  );
});
