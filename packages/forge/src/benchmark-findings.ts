import type { JudgedEquivalence } from './benchmark-equivalence.ts';
import type { CellFigures } from './benchmark-figures.ts';
import type { BenchmarkReport, Equivalence, LoadCurve } from './benchmark-report.ts';
import { bare, cellLabel, duration, given, percent, plain, pValue, timesInterval } from './benchmark-wording.ts';
import type { LoadPoint } from './load-point.ts';

/** A cell that is not its method's baseline. */
export interface JudgedCell {
  readonly figures: CellFigures;
  readonly baseline: CellFigures;
  readonly judged: JudgedEquivalence;
}

/** What was found, and whether a reader should see it first. */
interface Finding {
  readonly sentence: string;
  readonly negative: boolean;
}

const methodsOf = (cells: readonly JudgedCell[], told: (cell: JudgedCell) => string) =>
  cells.map((cell) => `${cell.figures.method} ${told(cell)}`).join('; ');

const ratioText = ({ figures, baseline }: JudgedCell) => {
  const { speedUp, examplesPerSecond } = figures;
  const rates = `${plain(examplesPerSecond.value)} against ${plain(baseline.examplesPerSecond.value)} examples per second`;
  return `${speedUp === null ? 'without a repetition in common' : timesInterval(speedUp)} (${rates})`;
};

type Speed = 'faster' | 'slower' | 'unchanged';

/** What the interval over repetitions allows to say; with one repetition, what was seen. */
function speedOf({ figures: { speedUp } }: JudgedCell): Speed {
  if (speedUp === null) return 'unchanged';
  if (speedUp.low > 1) return 'faster';
  return speedUp.high < 1 ? 'slower' : 'unchanged';
}

function speedFindings(optimisation: string, cells: readonly JudgedCell[]): Finding[] {
  const about = (speed: Speed, said: string): Finding[] => {
    const own = cells.filter((cell) => speedOf(cell) === speed);
    if (own.length === 0) return [];
    return [{ sentence: `${optimisation} ${said}: ${methodsOf(own, ratioText)}`, negative: speed !== 'faster' }];
  };
  const hits = cells.reduce((sum, { figures }) => sum + figures.responseHitRate, 0) / cells.length;
  const cached = hits === 0 ? '' : `, with ${percent(hits)} of calls answered from the response cache`;
  return [
    ...about('slower', 'is slower, times the speed of the baseline'),
    ...about('unchanged', 'is not shown to change the speed, times that of the baseline'),
    ...about('faster', `is faster, times the speed of the baseline${cached}`),
  ];
}

const signed = (share: number) => `${share > 0 ? '+' : ''}${bare(share)}`;

function answerText({ judged: { equivalence, comparison } }: JudgedCell): string {
  const { difference, flipRate, flips, changedRate, adjustedPValue } = equivalence;
  const interval = `${signed(difference.value)} points [${signed(difference.low)}, ${signed(difference.high)}]`;
  const sides =
    flipRate.value === 0
      ? 'none changed sides'
      : `${percent(flipRate.value)} changed sides (${flips.toRight} to right, ${flips.toWrong} to wrong)`;
  const evidence = `TOST ${pValue(adjustedPValue)}, n = ${comparison.pairs}`;
  return `${interval} (${evidence}; ${sides}, ${percent(changedRate.value)} are another text)`;
}

/** What would tell, where nothing is shown. */
function examplesNeeded(cells: readonly JudgedCell[]): string {
  const needed = cells.flatMap(({ judged: { comparison } }) =>
    comparison.neededN !== null && comparison.neededN > comparison.pairs ? [comparison.neededN] : [],
  );
  if (needed.length === 0) return '';
  return `. About ${Math.max(...needed).toLocaleString('en-US')} examples would find such a difference with 80 % power`;
}

