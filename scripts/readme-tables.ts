// Runs the experiments whose results README.md shows, and writes their tables there: `npm run tables`, or
// `npm run tables -- dpo-lab` for some of them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchmarkRecord } from '../packages/forge/src/benchmark-record.ts';
import type { BenchmarkReport } from '../packages/forge/src/benchmark-report.ts';
import type { BenchmarkSpec } from '../packages/forge/src/benchmark-spec.ts';
import { matrixTable, type Table, verdictMarks } from '../packages/forge/src/benchmark-tables.ts';
import { cellLabel, timesInterval } from '../packages/forge/src/benchmark-wording.ts';
import { verdictSentence } from '../packages/forge/src/comparison-wording.ts';
import { markdownTable } from '../packages/forge/src/lib/format.ts';
import type { Finding } from '../packages/forge/src/read-finding.ts';
import type { TrainingGroup, TrainingReport } from '../packages/forge/src/training-report.ts';

const root = join(import.meta.dirname, '..');
const readme = join(root, 'README.md');

const percent = ({ value, low, high }: { value: number; low: number; high: number }) =>
  `${(100 * value).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;

const main = join(root, 'packages/forge/src/cli/main.ts');

function forge(home: string, ...args: string[]): unknown {
  const printed = execFileSync(process.execPath, [main, ...args, '--json'], {
    cwd: root,
    env: { ...process.env, FORGE_HOME: home },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(printed);
}

type Shown = Pick<TrainingGroup, 'unit'>;
const digits = ({ unit }: Shown, value: number) => (unit === 'share' ? (100 * value).toFixed(1) : value.toFixed(1));
const interval = (shown: Shown, { value, low, high }: { value: number; low: number; high: number }) =>
  `${digits(shown, value)} [${digits(shown, low)}, ${digits(shown, high)}]`;
const unitOf = ({ unit }: Shown) => (unit === 'share' ? '%' : unit);

/** Before and after training, the setting that the file states; then how what it varies moves what decides. */
function trainingTables(report: TrainingReport): string {
  const moved = ({ difference }: TrainingGroup) => difference !== null && (difference.low > 0 || difference.high < 0);
  const trained = report.groups.filter((group) => group.main && (group.deciding || moved(group)));
  // Columns of what was measured for more than the main setting.
  const varied = new Set(report.groups.filter((group) => !group.main).map(({ label }) => label));
  const deciding = report.groups.filter((group) => group.deciding && varied.has(group.label));
  const changed = (group: TrainingGroup) => (group.difference === null ? '' : interval(group, group.difference));
  return [
    `| measured on held-out examples, ${trained[0]?.seeds ?? 1} seeds | n | before | after | difference |`,
    '|---|---:|---:|---:|---:|',
    ...trained.map(
      (group) =>
        `| ${[`${group.label}, ${unitOf(group)}`, group.n, group.before === null ? '' : interval(group, group.before), interval(group, group.after), changed(group)].join(' | ')} |`,
    ),
    '',
    ...report.verdicts
      .filter(({ kind }) => kind === 'better' || kind === 'worse')
      .map(({ sentence }) => `- ${sentence}`),
    '',
    'What each setting changes (mean over seeds, interval over examples; in brackets the spread over seeds as a standard deviation):',
    '',
    `| setting | ${[...new Set(deciding.map(({ label }) => label))].join(' | ')} |`,
    `|---|${'---:|'.repeat(new Set(deciding.map(({ label }) => label)).size)}`,
    ...[...new Set(deciding.map(({ group }) => group))].map((name) => {
      const cells = [...new Set(deciding.map(({ label }) => label))].map((label) => {
        const group = deciding.find((one) => one.group === name && one.label === label);
        if (group === undefined) return '';
        const spread = group.spread === null ? '' : ` (${digits(group, group.spread.sd)})`;
        return `${interval(group, group.after)}${spread}`;
      });
      return `| ${[name, ...cells].join(' | ')} |`;
    }),
  ].join('\n');
}

function table(finding: Finding): string {
  const metrics = [...new Set(finding.runs.flatMap(({ spec }) => spec.metrics.map(({ name }) => name)))];
  const lines = finding.runs.map(({ run, summary }) => {
    const figures = metrics.map((name) => {
      const estimate = summary?.metrics[name];
      return estimate === undefined ? '' : percent(estimate);
    });
    const latency = summary?.latencyMs == null ? '' : `${summary.latencyMs.p50.value.toFixed(0)} ms`;
    const tokens =
      summary?.tokens.perCorrect == null ? '' : Math.round(summary.tokens.perCorrect).toLocaleString('en-US');
    return `| ${[run.variant, summary?.n, ...figures, latency, tokens].join(' | ')} |`;
  });
  return [
    `| variant | n | ${metrics.map((name) => `${name}, %`).join(' | ')} | latency p50 | tokens per right answer |`,
    `|---|${'---:|'.repeat(metrics.length + 3)}`,
    ...lines,
    '',
    ...finding.comparisons.map((comparison) => `- ${verdictSentence(comparison)}`),
  ].join('\n');
}

/** How much faster each optimisation makes each method, what became of the answers, and what to take. */
function benchmarkTables({ goal }: Pick<BenchmarkSpec, 'goal'>, report: BenchmarkReport): string {
  const { header, rows }: Table = matrixTable(report);
  const marks = Object.entries(verdictMarks).map(([verdict, mark]) => `${mark} ${verdict}`);
  return [
    markdownTable(header, rows),
    '',
    `Times as fast as ${report.baseline}, one request at a time; answers against it (TOST, Holm): ${marks.join(', ')}.`,
    '',
    ...report.goal.map(({ method, target, ratio }) => {
      const verdict = ratio.value >= target ? 'reached' : `missed by ${(target - ratio.value).toFixed(2)}`;
      return `- The goal of ${target} times with ${goal?.optimisation} for ${method}: ${timesInterval(ratio)}, ${verdict}.`;
    }),
    ...report.recommendations.map(
      ({ title, choice, reason }) => `- **${title}: ${choice === null ? 'none' : cellLabel(choice)}.** ${reason}`,
    ),
  ].join('\n');
}

/** The text between the marks of an experiment; the hash of its configuration is in the first of them. */
function replaced(text: string, name: string, hash: string, content: string): string {
  const block = new RegExp(`<!-- ${name} [0-9a-f]* -->[\\s\\S]*?<!-- end of ${name} -->`);
  if (!block.test(text)) throw new Error(`README.md has no place for ${name}`);
  return text.replace(block, () => `<!-- ${name} ${hash.slice(0, 12)} -->\n\n${content}\n\n<!-- end of ${name} -->`);
}

const named = process.argv.slice(2);
const wanted = (name: string) => named.length === 0 || named.includes(name);
const home = mkdtempSync(join(tmpdir(), 'forge-tables-'));
try {
  const write = (name: string, hash: string, content: string) => {
    writeFileSync(readme, replaced(readFileSync(readme, 'utf8'), name, hash, content));
    console.log(`README.md: ${name}`);
  };
  for (const name of ['rag-ablation', 'agent'].filter(wanted)) {
    const finding = forge(home, 'run', `experiments/${name}.yaml`) as Finding;
    write(name, finding.experiment.configHash, table(finding));
  }
  if (wanted('dpo-lab')) {
    const { training } = forge(home, 'train', 'experiments/dpo-lab.yaml') as {
      training: { configHash: string; report: TrainingReport };
    };
    write('dpo-lab', training.configHash, trainingTables(training.report));
  }
  if (wanted('bench-lab')) {
    const measured = forge(home, 'bench', 'experiments/bench-lab.yaml', '--output', 'docs/bench-lab');
    const { config, configHash, report } = measured as Pick<BenchmarkRecord, 'configHash'> & {
      config: BenchmarkSpec;
      report: BenchmarkReport;
    };
    write('bench-lab', configHash, benchmarkTables(config, report));
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
