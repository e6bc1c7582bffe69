import { join } from 'node:path';
import type { DataReport, Quantiles } from './data-report.ts';
import { baseModelPath } from './execute-training.ts';
import type { TrainingRunSpec } from './expand-training.ts';
import { formatCount, formatDuration, textTable } from './lib/format.ts';
import type { TrainingOutcome } from './record-training.ts';
import type { TrainingProvenance } from './run-training.ts';
import type { Artifact, TrainingRecord, TrainingRunRecord } from './training-record.ts';
import type { Interval, TrainingData, TrainingGroup, TrainingReport } from './training-report.ts';
import type { TrainingSpec } from './training-spec.ts';

const plainNumber = (value: number) => value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 3);

const figureText = (value: number, unit: TrainingGroup['unit']) =>
  unit === 'share' ? `${(100 * value).toFixed(1)} %` : plainNumber(value);

const bare = (value: number, unit: TrainingGroup['unit']) => figureText(value, unit).replace(' %', '');

const intervalText = (interval: Interval | null, unit: TrainingGroup['unit'], signed = false) => {
  if (interval === null) return '';
  const sign = signed && interval.value > 0 ? '+' : '';
  return `${sign}${figureText(interval.value, unit)} [${bare(interval.low, unit)}, ${bare(interval.high, unit)}]`;
};

const partOrder = ['prompt', 'chosen', 'rejected', 'completion', 'query', 'positive', 'negatives', 'first', 'second'];

/** Counts of an overlap, as checkLeakage reports it. */
type OverlapCounts = { items: number; same: number; overlapping: number };

function leakageLines({ leakage }: TrainingData): string[] {
  const found = Object.entries(leakage as Record<string, OverlapCounts>).filter(
    ([, { overlapping }]) => overlapping > 0,
  );
  if (Object.keys(leakage).length === 0) return [];
  if (found.length === 0) return ['no question of a held-out split or an evaluation is in the rows before it'];
  return found.map(
    ([what, { items, same, overlapping }]) =>
      `leakage, ${what}: ${formatCount(same)} of ${formatCount(items)} are the same question, ${formatCount(overlapping)} share a run of words`,
  );
}

/** What the models were trained on, line by line. */
export function dataLines(data: TrainingData): string[] {
  const { set, counts, lengths, fingerprint } = data;
  const { unit, pairs, repeated } = (data.report ?? {}) as Partial<DataReport>;
  const parts = Object.entries(lengths as Record<string, Quantiles>)
    .sort(([a], [b]) => partOrder.indexOf(a) - partOrder.indexOf(b))
    .map(([part, { p50, p95, max }]) => `${part} ${p50.toFixed(0)} / ${p95.toFixed(0)} / ${max.toFixed(0)}`);
  const { train, validation, test } = counts;
  return [
    `${formatCount(train)} / ${formatCount(validation)} / ${formatCount(test)} rows (train / validation / test) of ${set.name}, fingerprint ${fingerprint.slice(0, 12)}`,
    ...(parts.length === 0 ? [] : [`${unit ?? 'tokens'} (median / 95th percentile / most): ${parts.join('; ')}`]),
    ...(pairs == null
      ? []
      : [`the chosen answer is the longer one in ${figureText(pairs.chosenLonger.value, 'share')} of pairs`]),
    ...(repeated === undefined || repeated === 0 ? [] : [`${formatCount(repeated)} rows repeat an earlier one`]),
    ...leakageLines(data),
  ];
}

const number = (value: number | null | undefined, digits = 3) => (value == null ? '' : value.toFixed(digits));

function runTable(runs: readonly TrainingRunRecord[]): string {
  const rows = runs.map((run) => {
    const outcome = run.outcome as TrainingOutcome | null;
    const { before, after } = outcome?.validation ?? { before: null, after: null };
    return [
      run.variant,
      run.status,
      run.totalSteps === null ? '' : `${formatCount(run.step)}/${formatCount(run.totalSteps)}`,
      number(outcome?.loss),
      number(before?.loss),
      number(after?.loss),
      number(after?.preference?.margin),
      after?.preference === undefined ? '' : figureText(after.preference.accuracy, 'share'),
      outcome?.tokensPerSecond == null ? '' : formatCount(outcome.tokensPerSecond),
      formatDuration(run.wallMs),
    ];
  });
  const header = [
    'run',
    'status',
    'steps',
    'last loss',
    'validation before',
    'after',
    'margin',
    'accuracy',
    'tokens/s',
    'time',
  ];
  const used = header.map((_, column) => column < 2 || rows.some((row) => row[column] !== ''));
  const kept = (row: readonly string[]) => row.filter((_, column) => used[column]);
  return textTable(kept(header), rows.map(kept));
}

const spreadText = ({ spread, unit }: TrainingGroup) =>
  spread === null ? '' : `${bare(spread.low, unit)} to ${bare(spread.high, unit)}`;

/** Each metric of the main setting before and after training. */
export function beforeAfterTable(groups: readonly TrainingGroup[]): { header: string[]; rows: string[][] } {
  const main = groups.filter((group) => group.main);
  const seeds = Math.max(...main.map((group) => group.seeds));
  const rows = main.map((group) => [
    `${group.label}${group.unit === 'share' ? '' : `, ${group.unit}`}`,
    formatCount(group.n),
    intervalText(group.before, group.unit),
    intervalText(group.after, group.unit),
    intervalText(group.difference, group.unit, true),
    ...(seeds > 1 ? [spreadText(group)] : []),
  ]);
  const header = ['', 'n', 'before', 'after', 'difference', ...(seeds > 1 ? [`over ${seeds} seeds`] : [])];
  return { header, rows };
}

