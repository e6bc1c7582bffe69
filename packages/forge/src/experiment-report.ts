import { verdictSentence } from './comparison-wording.ts';
import { costLines, findingTable } from './finding-text.ts';
import { type Bar, barsSvg } from './lib/bars-svg.ts';
import { formatDuration } from './lib/format.ts';
import { plotSvg } from './lib/plot-svg.ts';
import type { Block } from './lib/report-document.ts';
import type { Finding, FindingRun } from './read-finding.ts';
import type { RunSummary } from './summarize-run.ts';

type Measured = FindingRun & { readonly summary: RunSummary };

const share = (value: number) => `${(100 * value).toFixed(0)} %`;
/** The file of a figure: whatever a name holds, a plain name in the report's folder. */
export const figureFile = (name: string, figure: string) => `${name.replace(/[^a-z0-9-]+/gi, '-')}-${figure}.svg`;

/** Score against median latency, a mark for each run. */
function scatter({ experiment, metric }: Finding, runs: readonly Measured[]): Block[] {
  const points = runs.flatMap(({ run, summary }) => {
    const [score, latency] = [summary.metrics[metric], summary.latencyMs?.p50];
    if (score === undefined || score.unit !== undefined || latency === undefined || !(latency.value > 0)) return [];
    const title = `${run.variant}: ${share(score.value)}, half of the answers within ${formatDuration(latency.value)}`;
    const ranges = { xRange: [latency.low, latency.high], yRange: [score.low, score.high] } as const;
    return [{ name: run.variant, point: { x: latency.value, y: score.value, ...ranges, title } }];
  });
  if (points.length < 2) return [];
  const title = `${experiment.name}: ${metric} against latency`;
  const svg = plotSvg({
    title,
    description: points.map(({ point }) => point.title).join('. '),
    x: { title: 'median latency of an example', scale: 'log', format: formatDuration },
    y: { title: metric, scale: 'linear', format: share },
    series: points.map(({ name, point }, look) => ({ name, look, line: 'none' as const, points: [point] })),
  });
  return [{ kind: 'figure', title, file: figureFile(experiment.name, 'accuracy-latency'), svg }];
}

/** Metrics that are shares, side by side for each run: what faithfulness costs or brings. */
function shares({ experiment }: Finding, runs: readonly Measured[]): Block[] {
  if (!runs.some(({ summary }) => 'faithfulness' in summary.metrics)) return [];
  const groups = runs.map(({ run, summary }) => ({
    name: run.variant,
    bars: Object.entries(summary.metrics).flatMap(([series, { value, low, high, unit }]): Bar[] =>
      unit === undefined ? [{ series, value, low, high, label: share(value) }] : [],
    ),
  }));
  const title = `${experiment.name}: answers right, and stated by what was retrieved`;
  const description = groups
    .flatMap(({ name, bars }) => bars.map(({ series, label }) => `${name}, ${series}: ${label}`))
    .join('. ');
  const svg = barsSvg({ title, description, groups, axis: 'share of examples, 95 % interval', format: share });
  return [{ kind: 'figure', title, file: figureFile(experiment.name, 'faithfulness'), svg }];
}

/** Calls of each tool per example. */
function toolUse({ experiment }: Finding, runs: readonly Measured[]): Block[] {
  const groups = runs.flatMap(({ run, summary: { tools } }) => {
    if (tools === null || tools.examples === 0) return [];
    const bars = Object.entries(tools.byTool).map(([series, { calls }]): Bar => {
      const value = calls / tools.examples;
      return { series, value, low: null, high: null, label: value.toFixed(2) };
    });
    return bars.length === 0 ? [] : [{ name: run.variant, bars }];
  });
  if (groups.length === 0) return [];
  const title = `${experiment.name}: which tools agents call`;
  const description = groups
    .flatMap(({ name, bars }) => bars.map(({ series, label }) => `${name}, ${series}: ${label} calls per example`))
    .join('. ');
  const svg = barsSvg({ title, description, groups, axis: 'calls per example', format: String });
  return [{ kind: 'figure', title, file: figureFile(experiment.name, 'tools'), svg }];
}

/** What an experiment found: figures, table and verdicts. */
export function experimentBlocks(finding: Finding): Block[] {
  const runs = finding.runs.filter((run): run is Measured => run.summary !== null);
  // What a stop says of other figures belongs beside it.
  const verdicts = finding.comparisons.flatMap((one) => [
    verdictSentence(one),
    ...(one.stop === undefined ? [] : one.warnings.map((warning) => `${one.candidate}: ${warning}`)),
  ]);
  return [
    { kind: 'heading', level: 2, text: finding.experiment.name },
    ...(finding.description === '' ? [] : [{ kind: 'text' as const, text: finding.description }]),
    { kind: 'list', items: [...verdicts, ...costLines(finding)] },
    ...scatter(finding, runs),
    ...shares(finding, runs),
    ...toolUse(finding, runs),
    { kind: 'table', ...findingTable(finding) },
    {
      kind: 'text',
      text: `Experiment ${finding.experiment.id}, configuration ${finding.experiment.configHash.slice(0, 12)}, ${new Date(finding.experiment.createdAt).toISOString().slice(0, 10)}. Repeat it with: forge reproduce ${finding.experiment.id}`,
    },
  ];
}
