import type { Comparison, ExperimentDetail } from '../lib/api.ts';
import { duration, times } from '../lib/format.ts';

type Pair = Pick<Comparison, 'baseline' | 'candidate'>;

const isOf =
  ({ baseline, candidate }: Pair) =>
  (other: Pair) =>
    other.baseline === baseline && other.candidate === candidate;

/** What the candidate takes beside the baseline: time and tokens. */
export function CostSentence({
  comparison,
  latency,
  tokens,
}: {
  comparison: Pair;
  latency: ExperimentDetail['latency'];
  tokens: ExperimentDetail['tokens'];
}) {
  const slower = latency.find(isOf(comparison))?.difference;
  const ratio = tokens.find(isOf(comparison))?.ratio;
  if (slower === undefined && ratio == null) return null;
  return (
    <p className="text-muted tabular-nums">
      {slower === undefined
        ? null
        : `Per example it is ${duration(Math.abs(slower.value))} ${slower.value > 0 ? 'slower' : 'faster'} [${duration(slower.low)}, ${duration(slower.high)}]. `}
      {ratio == null ? null : `It uses ${times(ratio, 'tokens')}.`}
    </p>
  );
}
