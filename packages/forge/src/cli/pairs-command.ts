import { resolve } from 'node:path';
import { type DataReport, reportData } from '../data-report.ts';
import { ConfigError } from '../errors.ts';
import { formatCount } from '../lib/format.ts';
import { replaceFile } from '../lib/replace-file.ts';
import { readRowFile } from '../lib/row-file.ts';
import { makePairs, type PairOptions, type PairReport } from '../make-pairs.ts';
import type { ExperimentRecord, Store } from '../store.ts';
import { findExperiment } from './find-experiment.ts';
import { openWorkspace } from './workspace.ts';

interface PairsCommandOptions extends PairOptions {
  readonly output: string;
  readonly json?: boolean;
}

function leftOutText(leftOut: PairReport['leftOut']): string {
  const reasons = Object.entries(leftOut).map(([reason, count]) => `${formatCount(count)} ${reason}`);
  return reasons.length === 0 ? 'nothing' : reasons.join(', ');
}

/** Writes the pairs and returns the report of how they were made. Throws ConfigError, and writes nothing, where there is none. */
async function writePairs(store: Store, experiment: ExperimentRecord, path: string, options: PairOptions) {
  let report: PairReport | undefined;
  await replaceFile(path, async (write) => {
    const pairs = makePairs(store, experiment, options);
    for (let next = await pairs.next(); ; next = await pairs.next()) {
      if (next.done) {
        report = next.value;
        if (report.pairs > 0) return;
        throw new ConfigError(
          `no pair: of ${report.examples} examples ${report.rightOnly} have only right answers and ${report.wrongOnly} only wrong ones (left out: ${leftOutText(report.leftOut)}); more variants, or repeats (a matrix of seeds at temperature > 0), give some`,
        );
      }
      await write(Buffer.from(`${JSON.stringify(next.value)}\n`));
    }
  });
  return report as PairReport;
}

const share = (value: number) => `${(100 * value).toFixed(1)} %`;

function reportText(report: PairReport, data: DataReport): string {
  const { pairs, pairedExamples, examples, rightOnly, wrongOnly, right, wrong, metric, leftOut } = report;
  const { lengths, pairs: about } = data;
  const words = (part: string) => lengths[part]?.p50.toFixed(0) ?? '-';
  const longer = about?.chosenLonger;
  return [
    `${formatCount(pairs)} pairs from ${formatCount(pairedExamples)} of ${formatCount(examples)} examples, right and wrong by ${metric}`,
    `answers: ${formatCount(right)} right, ${formatCount(wrong)} wrong; left out: ${leftOutText(leftOut)}`,
    `examples without a pair: ${formatCount(rightOnly)} only right, ${formatCount(wrongOnly)} only wrong`,
    ...(longer === undefined
      ? []
      : [
          `words (median): prompt ${words('prompt')}, chosen ${words('chosen')}, rejected ${words('rejected')}`,
          `chosen is the longer one in ${share(longer.value)} [${share(longer.low)}, ${share(longer.high)}] of ${formatCount(longer.n)}; ${formatCount(about?.equalLength ?? 0)} of equal length; mean word overlap ${share(about?.wordOverlap.mean ?? 0)}`,
        ]),
  ].join('\n');
}

/** Writes right and wrong answers of an experiment as preference pairs, and prints what they are like. */
export async function pairs(id: string, { output, json, ...options }: PairsCommandOptions): Promise<void> {
  const path = resolve(output);
  const store = await openWorkspace().openStore();
  try {
    const experiment = await findExperiment(store, id);
    const report = await writePairs(store, experiment, path, options).catch((error: NodeJS.ErrnoException) => {
      if (error.syscall === undefined) throw error;
      throw new ConfigError(`--output ${output}: cannot be written (${error.code})`);
    });
    const data = await reportData(readRowFile(path));
    console.log(json ? JSON.stringify({ output, ...report, data }, null, 2) : reportText(report, data));
    console.error(`written: ${output}`);
  } finally {
    await store.close();
  }
}
