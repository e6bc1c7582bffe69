import type { Comparison, LatencyComparison, TokenComparison } from './compare-runs.ts';
import { isStopped, verdictSentence, wordingOf } from './comparison-wording.ts';
import { formatCount, formatDuration, markdownTable, textTable } from './lib/format.ts';
import { inertMarkdown } from './lib/inert-markdown.ts';
import { type Finding, type FindingRun, stoppedEarly } from './read-finding.ts';
import type { Estimate } from './statistics/estimate.ts';
import type { RunSummary } from './summarize-run.ts';

const percent = ({ value, low, high }: Estimate) =>
  `${(100 * value).toFixed(1)} % [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
/** `-12.34 nats [-15.00, -9.68]`, or a percentage where the scores are shares. */
function score(name: string, { metrics }: RunSummary): string {
  const estimate = metrics[name];
  if (estimate === undefined) return '';
  const { value, low, high, unit } = estimate;
  return unit === undefined ? percent(estimate) : `${value.toFixed(2)} ${unit} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}
const bare = ({ value, low, high }: Estimate) =>
  `${formatDuration(value)} [${formatDuration(low)}, ${formatDuration(high)}]`;

/** Of an agent, per example; empty for other methods. */
function toolFigures({ tools }: RunSummary): string[] {
  if (tools == null) return ['', '', '', ''];
  const perExample = (total: number) => (total / tools.examples).toFixed(2);
  const errors = Object.entries(tools.byError).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  const limits = Object.entries(tools.byLimit).map(([limit, count]) => `${formatCount(count)} ${limit}`);
  return [perExample(tools.turns), perExample(tools.calls), errors.join(', ') || '0', limits.join(', ') || '0'];
}

/** One row per run: each metric with its interval, then what it cost. */
export function findingTable(finding: Finding): { header: string[]; rows: string[][] } {
  const metrics = [...new Set(finding.runs.flatMap(({ spec }) => spec.metrics.map((metric) => metric.name)))];
  const priced = finding.runs.some(({ summary }) => summary?.cost.total != null);
  const agents = finding.runs.some(({ summary }) => summary?.tools != null);
  const header = [
    'variant',
    'n',
    ...metrics,
    'latency p50',
    'p95',
    'p99',
    'tokens in/out per example',
    'examples/s',
    'tokens per correct',
    'compute-s per correct',
    ...(priced ? ['USD per correct'] : []),
    ...(agents ? ['turns', 'tool calls', 'failed calls', 'ended by a limit'] : []),
    'failed',
    'cut off',
    'empty',
    'cached calls',
  ];
  const rows = finding.runs.map(({ run, summary }: FindingRun) => {
    if (summary === null) return [run.variant, run.status, ...header.slice(2).map(() => '')];
    return [
      run.variant,
      stoppedEarly(run) ? `${formatCount(summary.n)} of ${formatCount(run.total ?? 0)}` : formatCount(summary.n),
      ...metrics.map((name) => score(name, summary)),
      summary.latencyMs === null ? '' : bare(summary.latencyMs.p50),
      summary.latencyMs === null ? '' : formatDuration(summary.latencyMs.p95.value),
      summary.latencyMs === null ? '' : formatDuration(summary.latencyMs.p99.value),
      `${formatCount(summary.tokens.promptPerExample)} / ${formatCount(summary.tokens.completionPerExample)}`,
      summary.throughput.examplesPerSecond.toFixed(1),
      summary.tokens.perCorrect == null ? '-' : formatCount(summary.tokens.perCorrect),
      summary.computeSeconds.perCorrect?.toFixed(3) ?? '-',
      ...(priced ? [summary.cost.perCorrect?.toPrecision(3) ?? '-'] : []),
      ...(agents ? toolFigures(summary) : []),
      formatCount(summary.failed.total),
      formatCount(summary.flags['cut-off'] ?? 0),
      formatCount(summary.flags.empty ?? 0),
      `${formatCount(summary.cachedCalls)} of ${formatCount(summary.calls)}`,
    ];
  });
  return { header, rows };
}

