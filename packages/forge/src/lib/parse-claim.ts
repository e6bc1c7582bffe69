import { ConfigError } from '../errors.ts';

/** A measured quantity of a variant: a metric, `latency-ms` or `tokens` per example, or `examples-per-second` of a run. */
export interface ClaimTerm {
  readonly quantity: string;
  readonly variant: string;
}

/** A statement about one variant, or about two of them on the same examples. */
export interface Claim {
  /** As it was written. */
  readonly text: string;
  /** `mean`: left alone; `difference`: left minus right; `ratio`: left over right; `within`: their difference, either way. */
  readonly kind: 'mean' | 'difference' | 'ratio' | 'within';
  readonly left: ClaimTerm;
  /** null for `mean`. */
  readonly right: ClaimTerm | null;
  readonly comparator: '>' | '<';
  readonly bound: number;
  /** What the bound was written in, for telling the measured value in the same; shares and points are kept as parts of 1. */
  readonly unit: ClaimUnit;
}

export type ClaimUnit = '%' | 'points' | 'ms' | 'times' | '';

const term = String.raw`([\w.-]+)\(([^()]+)\)`;
const bound = String.raw`(>|<)\s*(-?\d+(?:\.\d+)?)\s*(%|points|ms)?`;
const forms = [
  { kind: 'within', pattern: new RegExp(String.raw`^\|\s*${term}\s*-\s*${term}\s*\|\s*${bound}$`) },
  { kind: 'difference', pattern: new RegExp(String.raw`^${term}\s*-\s*${term}\s*${bound}$`) },
  { kind: 'ratio', pattern: new RegExp(String.raw`^${term}\s*/\s*${term}\s*${bound}$`) },
  { kind: 'mean', pattern: new RegExp(String.raw`^${term}\s*${bound}$`) },
] as const;
const maxLength = 500;

const allowed =
  '`metric(variant) > 0.9`, `metric(a) - metric(b) > 0.10` (or 10 points), `|metric(a) - metric(b)| < 0.02`, `tokens(a) / tokens(b) < 2`; quantities are metrics, latency-ms, tokens and examples-per-second';

/** Reads `exact-match(agent) - exact-match(naive) > 10 points`. Throws ConfigError that shows what can be written. */
export function parseClaim(text: string): Claim {
  const trimmed = text.trim();
  for (const { kind, pattern } of trimmed.length > maxLength ? [] : forms) {
    const found = pattern.exec(trimmed);
    if (found === null) continue;
    const groups = found.slice(1);
    const read = (at: number): ClaimTerm => ({
      quantity: groups[at] as string,
      variant: (groups[at + 1] as string).trim(),
    });
    const right = kind === 'mean' ? null : read(2);
    const [comparator, digits, unit] = groups.slice(kind === 'mean' ? 2 : 4);
    const left = read(0);
    if (right !== null && right.quantity !== left.quantity)
      throw new ConfigError(`claim "${trimmed}": compares ${left.quantity} with ${right.quantity}: name one quantity`);
    if (kind === 'within' && comparator !== '<')
      throw new ConfigError(`claim "${trimmed}": |a - b| can only be claimed to be under a bound: use <`);
    const value = Number(digits) / (unit === '%' || unit === 'points' ? 100 : 1);
    return {
      text: trimmed,
      kind,
      left,
      right,
      comparator: comparator as '>' | '<',
      bound: value,
      unit: kind === 'ratio' ? 'times' : ((unit ?? '') as ClaimUnit),
    };
  }
  throw new ConfigError(`claim "${trimmed.slice(0, 100)}": cannot be read. What can be written: ${allowed}`);
}
