import type { Interval, TrainingGroup } from './api.ts';

/** Figures of trainings in the unit of their metric. */

const plain = (value: number) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
const withoutMinusZero = (text: string) => text.replace(/^-(0(?:\.0+)?)$/, '$1');

const inUnit = (value: number, unit: string) =>
  withoutMinusZero(unit === 'share' ? (100 * value).toFixed(1) : plain(value));
const signed = (value: number, unit: string) => {
  const text = inUnit(value, unit);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
};
/** Units of which the label of the metric does not say enough. */
const suffix: Readonly<Record<string, string>> = { share: ' %', tokens: ' tokens', nats: ' nats' };
const differenceSuffix: Readonly<Record<string, string>> = { ...suffix, share: ' points' };

/** `72.5 %` */
export const figureText = (value: number, unit: string) => `${inUnit(value, unit)}${suffix[unit] ?? ''}`;

/** `[64.1, 80.3]` */
export const intervalText = ({ low, high }: Interval, unit: string) => `[${inUnit(low, unit)}, ${inUnit(high, unit)}]`;

/** `+21.0 points` */
export const differenceText = (value: number, unit: string) => `${signed(value, unit)}${differenceSuffix[unit] ?? ''}`;

/** `[+13.0, +29.0]` */
export const differenceIntervalText = ({ low, high }: Interval, unit: string) =>
  `[${signed(low, unit)}, ${signed(high, unit)}]`;

export type Reading = 'better' | 'worse' | 'changed' | 'open';

/** What the interval of the difference says by itself; `open`: it holds no change, or there is none. */
export function readingOf({ difference, better }: Pick<TrainingGroup, 'difference' | 'better'>): Reading {
  if (difference === null || (difference.low <= 0 && difference.high >= 0)) return 'open';
  if (better === 'neutral') return 'changed';
  return difference.value > 0 === (better === 'higher') ? 'better' : 'worse';
}

export interface Axis {
  readonly key: string;
  readonly values: readonly string[];
}

const distinct = (values: readonly string[]) => [...new Set(values)];
/** Numbers by size, words as they come. */
const sorted = (values: readonly string[]) =>
  values.every((value) => value !== '' && Number.isFinite(Number(value)))
    ? values.toSorted((a, b) => Number(a) - Number(b))
    : values;

/** What varies between groups, as rows and columns of a grid: the first key goes down, all others across. */
export function gridAxes(varied: readonly TrainingGroup['varied'][]): readonly Axis[] {
  const keys = distinct(varied.flatMap((one) => Object.keys(one)));
  return keys
    .map((key) => ({ key, values: sorted(distinct(varied.map((one) => String(one[key] ?? '–')))) }))
    .filter(({ values }) => values.length > 1);
}

/** Every combination of the values of some axes. */
export function combinations(axes: readonly Axis[]): readonly Readonly<Record<string, string>>[] {
  return axes.reduce<readonly Readonly<Record<string, string>>[]>(
    (all, { key, values }) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

/** True for a group at this place of the grid; what it does not vary is `–`. */
export const fits = (varied: TrainingGroup['varied'], place: Readonly<Record<string, string>>) =>
  Object.entries(place).every(([key, value]) => String(varied[key] ?? '–') === value);

/** `1.2 MB` */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB'] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${(size / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** The beginning of a digest: enough to tell two apart. */
export const shortDigest = (digest: string) => digest.slice(0, 12);
