import type { Comparison, ExperimentDetail } from '../lib/api.ts';
import { duration, times } from '../lib/format.ts';

type Pair = Pick<Comparison, 'baseline' | 'candidate'>;
type Stopping = Pick<Comparison, 'stop' | 'pairs'>;

const isOf =
  ({ baseline, candidate }: Pair) =>
  (other: Pair) =>
    other.baseline === baseline && other.candidate === candidate;

/** Whether the scores said when to stop: what else was measured has no exact interval then. */
const isStopped = ({ stop, pairs }: Stopping) => stop?.settledAfter != null && pairs < stop.most;

/** What the candidate takes beside the baseline: time and tokens. */
export function CostSentence({
  comparison,
  latency,
  tokens,
}: {
  comparison: Pair & Stopping;
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
      {isStopped(comparison) ? ' These intervals are approximate.' : null}
    </p>
  );
}
