import { element, escapeXml, type Pair, picture, seriesColors, text, textWidth } from './svg-picture.ts';

export interface Axis {
  readonly title: string;
  readonly scale: 'linear' | 'log';
  format(value: number): string;
}

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** Shown beside it, where there is room. */
  readonly label?: string;
  /** Told when pointed at. */
  readonly title: string;
  readonly xRange?: Pair;
  readonly yRange?: Pair;
  /** 0 to 1; how sure or weighty it is: size and opacity. */
  readonly weight?: number;
  /** Drawn as a ring only. */
  readonly hollow?: boolean;
}

export interface PlotSeries {
  readonly name: string;
  /** Series of one number share colour and form; the legend has the first one's name. */
  readonly look: number;
  readonly line: 'solid' | 'none';
  readonly points: readonly PlotPoint[];
}

export interface Plot {
  readonly title: string;
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly PlotSeries[];
}

const size: Pair = [860, 440];
const frame = { left: 82, right: 836, top: 70, bottom: 388 };
const legendRow = 20;

/** About `count` round values that cover a range: 1, 2 and 5 times powers of ten. */
export function ticksOf(scale: Axis['scale'], low: number, high: number, count = 6): number[] {
  if (scale === 'log') {
    const decades = Math.log10(high / low);
    const steps = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
    const from = Math.floor(Math.log10(low));
    const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => 10 ** (from + i));
    return powers.flatMap((power) => steps.map((step) => step * power)).filter((tick) => tick >= low && tick <= high);
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) as number);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Whiskers stretch an axis by this at most: two repetitions have intervals wider than anything worth looking at. */
const stretch = 1.25;

/** The range of an axis: a little more than the points and, within bounds, their whiskers; from 0 for a linear one. */
function domain({ scale }: Axis, values: readonly number[], whiskers: readonly number[]): Pair {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const low = Math.max(least / stretch, Math.min(least, ...whiskers));
  const high = Math.min(most * stretch, Math.max(most, ...whiskers));
  if (scale === 'log') return [Math.max(low, high / 1e6) / 1.15, high * 1.15];
  return [Math.min(0, least), high > 0 ? high * 1.06 : 1];
}

function place({ scale }: Axis, [low, high]: Pair, [from, to]: Pair) {
  const at = (value: number) => {
    const shown = Math.max(low, Math.min(high, value));
    return scale === 'log' ? Math.log(shown) : shown;
  };
  return (value: number) => from + ((at(value) - at(low)) / (at(high) - at(low))) * (to - from);
}

type Box = readonly [left: number, top: number, right: number, bottom: number];
const overlaps = (a: Box, b: Box) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** A place beside a point where a label covers nothing that is there already; null where there is none: half a label says less than none. */
function labelPlace([x, y]: Pair, label: string, taken: Box[]): { at: Pair; anchor: string } | null {
  const width = textWidth(label);
  const rows = [4, -10, 18, -24, 32, -38, 46];
  const places = rows.flatMap((dy) => [
    { at: [x + 11, y + dy] as Pair, anchor: 'start', left: x + 11 },
    { at: [x - 11, y + dy] as Pair, anchor: 'end', left: x - 11 - width },
  ]);
  const boxOf = ({ at, left }: (typeof places)[number]): Box => [left, at[1] - 11, left + width, at[1] + 3];
  const inside = ([left, top, right, bottom]: Box) =>
    left >= frame.left && right <= frame.right + 16 && top >= frame.top - 8 && bottom <= frame.bottom;
  const free = places.find((one) => inside(boxOf(one)) && !taken.some((box) => overlaps(box, boxOf(one))));
  if (free === undefined) return null;
  taken.push(boxOf(free));
  return free;
}

const markers = [
  (r: number) => element('circle', { r }),
  (r: number) => element('rect', { x: -0.9 * r, y: -0.9 * r, width: 1.8 * r, height: 1.8 * r }),
  (r: number) => element('path', { d: `M0 ${-1.2 * r}L${1.1 * r} ${0.8 * r}H${-1.1 * r}Z` }),
  (r: number) => element('path', { d: `M0 ${-1.25 * r}L${1.25 * r} 0L0 ${1.25 * r}L${-1.25 * r} 0Z` }),
];

const colorOf = (look: number) => `var(--c${look % seriesColors})`;

/** Colours and forms differ, so that colour is not all that tells series apart. */
function marker(look: number, [x, y]: Pair, { weight = 1, hollow = false, title = '' }: Partial<PlotPoint>): string {
  const form = (markers[look % markers.length] as (typeof markers)[number])(3.5 + 3 * weight);
  const color = colorOf(look);
  return element(
    'g',
    {
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
      fill: hollow ? 'var(--paper)' : color,
      stroke: color,
      'stroke-width': hollow ? 2 : 1,
      opacity: 0.3 + 0.7 * weight,
    },
    [...(title === '' ? [] : [element('title', {}, escapeXml(title))]), form],
  );
}

