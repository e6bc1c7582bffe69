import { join } from 'node:path';
import { loadPlot, paretoPlot, speedPlot } from './benchmark-plots.ts';
import type { BenchmarkRecord } from './benchmark-record.ts';
import type { BenchmarkReport } from './benchmark-report.ts';
import { benchmarkMarkdown } from './benchmark-text.ts';
import { replaceFile } from './lib/replace-file.ts';

/**
 * Writes what a benchmark found into a folder, which is made where it is missing: `report.md`, `report.json` (name, configuration hash and
 * report) and the figures that there is something to draw for: `speed-up.svg`, `pareto.svg`, `load.svg`. Earlier files are replaced.
 */
export async function writeBenchmarkFiles(
  folder: string,
  benchmark: BenchmarkRecord,
  report: BenchmarkReport,
): Promise<void> {
  const drawn = [
    { title: 'Times as fast as the baseline', file: 'speed-up.svg', svg: speedPlot(report) },
    { title: 'Accuracy against median latency', file: 'pareto.svg', svg: paretoPlot(report) },
    { title: 'Throughput against latency under load', file: 'load.svg', svg: loadPlot(report) },
  ].filter((figure): figure is typeof figure & { svg: string } => figure.svg !== null);
  const write = (file: string, text: string) => replaceFile(join(folder, file), (append) => append(Buffer.from(text)));
  for (const { file, svg } of drawn) await write(file, svg);
  await write('report.md', benchmarkMarkdown(benchmark, report, drawn));
  const { id, name, configHash, createdAt, experimentId } = benchmark;
  const told = { id, name, createdAt, configHash, experimentId, report };
  await write('report.json', `${JSON.stringify(told, null, 2)}\n`);
}
