import { describeMetrics } from './build.ts';
import type { Measured } from './evaluate-training.ts';
import type { ExecuteParts } from './execute-runs.ts';
import type { TrainingRunSpec } from './expand-training.ts';
import { type Preferred, preferAsJudged, preferCorrectThenShorter } from './measure-preference.ts';
import type { RunRecord, ScoredRow, Store } from './store.ts';
import { isHeldOutPairs } from './training-evaluations.ts';
import {
  figureOf,
  groupOf,
  type Judged,
  type JudgedVerdict,
  type MeasuredRun,
  type MetricMeaning,
  type ScoresById,
  spreadOf,
  verdictsOf,
  winRateOf,
  winRateVerdict,
} from './training-figures.ts';
import type { TrainingData, TrainingFigure, TrainingGroup, TrainingReport } from './training-report.ts';

type Rows = ReadonlyMap<string, ScoredRow>;

/** What was measured of one model. */
interface TrainedRows {
  readonly spec: TrainingRunSpec;
  readonly run: RunRecord;
  readonly rows: Rows;
}

interface MeasuredRows {
  readonly before: { readonly run: RunRecord; readonly rows: Rows } | null;
  readonly trained: readonly TrainedRows[];
}

/** What one measurement adds to a report. */
interface Part {
  readonly figures: TrainingFigure[];
  readonly groups: TrainingGroup[];
  /** By group. */
  readonly judged: Map<string, Judged[]>;
  readonly winRates: Map<string, JudgedVerdict>;
}

async function rowsOf(store: Store, run: RunRecord): Promise<Rows> {
  const rows = new Map<string, ScoredRow>();
  for await (const batch of store.scoredRows(run.id)) for (const row of batch) rows.set(row.exampleId, row);
  return rows;
}

async function readRows(store: Store, { arms, runs }: Measured): Promise<MeasuredRows> {
  const trained: TrainedRows[] = [];
  let before: MeasuredRows['before'] = null;
  for (const [i, run] of runs.entries()) {
    const spec = arms[i]?.trained ?? null;
    const rows = await rowsOf(store, run);
    if (spec === null) before = { run, rows };
    else trained.push({ spec, run, rows });
  }
  return { before, trained };
}

const scoresOf = (rows: Rows, score: (row: ScoredRow) => number): ScoresById =>
  new Map([...rows].map(([id, row]) => [id, { score: score(row), cluster: row.cluster }]));

function measuredRun({ variant, group, varied, main }: TrainingRunSpec, scores: ScoresById): MeasuredRun {
  return { variant, group, varied, main, scores };
}

/** How the evaluation's metrics are to be read. `before` gives the level that a difference in tokens, say, is held against. */
async function meaningsOf({ evaluation }: Measured, before: Rows | undefined) {
  const { compare, metrics, name } = evaluation;
  const pairs = isHeldOutPairs(evaluation);
  return (await describeMetrics(metrics)).map((metric) => {
    const { unit = 'share', better = 'higher' } = metric;
    const called = pairs && metric.name === 'exact-match' ? 'preference accuracy' : metric.name;
    const scores = [...(before?.values() ?? [])].map((row) => row.scores[metric.name] ?? 0);
    const level = scores.reduce((sum, score) => sum + Math.abs(score), 0) / Math.max(1, scores.length);
    const meaning: MetricMeaning = {
      metric: pairs ? called.replace(' ', '-') : `${name}/${metric.name}`,
      label: `${called} on ${pairs ? 'held-out pairs' : name}`,
      unit,
      better,
      binary: metric.binary,
      alpha: compare.alpha,
      minimumEffect: unit === 'share' ? compare.minimumEffect : compare.minimumEffect * level,
      deciding: metric.name === compare.metric,
    };
    return { meaning, score: (row: ScoredRow) => row.scores[metric.name] ?? 0 };
  });
}

function addMetric(part: Part, meaning: MetricMeaning, runs: readonly MeasuredRun[], before: ScoresById | null): void {
  part.figures.push(...runs.map((run) => figureOf(run, before, meaning)));
  for (const [name, group] of Map.groupBy(runs, (run) => run.group)) {
    const { figure, comparison } = groupOf(group, before, meaning);
    part.groups.push(figure);
    if (comparison !== null) part.judged.set(name, [...(part.judged.get(name) ?? []), { meaning, comparison }]);
  }
}

/**
 * Implicit rewards of held-out pairs, beta x (log p - log p before): how far training moved the model towards the chosen
 * answers (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290). From the log margins before and after.
 */
function addRewards(part: Part, { before, trained }: MeasuredRows): void {
  if (before === null) return;
  const margin = (row: ScoredRow) => row.scores['log-margin'] ?? 0;
  const runs = trained.flatMap(({ spec, rows }) => {
    const { objective } = spec.settings;
    if (objective.name !== 'dpo') return [];
    const shared = new Map([...rows].filter(([id]) => before.rows.has(id)));
    const moved = (row: ScoredRow) => margin(row) - margin(before.rows.get(row.exampleId) as ScoredRow);
    return [
      measuredRun(
        spec,
        scoresOf(shared, (row) => objective.beta * moved(row)),
      ),
    ];
  });
  const meaning = { alpha: 0.05, minimumEffect: 0.05, deciding: false, better: 'higher' } as const;
  const on = 'on held-out pairs';
  addMetric(
    part,
    { ...meaning, metric: 'reward-margin', label: `reward margin ${on}`, unit: 'reward', binary: false },
    runs,
    // Before training it is 0 by definition.
    null,
  );
  const preferred = runs.map((run) => ({
    ...run,
    scores: new Map([...run.scores].map(([id, one]) => [id, { ...one, score: one.score > 0 ? 1 : 0 }])),
  }));
  addMetric(
    part,
    { ...meaning, metric: 'reward-accuracy', label: `reward accuracy ${on}`, unit: 'share', binary: true },
    preferred,
    null,
  );
}

