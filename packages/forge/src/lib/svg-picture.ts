/** A point of a drawing, or the size of a box, in pixels. */
export type Pair = readonly [x: number, y: number];

export const seriesColors = 7;
const light = ['#0072b2', '#c2410c', '#00795a', '#a0447c', '#8a6100', '#3f6fb5', '#5b5b5b'];
const dark = ['#6fb7ee', '#ff9b62', '#4ccaa4', '#e79ac4', '#f0c14b', '#9bb8ff', '#c2c8d0'];

const colors = (palette: readonly string[]) => palette.map((color, i) => `--c${i}:${color}`).join(';');

/** Readable on white without a style sheet of the page; follows the reader's colour scheme where it knows one. */
const style = `svg{--paper:#fff;--ink:#16191d;--muted:#525a66;--line:#d9dde3;--fast:#2f6fd0;--slow:#c0392b;${colors(light)};font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}@media (prefers-color-scheme:dark){svg{--paper:#12151b;--ink:#eceff4;--muted:#a5aebb;--line:#333944;--fast:#5b9bff;--slow:#ff7b72;${colors(dark)}}}text{fill:var(--ink)}.muted{fill:var(--muted)}.grid{stroke:var(--line)}.strong{font-weight:600}`;

/** Text that may stand in an element or attribute. */
export const escapeXml = (text: string) =>
  text.replace(/[<>&"]/g, (char) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[char] as string);

const number = (value: number) => String(Math.round(value * 100) / 100);

/** An element; numbers are rounded to hundredths. `content` is markup. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string | readonly string[] = '',
): string {
  const given = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? number(value) : escapeXml(value)}"`,
  );
  const inside = typeof content === 'string' ? content : content.join('');
  return inside === '' ? `<${name}${given.join('')}/>` : `<${name}${given.join('')}>${inside}</${name}>`;
}

/** A text element at a point, px. */
export const text = (at: Pair, content: string, attributes: Readonly<Record<string, string | number>> = {}) =>
  element('text', { x: at[0], y: at[1], ...attributes }, escapeXml(content));

/** How wide a text is about, in pixels, at 13 px. */
export const textWidth = (content: string) => 6.9 * [...content].length;

/** A whole picture with what a screen reader says of it. */
export function picture(
  [width, height]: Pair,
  { title, description }: { readonly title: string; readonly description: string },
  content: readonly string[],
): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${number(width)} ${number(height)}`,
    width,
    height,
    role: 'img',
    'aria-labelledby': 'title description',
  };
  return `${element('svg', attributes, [
    element('title', { id: 'title' }, escapeXml(title)),
    element('desc', { id: 'description' }, escapeXml(description)),
    `<style>${style}</style>`,
    element('rect', { width, height, fill: 'var(--paper)' }),
    text([16, 26], title, { 'font-size': 15, class: 'strong' }),
    ...content,
  ])}\n`;
}