function detailsOf(comparison: Comparison): string[] {
  const { flips, test, difference, neededN, detectableEffect, warnings, unmatched } = comparison;
  const { figure, unit } = wordingOf(comparison);
  const flipped = comparison.unit === undefined ? 'right only' : 'higher';
  const correction = comparison.stop === undefined ? 'the family (Holm)' : 'the family and the looks';
  const lines = [
    `  ${flipped} in ${comparison.candidate}: ${flips.gained.count}; ${flipped} in ${comparison.baseline}: ${flips.lost.count}`,
    `  difference ${figure(difference.value)} ${unit} [${figure(difference.low)}, ${figure(difference.high)}], ${test.name}, ${pValue(test.pValue)}, corrected for ${correction} ${pValue(test.adjustedPValue)}`,
  ];
  if (comparison.verdict === 'underpowered' && neededN !== null) {
    lines.push(
      `  ${comparison.pairs} pairs detect ${detectableEffect === null ? '?' : figure(detectableEffect)} ${unit} with 80 % power; the smallest effect that matters needs n = ${formatCount(neededN)}`,
    );
  }
  // Of one that was stopped, the sentence says how far it went.
  if (comparison.stop === undefined && unmatched.baseline + unmatched.candidate > 0) {
    lines.push(
      `  left out, in one run only: ${unmatched.baseline} of ${comparison.baseline}, ${unmatched.candidate} of ${comparison.candidate}`,
    );
  }
  return [...lines, ...warnings.map((warning) => `  warning: ${warning}`)];
}

const pValue = (p: number) => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`);

interface Compared {
  readonly comparisons: readonly Comparison[];
  readonly latency: readonly LatencyComparison[];
  readonly tokens: readonly TokenComparison[];
}

/** What each candidate takes beside the baseline, a line each. */
export function costLines({ comparisons, latency, tokens }: Compared): string[] {
  const stopped = new Set(comparisons.filter(isStopped).map(({ candidate }) => candidate));
  const interval = (candidate: string) => `${stopped.has(candidate) ? 'approximate ' : ''}95 % interval`;
  const times = latency.map(({ baseline, candidate, difference }) => {
    const sign = difference.value >= 0 ? 'slower' : 'faster';
    const bounds = [difference.low, difference.high].map((ms) => `${ms < 0 ? '-' : ''}${formatDuration(Math.abs(ms))}`);
    return `latency: ${candidate} is ${formatDuration(Math.abs(difference.value))} ${sign} than ${baseline} per example (${interval(candidate)} ${bounds.join(' to ')})`;
  });
  const used = tokens.flatMap(({ baseline, candidate, ratio }) => {
    if (ratio === null) return [];
    const [value, low, high] = [ratio.value, ratio.low, ratio.high].map(timesText);
    return [
      `tokens: ${candidate} uses ${value} times those of ${baseline} per example (${interval(candidate)} ${low} to ${high})`,
    ];
  });
  return [...times, ...used];
}

/** The verdicts in words, each with what it rests on. */
export function comparisonText(found: Compared): string {
  const verdicts = found.comparisons.flatMap((comparison) => [verdictSentence(comparison), ...detailsOf(comparison)]);
  return [...verdicts, ...costLines(found)].join('\n');
}

const timesText = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(1));

/** A finding for a terminal. */
export function findingText(finding: Finding): string {
  const { header, rows } = findingTable(finding);
  const { experiment, description, runs } = finding;
  const unfinished = runs.filter(({ run }) => run.status !== 'finished');
  // A table on its side: runs are columns, so that it fits a terminal however many figures there are.
  const sideways = textTable(
    ['', ...rows.map((row) => row[0] ?? '')],
    header.slice(1).map((title, i) => [title, ...rows.map((row) => row[i + 1] ?? '')]),
  );
  return [
    `${experiment.name} (${experiment.id})`,
    ...(description === '' ? [] : [description]),
    '',
    sideways,
    '',
    ...(finding.comparisons.length === 0 ? [] : [comparisonText(finding)]),
    ...unfinished.map(
      ({ run }) =>
        `${run.variant}: ${run.status}${run.error === null ? '' : ` (${run.error})`}; go on with: forge resume ${experiment.id}`,
    ),
    `\nIntervals are 95 %${runs.some(({ run }) => stoppedEarly(run)) ? ', those of scores of runs that were stopped anytime-valid' : ''}. Failed examples count as 0. Details: forge show ${experiment.id} --examples "${runs[0]?.run.variant ?? ''}"`,
  ].join('\n');
}

/** A finding as Markdown, for a report or a README. */
export function findingMarkdown(finding: Finding): string {
  const { header, rows } = findingTable(finding);
  const lines = [
    `## ${finding.experiment.name}`,
    '',
    ...(finding.description === '' ? [] : [finding.description, '']),
    markdownTable(header, rows),
    '',
    ...finding.comparisons.map((comparison) => `- ${verdictSentence(comparison)}`),
  ];
  return inertMarkdown(lines.join('\n'));
}