/** One row for each setting, one column for each metric: after training, with the change it made. */
function ablationTable(groups: readonly TrainingGroup[]): string {
  const metrics = [...new Set(groups.filter((group) => !group.main).map((group) => group.metric))];
  const settings = [...new Set(groups.map((group) => group.group))];
  const cell = (setting: string, metric: string) => {
    const found = groups.find((group) => group.group === setting && group.metric === metric);
    if (found === undefined) return '';
    const spread = found.spread === null ? '' : ` (${spreadText(found)})`;
    return found.difference === null
      ? `${intervalText(found.after, found.unit)}${spread}`
      : `${figureText(found.after.value, found.unit)}, ${intervalText(found.difference, found.unit, true)}${spread}`;
  };
  const labels = metrics.map((metric) => groups.find((group) => group.metric === metric)?.label ?? metric);
  // On its side: settings are columns, so that it fits a terminal however many metrics there are.
  return textTable(
    ['', ...settings],
    metrics.map((metric, i) => [labels[i] ?? metric, ...settings.map((setting) => cell(setting, metric))]),
  );
}

export interface Places {
  /** A path as a person would type it. */
  shown(path: string): string;
  readonly cacheDir: string;
}

const find = (run: TrainingRunRecord, kind: Artifact['kind']) =>
  run.artifacts.find((artifact) => artifact.kind === kind)?.path;

/** Where the result lies and how an experiment uses it. */
function usageLines(spec: TrainingSpec, runs: readonly TrainingRunRecord[], { shown, cacheDir }: Places): string[] {
  const run = runs.find((one) => (one.spec as TrainingRunSpec).main && one.status === 'finished');
  if (run === undefined || run.folder === null) return [];
  const at = (path: string) => shown(join(run.folder as string, path));
  const [peft, gguf, model] = [find(run, 'peft-adapter'), find(run, 'gguf-adapter'), find(run, 'gguf-model')];
  const folder = find(run, 'model');
  const merged = find(run, 'merged-gguf');
  const { model: trained } = run.provenance as TrainingProvenance;
  const base = shown(baseModelPath(spec, trained.fingerprint, cacheDir));
  return [
    ...(peft === undefined ? [] : [`adapter: ${at(peft)}`]),
    ...(folder === undefined ? [] : [`model: ${at(folder)}`]),
    ...(merged === undefined ? [] : [`merged model: ${at(merged)}`]),
    ...(gguf === undefined
      ? []
      : [
          'in an experiment:',
          `  engine: { name: llama-cpp, model: ${JSON.stringify(base)}, lora: [{ path: ${JSON.stringify(at(gguf))} }] }`,
        ]),
    ...(model === undefined
      ? []
      : ['in an experiment:', `  engine: { name: llama-cpp, model: ${JSON.stringify(at(model))} }`]),
  ];
}

const beforeAfter = (groups: readonly TrainingGroup[]) => {
  const { header, rows } = beforeAfterTable(groups);
  return textTable(header, rows);
};

const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ['', title, ...lines]);
const listed = (lines: readonly string[]) => lines.map((line) => `  - ${line}`);

/** A training for a terminal. */
export function trainingText(training: TrainingRecord, runs: readonly TrainingRunRecord[], places: Places): string {
  const spec = training.config as TrainingSpec;
  const report = training.report as TrainingReport | null;
  const unfinished = runs.filter((run) => run.status !== 'finished');
  const groups = report?.groups ?? [];
  const sentences = report?.verdicts.map(({ sentence }) => sentence) ?? [];
  const negatives = report?.negatives ?? [];
  const ablated = groups.some((group) => !group.main);
  const resume = `go on with: forge train --resume ${training.id}`;
  return [
    `${training.name} (${training.id})`,
    ...(spec.description === '' ? [] : [spec.description]),
    ...(report === null
      ? []
      : section(
          'Data',
          dataLines(report.data).map((line) => `  ${line}`),
        )),
    ...section('Training', [runTable(runs)]),
    ...(groups.length === 0 ? [] : section('Before and after', [beforeAfter(groups)])),
    ...section('Verdicts', listed(sentences.filter((sentence) => !negatives.includes(sentence)))),
    ...section('Negative results', listed(negatives)),
    ...(ablated
      ? section('Ablation: after training, and the difference it made (in brackets: over seeds)', [
          ablationTable(groups),
        ])
      : []),
    ...section('Results', usageLines(spec, runs, places)),
    ...(report === null ? ['', unfinished.length === 0 ? `not evaluated yet; ${resume}` : resume] : []),
    ...(groups.length === 0
      ? []
      : [
          '',
          'Intervals are 95 %, paired by example; each example is averaged over seeds first. Verdicts are corrected for their number (Holm).',
        ]),
    ...section(
      'Experiments',
      [...new Map((report?.evaluations ?? []).map((one) => [one.name, one.experimentId]))].map(
        ([name, id]) => `  ${name}: forge show ${id}`,
      ),
    ),
  ].join('\n');
}
