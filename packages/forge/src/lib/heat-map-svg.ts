import { element, escapeXml, picture, text, textWidth } from './svg-picture.ts';

export interface HeatCell {
  /** Colour: how many times as much as 1; null where there is nothing to show. */
  readonly ratio: number | null;
  /** One above the other. */
  readonly lines: readonly string[];
  /** Told when pointed at. */
  readonly title: string;
}

export interface HeatMap {
  readonly title: string;
  readonly description: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By row, then column. */
  readonly cells: readonly (readonly HeatCell[])[];
  readonly footnote: string;
}

const width = 860;
const rowHeight = 52;
/** Full colour at this many times as much, or as little. */
const fullRatio = 16;

/** Words in lines of at most so many pixels. */
function wrap(words: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`.trim();
    if (lines.length > 0 && textWidth(longer) <= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const middle = (lines: readonly string[], x: number, y: number) =>
  lines.map((line, i) =>
    text([x, y + 4 + 16 * (i - (lines.length - 1) / 2)], line, {
      'text-anchor': 'middle',
      ...(i === 0 ? { class: 'strong' } : { 'font-size': 11, opacity: 0.85 }),
    }),
  );

/** Rows and columns of ratios: the more over 1 the bluer, the more under 1 the redder, on a log scale. A whole SVG file. */
export function heatMapSvg({ title, description, rows, columns, cells, footnote }: HeatMap): string {
  const left = 24 + Math.max(...rows.map(textWidth));
  const columnWidth = (width - 16 - left) / columns.length;
  const headers = columns.map((column) => wrap(column, columnWidth - 6));
  const top = 48 + 16 * Math.max(...headers.map((lines) => lines.length));
  const height = top + rowHeight * rows.length + 34;
  const content = [
    ...headers.flatMap((lines, c) =>
      lines.map((line, i) =>
        text([left + columnWidth * (c + 0.5), top - 10 - 16 * (lines.length - 1 - i)], line, {
          'text-anchor': 'middle',
        }),
      ),
    ),
    ...rows.flatMap((row, r) => {
      const y = top + rowHeight * r;
      return [
        text([16, y + rowHeight / 2 + 4], row),
        ...columns.flatMap((_, c) => {
          const cell = cells[r]?.[c];
          if (cell === undefined) return [];
          const x = left + columnWidth * c;
          const heat = cell.ratio === null ? 0 : Math.log(cell.ratio) / Math.log(fullRatio);
          // Never so deep that the figure on it is hard to read.
          const opacity = 0.6 * Math.min(1, Math.abs(heat));
          const box = { x: x + 1, y: y + 1, width: columnWidth - 2, height: rowHeight - 2, rx: 4 };
          return [
            element('g', {}, [
              element('title', {}, escapeXml(cell.title)),
              element('rect', { ...box, fill: 'var(--line)', opacity: 0.25 }),
              element('rect', { ...box, fill: heat < 0 ? 'var(--slow)' : 'var(--fast)', opacity }),
              ...middle(cell.lines, x + columnWidth / 2, y + rowHeight / 2),
            ]),
          ];
        }),
      ];
    }),
    text([16, height - 12], footnote, { class: 'muted', 'font-size': 12 }),
  ];
  return picture([width, height], { title, description }, content);
}
