import { join } from 'node:path';
import type { BenchmarkRecord } from '../benchmark-record.ts';
import { ConfigError } from '../errors.ts';
import { forgeVersion } from '../lib/installation.ts';
import { replaceFile } from '../lib/replace-file.ts';
import { reportHtml, reportMarkdown } from '../lib/report-document.ts';
import { type ReportSources, researchReport } from '../research-report.ts';
import type { ExperimentRecord, Store } from '../store.ts';
import type { TrainingRecord } from '../training-record.ts';
import type { TrainingReport } from '../training-report.ts';
import { openWorkspace, shortPath } from './workspace.ts';

interface ReportOptions {
  readonly output: string;
  readonly title: string;
}

/** Looked at, newest first, where nothing is named. */
const mostLookedAt = 200;

/** The newest of each name. */
const newestOfName = <T extends { readonly name: string }>(items: readonly T[]) => [
  ...items
    .toReversed()
    .reduce((map, item) => map.set(item.name, item), new Map<string, T>())
    .values(),
];

const isWhole = async (store: Store, { id }: ExperimentRecord) => {
  const runs = await store.listRuns(id);
  return runs.length > 0 && runs.every(({ status }) => status === 'finished');
};

/** The newest finished experiment, training and benchmark of each name, without the experiments that belong to the other two. */
async function allSources(store: Store): Promise<ReportSources> {
  const page = { limit: mostLookedAt };
  const trainings = (await store.listTrainings(page)).items.filter(({ report }) => report !== null);
  const benchmarks = (await store.listBenchmarks(page)).items;
  const parts = new Set([
    ...trainings.flatMap(({ report }) => (report as TrainingReport).evaluations.map((one) => one.experimentId)),
    ...benchmarks.map(({ experimentId }) => experimentId),
  ]);
  const own = (await store.listExperiments({}, page)).items.filter(({ id }) => !parts.has(id));
  const whole: ExperimentRecord[] = [];
  for (const experiment of own) if (await isWhole(store, experiment)) whole.push(experiment);
  return {
    experiments: newestOfName(whole),
    trainings: newestOfName(trainings),
    benchmarks: newestOfName(benchmarks.filter(({ report }) => report !== null)),
  };
}

/** What ids name, in their order. Throws ConfigError. */
async function namedSources(store: Store, ids: readonly string[]): Promise<ReportSources> {
  const experiments: ExperimentRecord[] = [];
  const trainings: TrainingRecord[] = [];
  const benchmarks: BenchmarkRecord[] = [];
  for (const id of ids) {
    const experiment = await store.getExperiment(id);
    const training = experiment === null ? await store.getTraining(id) : null;
    const benchmark = experiment === null && training === null ? await store.getBenchmark(id) : null;
    const reported = training?.report ?? benchmark?.report ?? experiment;
    if (reported === null)
      throw new ConfigError(
        training === null && benchmark === null
          ? `no experiment, training or benchmark "${id}"; forge list, forge trainings and forge benchmarks show what is stored`
          : `"${id}" has no report yet; go on with it first (forge show ${id})`,
      );
    if (experiment !== null) experiments.push(experiment);
    if (training !== null) trainings.push(training);
    if (benchmark !== null) benchmarks.push(benchmark);
  }
  return { experiments, trainings, benchmarks };
}

/** Writes `report.md`, its figures, and `report.html` with everything in it, into a folder. Earlier files of these names are replaced. */
export async function report(ids: readonly string[], { output, title }: ReportOptions): Promise<void> {
  const { openStore, clock } = openWorkspace();
  const store = await openStore();
  try {
    const sources = ids.length === 0 ? await allSources(store) : await namedSources(store, ids);
    if (sources.experiments.length + sources.trainings.length + sources.benchmarks.length === 0)
      throw new ConfigError('nothing finished is stored yet; start with: forge run experiments/quickstart.yaml');
    const blocks = await researchReport(store, sources, { title, forgeVersion, now: clock.now() });
    const write = (file: string, text: string) =>
      replaceFile(join(output, file), (append) => append(Buffer.from(text)));
    for (const block of blocks) if (block.kind === 'figure') await write(block.file, block.svg);
    await write('report.md', reportMarkdown(blocks));
    await write('report.html', reportHtml(title, blocks));
    const figures = blocks.filter(({ kind }) => kind === 'figure').length;
    const counted = figures === 1 ? '1 figure' : `${figures} figures`;
    console.log(
      `${shortPath(join(output, 'report.html'))} (one file), ${shortPath(join(output, 'report.md'))}: ${counted}`,
    );
  } finally {
    await store.close();
  }
}
