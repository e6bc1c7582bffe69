import type { JudgedEquivalence } from './benchmark-equivalence.ts';
import type { CellFigures } from './benchmark-figures.ts';
import type { BenchmarkReport, Equivalence, LoadCurve } from './benchmark-report.ts';
import {
  bare,
  cellLabel,
  duration,
  figureInterval,
  percent,
  percentInterval,
  plain,
  pValue,
} from './benchmark-wording.ts';
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

function speedFinding({ figures, baseline }: JudgedCell): Finding {
  const { speedUp, examplesPerSecond } = figures;
  const label = cellLabel(figures);
  if (speedUp === null) return { sentence: `${label}: no repetition in common with the baseline`, negative: true };
  const rates = `${plain(examplesPerSecond.value)} against ${plain(baseline.examplesPerSecond.value)} examples per second`;
  const replay =
    figures.responseHitRate > 0 ? `, ${percent(figures.responseHitRate)} of calls from the response cache` : '';
  const evidence = `(${rates}${replay})`;
  const said = `${figureInterval(speedUp)} times as fast as the baseline ${evidence}`;
  if (speedUp.n < 2) return { sentence: `${label} is ${said}, in one repetition`, negative: speedUp.value < 1 };
  if (speedUp.high < 1) return { sentence: `${label} is slower: ${said}`, negative: true };
  if (speedUp.low <= 1) return { sentence: `${label}: no change of speed is shown, ${said}`, negative: true };
  return { sentence: `${label} is ${said}`, negative: false };
}

const signed = (share: number) => `${share > 0 ? '+' : ''}${bare(share)}`;

function changes({ flipRate, flips, changedRate }: Equivalence): string {
  const flipped =
    flipRate.value === 0
      ? 'no example changed sides'
      : `${percentInterval(flipRate)} of examples changed sides (${flips.toRight} to right, ${flips.toWrong} to wrong)`;
  return `${flipped}, ${percentInterval(changedRate)} of answers are another text`;
}

function answerFinding({ figures, judged: { equivalence, comparison } }: JudgedCell): Finding {
  const { difference, verdict, margin, adjustedPValue } = equivalence;
  const label = cellLabel(figures);
  const interval = `${signed(difference.value)} points [${signed(difference.low)}, ${signed(difference.high)}]`;
  const evidence = `(${interval}, TOST ${pValue(adjustedPValue)}, n = ${comparison.pairs}); ${changes(equivalence)}`;
  const within = `${plain(100 * margin)} points`;
  if (verdict === 'equivalent')
    return {
      sentence: `${label}: answers are equivalent to the baseline's within ${within} ${evidence}`,
      negative: false,
    };
  if (verdict !== 'undecided')
    return {
      sentence: `${label}: answers are ${verdict} than the baseline's ${evidence}`,
      negative: verdict === 'worse',
    };
  const { neededN } = comparison;
  const needed =
    neededN !== null && neededN > comparison.pairs
      ? `; about ${neededN.toLocaleString('en-US')} examples would find ${within} with 80 % power`
      : '';
  return {
    sentence: `${label}: not shown to be equivalent within ${within}, nor different ${evidence}${needed}`,
    negative: true,
  };
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
  const found = [
    ...cells.flatMap((cell) => [speedFinding(cell), answerFinding(cell)]),
    ...load.flatMap(loadFindings),
    ...paretoFinding(pareto),
  ];
  // What went wrong first: it is what a reader must not overlook.
  return [...found.filter(({ negative }) => negative), ...found.filter(({ negative }) => !negative)].map(
    ({ sentence }) => sentence,
  );
}
