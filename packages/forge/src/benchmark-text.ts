import type { BenchmarkRecord } from './benchmark-record.ts';
import type { BenchmarkReport } from './benchmark-report.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import {
  answerTable,
  frontierTable,
  loadTable,
  matrixTable,
  resourceTable,
  speedTable,
  type Table,
  verdictMarks,
} from './benchmark-tables.ts';
import { cellLabel } from './benchmark-wording.ts';
import { markdownTable, textTable } from './lib/format.ts';
import { inertMarkdown } from './lib/inert-markdown.ts';

type Named = Pick<BenchmarkRecord, 'id' | 'name' | 'experimentId' | 'config'>;

const blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** A bar as high as a ratio on the log scale: level at a quarter, full at 32 times. */
function shade(ratio: number): string {
  const step = Math.round(Math.log2(ratio) + 2);
  return `${blocks[Math.max(0, Math.min(blocks.length - 1, step))]} `;
}

const marksLegend = Object.entries(verdictMarks)
  .map(([verdict, mark]) => `${mark} ${verdict}`)
  .join(', ');

const footnote =
  'Intervals are 95 %: of speeds over repetitions (t, ratios paired on the log scale), of accuracies over examples, which are averaged over repetitions first. Failed examples count as wrong.';

const choiceText = (choice: BenchmarkReport['recommendations'][number]['choice']) =>
  choice === null ? 'none' : cellLabel(choice);

const dominated = ({ pareto }: BenchmarkReport) =>
  pareto.points.flatMap((point) =>
    point.explanation === null
      ? []
      : [`${cellLabel(point)} (probability ${point.probability.toFixed(2)}): ${point.explanation}`],
  );

const descriptionOf = ({ config }: Named) => (config as Partial<BenchmarkSpec>).description ?? '';

/** What became of a goal, and the reasons apart: each may be long. */
const goalLines = ({ goal }: BenchmarkReport) => goal.map(({ sentence }) => sentence);

/** A report for a terminal. */
export function benchmarkText(benchmark: Named, report: BenchmarkReport): string {
  const section = (title: string, body: string | readonly string[]) => {
    const lines = typeof body === 'string' ? [body] : body.map((line) => `  - ${line}`);
    return lines.join('') === '' ? [] : ['', title, ...lines];
  };
  const table = ({ title, header, rows }: Table) => (rows.length === 0 ? [] : section(title, textTable(header, rows)));
  const description = descriptionOf(benchmark);
  return [
    `${benchmark.name} (${benchmark.id})`,
    ...(description === '' ? [] : [description]),
    ...table(matrixTable(report, shade)),
    ...(report.cells.length === 0 ? [] : [`answers against the baseline: ${marksLegend}`]),
    ...table(speedTable(report)),
    ...table(answerTable(report)),
    ...table(resourceTable(report)),
    ...table(loadTable(report.load)),
    ...table(frontierTable(report)),
    ...section('Not on it', dominated(report)),
    ...section(
      'Recommendations',
      report.recommendations.map(({ title, choice, reason }) => `${title}: ${choiceText(choice)}. ${reason}`),
    ),
    ...section('Goal', goalLines(report)),
    ...section('Findings', report.findings),
    ...section('Notes', report.notes),
    '',
    footnote,
    `Runs: forge show ${benchmark.experimentId}`,
  ].join('\n');
}

/** Figures beside a report: what is shown and the file, relative to the report. */
export interface Figure {
  readonly title: string;
  readonly file: string;
}

/** No text of a report holds a NUL. */
const figuresHere = '\0figures';

/** A report as Markdown: the same tables, with figures where there are files of them. */
export function benchmarkMarkdown(benchmark: Named, report: BenchmarkReport, figures: readonly Figure[] = []): string {
  const heading = (title: string, body: readonly string[]) =>
    body.length === 0 ? [] : ['', `## ${title}`, '', ...body];
  const table = ({ title, header, rows }: Table) =>
    rows.length === 0 ? [] : heading(title, [markdownTable(header, rows)]);
  const list = (title: string, lines: readonly string[]) =>
    heading(
      title,
      lines.map((line) => `- ${line}`),
    );
  const description = descriptionOf(benchmark);
  const lines = [
    `# ${benchmark.name}`,
    ...(description === '' ? [] : ['', description]),
    ...list(
      'Recommendations',
      report.recommendations.map(({ title, choice, reason }) => `**${title}: ${choiceText(choice)}.** ${reason}`),
    ),
    ...list('Goal', goalLines(report)),
    ...table(matrixTable(report)),
    ...(report.cells.length === 0 ? [] : ['', `Answers against the baseline: ${marksLegend}.`]),
    // Told apart below from what others wrote.
    ...(figures.length === 0 ? [] : [figuresHere]),
    ...table(speedTable(report)),
    ...table(answerTable(report)),
    ...table(resourceTable(report)),
    ...table(loadTable(report.load)),
    ...table(frontierTable(report)),
    ...list('Not on the frontier', dominated(report)),
    ...list('Findings', report.findings),
    ...list('Notes', report.notes),
    '',
    footnote,
    '',
  ];
  const pictures = figures.flatMap(({ title, file }) => ['', `![${inertMarkdown(title)}](${file})`]);
  return lines.flatMap((line) => (line === figuresHere ? pictures : [inertMarkdown(line)])).join('\n');
}
