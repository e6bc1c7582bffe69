import type { CheckedFinding } from './check-finding.ts';
import type { JudgedClaim } from './judge-claim.ts';
import { formatCount } from './lib/format.ts';

const marks = { supported: 'yes', refuted: 'NO', inconclusive: '?' } as const;

const figure = (value: number) => (Math.abs(value) < 100 ? value.toFixed(3) : value.toFixed(1));

function evidence({ estimate, n, verdict, neededN }: JudgedClaim): string {
  if (estimate === null) return `nothing to say from ${n} examples`;
  const { value, low, high, level, method } = estimate;
  const name = method === 'hedged-capital' ? 'anytime-valid interval' : 'interval';
  const interval = `${figure(value)}, ${(100 * level).toFixed(level > 0.99 ? 2 : 1)} % ${name} ${figure(low)} to ${figure(high)}, n = ${formatCount(n)}`;
  if (verdict !== 'inconclusive') return interval;
  // A claim that n examples cannot tell may still have been unlucky with a power of 80 %.
  if (neededN === null || neededN <= n) return `${interval}; the bound lies within it`;
  return `${interval}; n = ${formatCount(neededN)} would tell with 80 % power, ${formatCount(neededN - n)} more`;
}

/** A finding for a terminal. */
export function checkedFindingText({
  name,
  question,
  claims,
  departures,
  verdict,
  experiment,
}: CheckedFinding): string {
  return [
    `${name}: ${verdict}${departures.length === 0 ? '' : ', not measured as planned'}`,
    `  ${question} (experiment ${experiment.name}, ${experiment.id})`,
    ...claims.map((one) => `  ${marks[one.verdict].padStart(3)}  ${one.claim}: ${evidence(one)}`),
    ...departures.map((one) => `  departure from the plan: ${one}`),
  ].join('\n');
}
