import { type CellFigures, isReplay } from './benchmark-figures.ts';
import type { BenchmarkReport } from './benchmark-report.ts';
import type { BenchmarkSpec } from './benchmark-spec.ts';
import { cellLabel, duration, given, percent, plain, timesInterval } from './benchmark-wording.ts';
import type { Estimate } from './statistics/estimate.ts';

/** Engine and wall time agree within this: the engine is what takes the time. */
const busy = 0.9;

/** What the other optimisations reach, the best first; a response cache answers, it does not speed up. */
function otherRatios(cells: readonly CellFigures[]): string[] {
  const parts = cells
    .filter((cell) => !isReplay(cell))
    .flatMap(({ optimisation, speedUp }) => (speedUp === null ? [] : [{ optimisation, value: speedUp.value }]))
    .sort((a, b) => b.value - a.value)
    .slice(0, 4);
  if (parts.length === 0) return [];
  return [
    `the other optimisations: ${parts.map(({ optimisation, value }) => `${optimisation} ${plain(value)}`).join(', ')}`,
  ];
}

/** speed-up = (engine time per example before / after) x (share of the wall time in which the engine was busy after / before). */
function engineShare(cell: CellFigures, baseline: CellFigures, target: number): string[] {
  const [after, before] = [cell.inside.engineMsPerExample, baseline.inside.engineMsPerExample];
  const share = cell.inside.engineBusyShare;
  if (after === null || before === null || share === null || baseline.inside.engineBusyShare === null)
    return ['the engine does not tell its own busy time, so waiting cannot be told from computing'];
  const computing = `engine time per example went from ${duration(before)} to ${duration(after)} (${plain(before / after)} times less), and the engine was busy for ${percent(baseline.inside.engineBusyShare)} of the wall time before and ${percent(share)} with it`;
  if (share >= busy) return [`${computing}: computing, not waiting, is what is left`];
  const most = (cell.speedUp?.value ?? 0) / share;
  const enough = most >= target ? 'which would be enough' : 'which would not be enough either';
  return [
    `${computing}: without the time in which it was not (server, method, scoring) the ratio would be ${plain(most)}, ${enough}`,
  ];
}

function tokenShare(cell: CellFigures, baseline: CellFigures): string[] {
  const said = [
    `${percent(cell.cachedPromptShare)} of ${plain(cell.promptTokensPerExample)} prompt tokens per example were not prefilled again (${percent(baseline.cachedPromptShare)} in the baseline)`,
  ];
  const [after, before] = [cell.completionTokensPerSecond.value, baseline.completionTokensPerSecond.value];
  if (after > 0 && before > 0)
    said.push(
      `${plain(cell.inside.completionTokensPerExample)} completion tokens per example are written, which no prefix cache spares, at ${plain(after)} tokens per second against ${plain(before)}`,
    );
  if (cell.responseHitRate > 0)
    said.push(`${percent(cell.responseHitRate)} of its calls were answered from the response cache`);
  return said;
}

function verdict(ratio: Estimate, target: number): { reached: boolean; text: string } {
  const figure = `${timesInterval(ratio)} times as fast as the baseline`;
  if (ratio.value >= target) {
    const sure =
      ratio.n < 2
        ? '; one repetition tells no interval'
        : ratio.low >= target
          ? ''
          : '; its interval reaches below, so it is not shown';
    return { reached: true, text: `${figure}; the goal of ${given(target)} is reached${sure}` };
  }
  const missing = `${plain(target - ratio.value)} (${percent(1 - ratio.value / target)})`;
  const open = ratio.n > 1 && ratio.high >= target ? '; its interval includes the goal' : '';
  return { reached: false, text: `${figure}; the goal of ${given(target)} is missed by ${missing}${open}` };
}

/** The ratio that the file aims at, for each method; where it is missed, what was measured of the reasons. */
export function goalOf(
  cells: readonly CellFigures[],
  { goal, baseline, methods }: Pick<BenchmarkSpec, 'goal' | 'baseline' | 'methods'>,
): BenchmarkReport['goal'] {
  if (goal === null) return [];
  return methods.flatMap((method) => {
    const own = cells.filter((cell) => cell.method === method);
    const cell = own.find(({ optimisation }) => optimisation === goal.optimisation);
    const before = own.find(({ optimisation }) => optimisation === baseline);
    if (cell === undefined || before === undefined || cell.speedUp === null) return [];
    const { reached, text } = verdict(cell.speedUp, goal.speedUp);
    const others = own.filter((one) => one !== cell && one !== before);
    const reasons = [...engineShare(cell, before, goal.speedUp), ...tokenShare(cell, before), ...otherRatios(others)];
    const why = reached ? '' : `. Measured: ${reasons.join('; ')}`;
    return [{ method, target: goal.speedUp, ratio: cell.speedUp, sentence: `${cellLabel(cell)}: ${text}${why}` }];
  });
}
