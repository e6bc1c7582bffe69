import type { Estimate } from './api.ts';

/** 0.123 to `12.3 %`. */
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** `12.3 % [10.1, 14.9]`, or `-4.20 nats [-5.10, -3.30]` where the scores are no shares of 1. */
export function scoreText({ value, low, high, unit }: Estimate): string {
  if (unit !== undefined) return `${value.toFixed(2)} ${unit} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  return `${percent(value)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}

/** Differences of shares in points of a hundred, with their sign. */
export const points = (share: number) => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1).replace(/^-0\.0$/, '0.0')}`;

/** A difference of scores with its sign: `+1.2 points` for shares, `+3.40 nats` else. */
export const scoreDifference = (value: number, unit: string | undefined) =>
  unit === undefined ? `${points(value)} points` : `${value > 0 ? '+' : ''}${value.toFixed(2)} ${unit}`;

/** `12,345` */
export const count = (value: number) => Math.round(value).toLocaleString('en-US');

/** ms as people say it: `240 ms`, `3.2 s`, `4 min`. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 10) return `${ms.toFixed(1)} ms`;
  if (size < 1000) return `${ms.toFixed(0)} ms`;
  if (size < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `10.4 times the tokens [9.4, 11.5]`: how many times as much of something. */
export function times({ value, low, high }: Estimate, what: string): string {
  const digits = value < 2 ? 2 : 1;
  return `${value.toFixed(digits)} times the ${what} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}

/** US dollars, two digits that count below one. */
export const dollars = (amount: number) => `$${amount < 1 ? amount.toPrecision(2) : amount.toFixed(2)}`;

/** `0.012`, or `< 0.001`. */
export function pValue(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
}

/** Local date and time, to the minute. */
export const moment = (ms: number) => new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** How long before `now` a moment was, both in ms since the epoch. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
