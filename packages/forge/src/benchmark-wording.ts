import { formatDuration } from './lib/format.ts';
import type { Estimate } from './statistics/estimate.ts';

/** Figures as reports say them. */
export const cellLabel = (cell: { method: string; optimisation: string }) => `${cell.method} with ${cell.optimisation}`;

/** Three digits that count: `1,234`, `12.3`, `1.23`. */
export const plain = (value: number) => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

/** `98.5 %`. */
export const percent = (share: number) => `${bare(share)} %`;

/** A share, or a difference of two, in hundredths. */
export const bare = (share: number) => (100 * share).toFixed(1).replace(/^-0\.0$/, '0.0');

/** `98.5 % [97.1, 99.2]`. */
export const percentInterval = ({ value, low, high }: Estimate) => `${percent(value)} [${bare(low)}, ${bare(high)}]`;

/** `3.10 [2.90, 3.31]`; a single observation has no interval. */
export const figureInterval = ({ value, low, high, n }: Estimate) =>
  n < 2 ? plain(value) : `${plain(value)} [${plain(low)}, ${plain(high)}]`;

const times = (value: number) => (value < 0.01 ? '<0.01' : value > 1000 ? '>1,000' : plain(value));

/** A ratio with its interval, bounds that are beyond sense cut: `3.10 [0.02, >1,000]`. */
export const timesInterval = ({ value, low, high, n }: Estimate) =>
  n < 2 ? plain(value) : `${plain(value)} [${times(low)}, ${times(high)}]`;

/** A round number as it was given: `4`, `2.5`. */
export const given = (value: number) => String(Number(value.toPrecision(6)));

/** `12.3 ms`, `850 ms`, `12.3 s`. */
export const duration = (ms: number) => (ms < 100 ? `${ms.toFixed(1)} ms` : formatDuration(ms));

/** `240 ms [230 ms, 251 ms]`; without interval for a single one. */
export const durationInterval = ({ value, low, high, n }: Estimate) =>
  n < 2 ? duration(value) : `${duration(value)} [${duration(low)}, ${duration(high)}]`;

/** `p = 0.012`, or `p < 0.001`. */
export const pValue = (p: number) => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`);

/** Small amounts with three digits: `0.000412`, `1.23`. */
export const amount = (value: number) => {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(12, digits));
};

/** `a, b and c`; from the fifth on they are counted. */
export function listed(items: readonly string[]): string {
  const shown = items.length > 5 ? [...items.slice(0, 4), `${items.length - 4} more`] : items;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `412 MiB`, `1.52 GiB`. */
export const bytes = (value: number) =>
  value >= 2 ** 30 ? `${plain(value / 2 ** 30)} GiB` : `${(value / 2 ** 20).toFixed(0)} MiB`;