/** Names beside their marks, one row after another. */
function legend(series: readonly PlotSeries[]): { rows: number; marks: string[] } {
  let [x, row] = [frame.left, 0];
  const looks = new Map(series.toReversed().map(({ look, name }) => [look, name] as const));
  const marks = [...looks].toReversed().flatMap(([look, name]) => {
    const width = textWidth(name) + 34;
    if (x > frame.left && x + width > frame.right) [x, row] = [frame.left, row + 1];
    const at: Pair = [x + 8, 48 + legendRow * row];
    x += width;
    return [marker(look, at, {}), text([at[0] + 12, at[1] + 4], name)];
  });
  return { rows: row + 1, marks };
}

type Scale = (value: number) => number;

function axes({ x, y }: Plot, toX: Scale, toY: Scale, ranges: { x: Pair; y: Pair }): string[] {
  const middle = (frame.top + frame.bottom) / 2;
  return [
    ...ticksOf(y.scale, ...ranges.y).flatMap((tick) => [
      element('line', { x1: frame.left, x2: frame.right, y1: toY(tick), y2: toY(tick), class: 'grid' }),
      text([frame.left - 8, toY(tick) + 4], y.format(tick), { 'text-anchor': 'end', class: 'muted' }),
    ]),
    ...ticksOf(x.scale, ...ranges.x, 9).flatMap((tick) => [
      element('line', { x1: toX(tick), x2: toX(tick), y1: frame.bottom, y2: frame.bottom + 5, class: 'grid' }),
      text([toX(tick), frame.bottom + 19], x.format(tick), { 'text-anchor': 'middle', class: 'muted' }),
    ]),
    element('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, class: 'grid' }),
    text([(frame.left + frame.right) / 2, size[1] - 12], x.title, { 'text-anchor': 'middle' }),
    text([0, 0], y.title, { 'text-anchor': 'middle', transform: `translate(16 ${middle}) rotate(-90)` }),
  ];
}

function whiskers(point: PlotPoint, look: number, toX: Scale, toY: Scale): string[] {
  const { x, y, xRange = [x, x], yRange = [y, y] } = point;
  const ends = [
    { x1: toX(xRange[0]), x2: toX(xRange[1]), y1: toY(y), y2: toY(y) },
    { x1: toX(x), x2: toX(x), y1: toY(yRange[0]), y2: toY(yRange[1]) },
  ];
  return ends.map((one) => element('line', { ...one, stroke: colorOf(look), opacity: 0.4 }));
}

function curve({ line, look, points }: PlotSeries, toX: Scale, toY: Scale): string[] {
  if (line === 'none') return [];
  const path = points.map(({ x, y }) => `${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join('L');
  return [element('path', { d: `M${path}`, fill: 'none', stroke: colorOf(look), 'stroke-width': 2 })];
}

/**
 * Series of points over two axes, with whiskers, marks by weight, and labels that keep clear of each other. A whole SVG file. There is at
 * least one point.
 */
export function plotSvg(plot: Plot): string {
  const { series } = plot;
  const points = series.flatMap((one) => one.points);
  const xRange = domain(
    plot.x,
    points.map(({ x }) => x),
    points.flatMap((point) => point.xRange ?? []),
  );
  const yRange = domain(
    plot.y,
    points.map(({ y }) => y),
    points.flatMap((point) => point.yRange ?? []),
  );
  const toX = place(plot.x, xRange, [frame.left, frame.right]);
  const toY = place(plot.y, yRange, [frame.bottom, frame.top]);
  const taken: Box[] = points.map(({ x, y }) => [toX(x) - 6, toY(y) - 6, toX(x) + 6, toY(y) + 6]);
  const labels = points.flatMap(({ x, y, label }) => {
    const found = label === undefined ? null : labelPlace([toX(x), toY(y)], label, taken);
    return found === null ? [] : [text(found.at, label as string, { 'text-anchor': found.anchor, 'font-size': 12 })];
  });
  const drawn = [
    ...axes(plot, toX, toY, { x: xRange, y: yRange }),
    ...series.flatMap((one) => curve(one, toX, toY)),
    ...series.flatMap(({ look, points: own }) => own.flatMap((point) => whiskers(point, look, toX, toY))),
    ...series.flatMap(({ look, points: own }) => own.map((point) => marker(look, [toX(point.x), toY(point.y)], point))),
    ...labels,
  ];
  const { rows, marks } = legend(series);
  const lower = legendRow * (rows - 1);
  const content = [...marks, element('g', { transform: `translate(0 ${lower})` }, drawn)];
  return picture([size[0], size[1] + lower], plot, content);
}
