import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { benchmarkMarkdown } from '../benchmark-text.ts';
import { findingMarkdown } from '../finding-text.ts';
import type { Finding } from '../read-finding.ts';
import { exampleBenchmarkReport } from '../testing/example-benchmarks.ts';
import { inertMarkdown } from './inert-markdown.ts';

const hostile = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '![x](http://attacker.example/pixel)',
  '[click](javascript:alert(1))',
  '[a][b]\n\n[b]: javascript:alert(1)',
  '</td><iframe src=//attacker.example>',
  '<!-- ',
  '&#60;script&#62;',
];
/** What a Markdown renderer would make an element, link or picture of. */
const live = /<[A-Za-z/!?]|(?<!\\)\]\s*[([:]|&#/;

describe('reports', () => {
  it.each(hostile)('show %j as text', (text) => {
    expect(live.test(text)).toBe(true);
    expect(inertMarkdown(text)).not.toMatch(live);
    const experiment = { id: 'id', name: text };
    const run = { variant: text, status: 'failed', error: text };
    const finding = {
      experiment,
      description: text,
      runs: [{ run, spec: { metrics: [{ name: text }] }, summary: null }],
      comparisons: [],
      latency: [],
      tokens: [],
    };
    expect(findingMarkdown(finding as unknown as Finding)).not.toMatch(live);
    const report = exampleBenchmarkReport(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']);
    const benchmark = { id: 'id', name: 'benchmark', experimentId: 'id', config: { description: text } };
    const shown = benchmarkMarkdown(benchmark as never, { ...report, findings: [text], notes: [text] }, [
      { title: text, file: 'plot.svg' },
    ]);
    expect(shown.split('](plot.svg)')).toHaveLength(2);
    expect(shown.replace('](plot.svg)', '')).not.toMatch(live);
  });

  it('keep figures as they are', () => {
    const text = '| a | 45.0 % [40.1, 50.2] | p < 0.001 | x <= 3 | f1 & more | **bold** |';
    expect(inertMarkdown(text)).toBe(text);
  });

  it('hold nothing live, whatever was written', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '[',
      ']',
      '(',
      ')',
      '!',
      ':',
      '&',
      '#',
      '\\',
      ' ',
      '\n',
      'a',
      'script',
      '/',
      '`',
      '|',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        expect(inertMarkdown(parts.join(''))).not.toMatch(/<[A-Za-z/!?]|&#/);
        expect(inertMarkdown(parts.join(''))).not.toMatch(/(?<!\\)\]\s*[([:]/);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 4000 },
    );
  });
});
