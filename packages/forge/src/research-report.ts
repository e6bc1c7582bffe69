import { loadPlot, paretoPlot, speedPlot } from './benchmark-plots.ts';
import type { BenchmarkRecord } from './benchmark-record.ts';
import type { BenchmarkReport } from './benchmark-report.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { frontierTable, matrixTable } from './benchmark-tables.ts';
import { experimentBlocks, figureFile } from './experiment-report.ts';
import { type Bar, barsSvg } from './lib/bars-svg.ts';
import type { Block } from './lib/report-document.ts';
import { readFinding } from './read-finding.ts';
import type { ExperimentRecord, Store } from './store.ts';
import type { TrainingRecord } from './training-record.ts';
import type { TrainingGroup, TrainingReport } from './training-report.ts';
import type { TrainingSpec } from './training-spec.ts';
import { beforeAfterTable, dataLines } from './training-text.ts';

const share = (value: number) => `${(100 * value).toFixed(0)} %`;
const figure = (title: string, file: string, svg: string | null): Block[] =>
  svg === null ? [] : [{ kind: 'figure', title, file, svg }];
const paragraph = (text: string): Block[] => (text === '' ? [] : [{ kind: 'text', text }]);

/** Shares before and after: what a training brought, and what it cost elsewhere. */
function tradeOff(name: string, groups: readonly TrainingGroup[]): Block[] {
  const shown = groups.filter(({ main, unit, before }) => main && unit === 'share' && before !== null);
  if (shown.length === 0) return [];
  const bar = (series: string, interval: { value: number; low: number; high: number }): Bar => ({
    series,
    ...interval,
    label: share(interval.value),
  });
  const bars = shown.map(({ label, before, after }) => ({
    name: label,
    bars: [...(before === null ? [] : [bar('before', before)]), bar('after', after)],
  }));
  const title = `${name}: before and after training`;
  const description = bars
    .flatMap((group) => group.bars.map(({ series, label }) => `${group.name}, ${series}: ${label}`))
    .join('. ');
  const svg = barsSvg({ title, description, groups: bars, axis: 'share, 95 % interval', format: share });
  return figure(title, figureFile(name, 'trade-off'), svg);
}

function trainingBlocks({ name, config, report }: TrainingRecord): Block[] {
  const { data, groups, verdicts, negatives } = report as TrainingReport;
  return [
    { kind: 'heading', level: 2, text: name },
    ...paragraph((config as TrainingSpec).description),
    { kind: 'list', items: [...new Set([...verdicts.map(({ sentence }) => sentence), ...negatives])] },
    ...tradeOff(name, groups),
    ...(groups.length === 0 ? [] : [{ kind: 'table' as const, ...beforeAfterTable(groups) }]),
    { kind: 'list', items: dataLines(data) },
  ];
}

function benchmarkBlocks({ name, config, report }: BenchmarkRecord): Block[] {
  const found = report as BenchmarkReport;
  const frontier = frontierTable(found);
  return [
    { kind: 'heading', level: 2, text: name },
    ...paragraph((config as BenchmarkSpec).description),
    { kind: 'list', items: [...found.goal.map(({ sentence }) => sentence), ...found.findings] },
    ...figure(`${name}: times as fast as the baseline`, figureFile(name, 'speed-up'), speedPlot(found)),
    ...figure(`${name}: accuracy against median latency`, figureFile(name, 'pareto'), paretoPlot(found)),
    ...figure(`${name}: throughput against latency under load`, figureFile(name, 'load'), loadPlot(found)),
    ...[matrixTable(found), frontier].flatMap(({ header, rows }): Block[] =>
      rows.length === 0 ? [] : [{ kind: 'table', header, rows }],
    ),
  ];
}

/** What a report is made of. */
export interface ReportSources {
  readonly experiments: readonly ExperimentRecord[];
  readonly trainings: readonly TrainingRecord[];
  readonly benchmarks: readonly BenchmarkRecord[];
}

/** A report of what was found, rendered from the store: experiments, then trainings, then benchmarks. Those without a report are left out. */
export async function researchReport(
  store: Store,
  { experiments, trainings, benchmarks }: ReportSources,
  about: { readonly title: string; readonly forgeVersion: string; readonly now: number },
): Promise<Block[]> {
  const blocks: Block[] = [
    { kind: 'heading', level: 1, text: about.title },
    {
      kind: 'text',
      text: `Written by LLM Forge ${about.forgeVersion} on ${new Date(about.now).toISOString().slice(0, 10)} from what is stored. Intervals are 95 %; comparisons are paired by example; failed examples count as wrong.`,
    },
  ];
  for (const experiment of experiments) blocks.push(...experimentBlocks(await readFinding(store, experiment)));
  blocks.push(...trainings.filter(({ report }) => report !== null).flatMap(trainingBlocks));
  blocks.push(...benchmarks.filter(({ report }) => report !== null).flatMap(benchmarkBlocks));
  return blocks;
}