/** How often the answers of each model are preferred to those before. A judge is shown those of the main setting only. */
async function addWinRates(part: Part, measured: Measured, { before, trained }: MeasuredRows, parts: ExecuteParts) {
  const { preference, compare, name } = measured.evaluation;
  if (preference === null || before === null) return;
  const judged = trained.filter(({ spec }) => spec.main || preference === 'correct-then-shorter');
  const preferred: { spec: TrainingRunSpec; found: Preferred }[] = [];
  for (const { spec, run, rows } of judged) {
    const found =
      preference === 'correct-then-shorter'
        ? preferCorrectThenShorter(before.rows, rows, compare.metric)
        : await preferAsJudged(measured, { before: before.run, after: run }, parts);
    preferred.push({ spec, found });
  }
  const meaning: MetricMeaning = {
    metric: `${name}/win-rate`,
    label: `win rate on ${name}`,
    unit: 'share',
    better: 'higher',
    binary: false,
    alpha: compare.alpha,
    minimumEffect: compare.minimumEffect,
    deciding: false,
  };
  const figureFor = ({ group, varied }: TrainingRunSpec, repeats: readonly ScoresById[]) => {
    const rate = winRateOf(repeats);
    const { value, low, high } = rate.share;
    const { metric, label, unit, better } = meaning;
    const of = { group, varied, metric, label, unit, better };
    const n = rate.wins + rate.ties + rate.losses;
    return { rate, figure: { ...of, n, before: null, after: { value, low, high }, difference: null } };
  };
  for (const { spec, found } of preferred)
    part.figures.push({ variant: spec.variant, ...figureFor(spec, [found.scores]).figure });
  for (const [group, members] of Map.groupBy(preferred, ({ spec }) => spec.group)) {
    const repeats = members.map(({ found }) => found.scores);
    const { main } = (members[0] as (typeof members)[number]).spec;
    const { rate, figure } = figureFor((members[0] as (typeof members)[number]).spec, repeats);
    part.groups.push({
      ...figure,
      main,
      deciding: false,
      seeds: repeats.length,
      spread: spreadOf(repeats),
      test: rate.test,
    });
    const verdict = winRateVerdict(meaning, rate);
    const warnings = [...rate.warnings, ...members.flatMap(({ found }) => found.warnings)];
    part.winRates.set(group, { ...verdict, sentence: [verdict.sentence, ...warnings].join('; ') });
  }
}

async function partOf(measured: Measured, parts: ExecuteParts): Promise<Part> {
  const part: Part = { figures: [], groups: [], judged: new Map(), winRates: new Map() };
  const rows = await readRows(parts.store, measured);
  const { before, trained } = rows;
  for (const { meaning, score } of await meaningsOf(measured, before?.rows)) {
    const runs = trained.map((one) => measuredRun(one.spec, scoresOf(one.rows, score)));
    addMetric(part, meaning, runs, before === null ? null : scoresOf(before.rows, score));
  }
  if (isHeldOutPairs(measured.evaluation)) addRewards(part, rows);
  await addWinRates(part, measured, rows, parts);
  return part;
}

/** Pairs that came from elsewhere name experiments that are not here. */
async function knownSources(store: Store, { sourceExperiments, ...data }: TrainingData): Promise<TrainingData> {
  const known = [];
  for (const id of sourceExperiments ?? []) if ((await store.getExperiment(id)) !== null) known.push(id);
  return known.length === 0 ? data : { ...data, sourceExperiments: known };
}

/** Reads what was measured and says what it means: the first group is the main setting, whose verdicts are the training's. */
export async function reportTraining(
  data: TrainingReport['data'],
  measurements: readonly Measured[],
  parts: ExecuteParts,
): Promise<TrainingReport> {
  const found = [];
  for (const measured of measurements) found.push({ measured, part: await partOf(measured, parts) });
  const mainOf = (measured: Measured) =>
    measured.arms.find((arm) => arm.trained?.main === true)?.trained?.group ?? null;
  const judged = found.flatMap(({ measured, part }) => part.judged.get(mainOf(measured) ?? '') ?? []);
  const rates = found.flatMap(({ measured, part }) => part.winRates.get(mainOf(measured) ?? '') ?? []);
  const verdicts = [...verdictsOf(judged), ...rates].sort(
    (a, b) => Number(b.meaning.deciding) - Number(a.meaning.deciding),
  );
  return {
    data: await knownSources(parts.store, data),
    figures: found.flatMap(({ part }) => part.figures),
    groups: found.flatMap(({ part }) => part.groups).sort((a, b) => Number(b.main) - Number(a.main)),
    evaluations: found.flatMap(({ measured, part }) =>
      [...Map.groupBy(measured.arms, (arm) => arm.trained?.group).entries()].flatMap(([group, arms]) => {
        if (group === undefined) return [];
        const own = [
          ...verdictsOf(part.judged.get(group) ?? []),
          ...(part.winRates.has(group) ? [part.winRates.get(group) as JudgedVerdict] : []),
        ];
        return [
          {
            experimentId: measured.experiment.id,
            name: measured.name,
            variant: arms[0]?.trained?.variant ?? group,
            sentences: own.map(({ sentence }) => sentence),
          },
        ];
      }),
    ),
    verdicts: verdicts.map(({ sentence, kind }) => ({ sentence, kind })),
    negatives: verdicts
      .filter(({ kind, meaning }) => kind === 'worse' || (meaning.deciding && kind !== 'better'))
      .map(({ sentence }) => sentence),
  };
}
