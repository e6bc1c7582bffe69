import type { CheckedFinding } from './check-finding.ts';
import type { JudgedClaim } from './judge-claim.ts';
import { formatCount } from './lib/format.ts';

const marks = { supported: 'yes', refuted: 'NO', inconclusive: '?' } as const;

const withUnit = { '%': ' %', points: ' points', ms: ' ms', times: ' times', '': '' } as const;

/** What was measured, in the unit of its claim: `79.5 points, 97.5 % interval 72.0 to 85.3, n = 200`. */
export function evidence({ estimate, n, verdict, neededN, unit }: JudgedClaim): string {
  if (estimate === null) return `nothing to say from ${n} examples`;
  const { value, low, high, level, method } = estimate;
  const name = method === 'hedged-capital' ? 'anytime-valid interval' : 'interval';
  const scale = unit === '%' || unit === 'points' ? 100 : 1;
  const shown = (of: number) => (scale * of).toFixed(Math.abs(scale * of) < 10 ? 2 : 1);
  const interval = `${shown(value)}${withUnit[unit]}, ${(100 * level).toFixed(level > 0.99 ? 2 : 1)} % ${name} ${shown(low)} to ${shown(high)}, n = ${formatCount(n)}`;
  if (verdict !== 'inconclusive') return interval;
  // A claim that n examples cannot tell may still have been unlucky with a power of 80 %.
  if (neededN === null || neededN <= n) return `${interval}; the bound lies within it`;
  return `${interval}; n = ${formatCount(neededN)} would tell with 80 % power, ${formatCount(neededN - n)} more`;
}

/** A finding for a terminal. */
export function checkedFindingText({ name, question, claims, departures, verdict, measured }: CheckedFinding): string {
  return [
    `${name}: ${verdict}${departures.length === 0 ? '' : ', not measured as planned'}`,
    `  ${question} (${measured.kind} ${measured.name}, ${measured.id})`,
    ...claims.map((one) => `  ${marks[one.verdict].padStart(3)}  ${one.claim}: ${evidence(one)}`),
    ...departures.map((one) => `  departure from the plan: ${one}`),
  ].join('\n');
}