function answerFindings(optimisation: string, cells: readonly JudgedCell[]): Finding[] {
  const margin = `${given(100 * (cells[0]?.judged.equivalence.margin ?? 0))} points`;
  const about = (verdict: Equivalence['verdict'], said: string, more = (_: readonly JudgedCell[]) => ''): Finding[] => {
    const own = cells.filter((cell) => cell.judged.equivalence.verdict === verdict);
    if (own.length === 0) return [];
    const sentence = `${optimisation} ${said}: ${methodsOf(own, answerText)}${more(own)}`;
    return [{ sentence, negative: verdict === 'worse' || verdict === 'undecided' }];
  };
  return [
    ...about('worse', 'makes answers worse'),
    ...about('undecided', `is shown neither to keep the accuracy within ${margin} nor to change it`, examplesNeeded),
    ...about('equivalent', `keeps the accuracy within ${margin}`),
    ...about('better', 'makes answers better'),
  ];
}

const completion = (point: LoadPoint) => point.completionTokensPerSecond.value;
const atLoad = ({ arrivals }: LoadPoint) =>
  arrivals.kind === 'closed' ? `${arrivals.concurrency} at once` : `${arrivals.kind} arrivals`;

function latencyChange(from: LoadPoint, to: LoadPoint): string {
  const [before, after] = [from.totalP95Ms, to.totalP95Ms];
  if (before === null || after === null) return '';
  return `; the 95th percentile of a whole answer goes from ${duration(before.value)} to ${duration(after.value)}`;
}

function loadFindings({ optimisation, points, sustainedPerSecond }: LoadCurve): Finding[] {
  const findings: Finding[] = [];
  const closed = points.filter(({ arrivals }) => arrivals.kind === 'closed');
  const [first] = closed;
  const best = closed.reduce<LoadPoint | undefined>(
    (most, point) => (most === undefined || completion(point) > completion(most) ? point : most),
    undefined,
  );
  if (first !== undefined && best !== undefined && best !== first && completion(first) > 0) {
    const ratio = plain(completion(best) / completion(first));
    findings.push({
      sentence: `${optimisation} under load: ${atLoad(best)} write ${ratio} times the tokens per second of ${atLoad(first)} (${plain(completion(best))} against ${plain(completion(first))})${latencyChange(first, best)}`,
      negative: false,
    });
  } else if (first !== undefined && closed.length > 1) {
    findings.push({
      sentence: `${optimisation} under load: more at once write no more tokens per second than ${atLoad(first)} (${plain(completion(first))})`,
      negative: true,
    });
  }
  if (points.some(({ arrivals }) => arrivals.kind !== 'closed')) {
    findings.push(
      sustainedPerSecond === null
        ? { sentence: `${optimisation} under load: none of the rates that were tried was kept up`, negative: true }
        : {
            sentence: `${optimisation} under load: ${plain(sustainedPerSecond)} requests per second were kept up`,
            negative: false,
          },
    );
  }
  const failed = points.reduce((sum, point) => sum + point.failed, 0);
  if (failed > 0) findings.push({ sentence: `${optimisation} under load: ${failed} requests failed`, negative: true });
  return findings;
}

function paretoFinding({ points }: BenchmarkReport['pareto']): Finding[] {
  const frontier = points.filter(({ onFrontier }) => onFrontier);
  if (points.length < 2) return [];
  const named = frontier.map((one) => `${cellLabel(one)} (${one.probability.toFixed(2)})`).join(', ');
  const sentence = `${frontier.length} of ${points.length} cells are on the frontier of accuracy, median latency and cost, with the probability that they are: ${named}`;
  return [{ sentence, negative: false }];
}

/** What was found, in sentences: what did not help, or may have changed the answers, is said as plainly as what did. */
export function findingsOf(
  cells: readonly JudgedCell[],
  load: readonly LoadCurve[],
  pareto: BenchmarkReport['pareto'],
): string[] {
  const optimisations = [...Map.groupBy(cells, ({ figures }) => figures.optimisation)];
  const found = [
    ...optimisations.flatMap(([name, own]) => [...speedFindings(name, own), ...answerFindings(name, own)]),
    ...load.flatMap(loadFindings),
    ...paretoFinding(pareto),
  ];
  // What went wrong first: it is what a reader must not overlook.
  return [...found.filter(({ negative }) => negative), ...found.filter(({ negative }) => !negative)].map(
    ({ sentence }) => sentence,
  );
}
