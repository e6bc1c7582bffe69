import { describe, expect, it } from 'vitest';
import { benchmarkMarkdown, benchmarkText } from './benchmark-text.ts';
import { exampleBenchmark, exampleBenchmarkReport } from './testing/example-benchmarks.ts';

const benchmark = { id: 'b-1', ...exampleBenchmark('bench', 'e-1') };
const report = exampleBenchmarkReport([]);

/** The cells of one line of a Markdown table. */
const cellsOf = (line: string | undefined) =>
  line
    ?.split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('a benchmark as text', () => {
  it('shows everything that was found on a terminal', () => {
    const text = benchmarkText(benchmark, report);
    expect(text).toMatch(/^naive +1 +▅ 3\.20 = +▄ 2\.40 \? +█ 96\.0 = +▃ 0\.90 -$/m);
    expect(text).toContain('answers against the baseline: = equivalent, + better, - worse, ? undecided');
    expect(text).toMatch(/^naive \/ batching +38\.4 \[35\.3, 41\.5\] +3\.20 \[2\.88, 3\.52\] +133 ms/m);
    expect(text).toMatch(/^rag \/ q4 +200 +36\.0 % \[29\.2, 42\.8\] +-8\.0 \[-11\.0, -5\.0\] +worse +p = 1\.000 /m);
    expect(text).toMatch(/^batching, 16\/s poisson +10\.5 .* no$/m);
    expect(text).toMatch(/^batching, 4\/s poisson .* yes$/m);
    expect(text).toContain('Cheapest with at least 50 % right: none. No point is surely');
    for (const line of [...report.findings, ...report.notes, ...report.goal.map(({ sentence }) => sentence)])
      expect(text).toContain(`  - ${line}`);
    // Columns that no cell has anything for are left out.
    expect(text).not.toContain('J per example');
    expect(text).toContain('Runs: forge show e-1');
  });

  it('says the same in Markdown, with figures', () => {
    const lines = benchmarkMarkdown(benchmark, report, [{ title: 'Speed', file: 'speed-up.svg' }]).split('\n');
    expect(lines[0]).toBe('# bench');
    expect(cellsOf(lines.find((line) => line.startsWith('| naive |')))).toEqual([
      'naive',
      '1',
      '3.20 =',
      '2.40 ?',
      '96.0 =',
      '0.90 -',
    ]);
    expect(lines).toContain('![Speed](speed-up.svg)');
    expect(lines).toContain('## Under load');
    const tables = lines.filter((line) => line.startsWith('|'));
    const rows = report.methods.length + report.cells.length * 3 + report.load.flatMap(({ points }) => points).length;
    const frontier = report.pareto.points.filter(({ onFrontier }) => onFrontier).length;
    // Six tables, each with a header and the line under it.
    expect(tables).toHaveLength(rows + frontier + 12);
    expect(lines.filter((line) => line.startsWith('- ') && line.includes('(probability'))).toHaveLength(
      report.pareto.points.length - frontier,
    );
  });

  it('says little where little was measured', () => {
    const nothing = {
      ...report,
      cells: [],
      load: [],
      goal: [],
      findings: [],
      pareto: { ...report.pareto, points: [] },
    };
    const text = benchmarkText({ ...benchmark, config: {} }, { ...nothing, methods: [] });
    expect(text).not.toMatch(/Speed|Findings|Goal|Under load|Frontier/);
    expect(text).toContain('Recommendations');
  });
});
