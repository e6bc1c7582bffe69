import { ticksOf } from './plot-svg.ts';
import { element, escapeXml, picture, seriesColors, text, textWidth } from './svg-picture.ts';

export interface Bar {
  /** Bars of one series share a name and a colour. */
  readonly series: string;
  readonly value: number;
  /** Of the interval; null where there is none. */
  readonly low: number | null;
  readonly high: number | null;
  /** The value in words, beside the bar. */
  readonly label: string;
}

export interface BarChart {
  readonly title: string;
  readonly description: string;
  readonly groups: readonly { readonly name: string; readonly bars: readonly Bar[] }[];
  /** What the bars measure. */
  readonly axis: string;
  format(value: number): string;
}

const width = 860;
const barHeight = 18;
const groupGap = 14;
const legendRow = 20;

/** Groups of lying bars from 0 with their intervals. A whole SVG file. There is at least one bar. */
export function barsSvg({ title, description, groups, axis, format }: BarChart): string {
  const bars = groups.flatMap((group) => group.bars);
  const series = [...new Set(bars.map((bar) => bar.series))];
  const left = 28 + Math.max(...groups.map(({ name }) => textWidth(name)));
  const right = width - 24 - Math.max(...bars.map(({ label }) => textWidth(label)));
  const high = Math.max(...bars.map((bar) => Math.max(bar.value, bar.high ?? 0)));
  const low = Math.min(0, ...bars.map((bar) => Math.min(bar.value, bar.low ?? 0)));
  const most = high > low ? high : low + 1;
  const at = (value: number) => left + ((value - low) / (most - low)) * (right - left);
  let [markX, row] = [16, 0];
  const legend = series.flatMap((name, i) => {
    const wide = textWidth(name) + 40;
    if (markX > 16 && markX + wide > width) [markX, row] = [16, row + 1];
    const lower = legendRow * row;
    const mark = element('rect', {
      x: markX,
      y: 42 + lower,
      width: 11,
      height: 11,
      fill: `var(--c${i % seriesColors})`,
    });
    const label = text([markX + 16, 52 + lower], name);
    markX += wide;
    return [mark, label];
  });
  const top = 76 + legendRow * row;
  let y = top;
  const drawn: string[] = [];
  for (const { name, bars: own } of groups) {
    drawn.push(text([16, y + (barHeight * own.length) / 2 + 4], name));
    for (const bar of own) {
      const color = `var(--c${series.indexOf(bar.series) % seriesColors})`;
      const [from, to] = [Math.min(at(0), at(bar.value)), Math.max(at(0), at(bar.value))];
      const middle = y + barHeight / 2;
      const told = element('title', {}, escapeXml(`${name}, ${bar.series}: ${bar.label}`));
      drawn.push(
        element('rect', { x: from, y: y + 2, width: Math.max(1, to - from), height: barHeight - 4, fill: color }, told),
      );
      const end = Math.max(to, at(bar.high ?? bar.value));
      if (bar.low !== null && bar.high !== null)
        drawn.push(
          element('line', {
            x1: at(bar.low),
            x2: at(bar.high),
            y1: middle,
            y2: middle,
            stroke: 'var(--ink)',
            'stroke-width': 1.5,
          }),
        );
      drawn.push(text([end + 6, middle + 4], bar.label, { 'font-size': 12, class: 'muted' }));
      y += barHeight;
    }
    y += groupGap;
  }
  const grid = ticksOf('linear', low, most, 6).flatMap((tick) => [
    element('line', { x1: at(tick), x2: at(tick), y1: top - 6, y2: y, class: 'grid' }),
    text([at(tick), y + 16], format(tick), { 'text-anchor': 'middle', class: 'muted' }),
  ]);
  const axisTitle = text([(left + right) / 2, y + 36], axis, { 'text-anchor': 'middle' });
  return picture([width, y + 46], { title, description }, [...legend, ...grid, ...drawn, axisTitle]);
}
