const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] as string);

/** Plain text in which `backticks` are code. */
export const inlineHtml = (text: string) => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

export const code = (text: string) => `<code>${escapeHtml(text)}</code>`;

/** The anchor of a heading, as GitHub makes it, so that links hold there too. */
export const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

/** `html` is the heading's content. */
export const headingHtml = (level: number, id: string, html: string) =>
  `<h${level} id="${escapeHtml(id)}">${html} <a class="anchor" href="#${escapeHtml(id)}" aria-label="Link to this section">#</a></h${level}>\n`;

/** What may be wider than the screen scrolls by itself, also by keyboard. */
export const scrolling = (label: string, html: string) =>
  `<div class="scroll" tabindex="0" role="group" aria-label="${label}">${html}</div>\n`;

/** Cells are HTML. Columns that are empty in every row are left out. */
export function tableHtml(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = header.map((_, column) => rows.some((row) => row[column] !== ''));
  const cells = (tag: string, row: readonly string[]) =>
    row.flatMap((cell, column) => (shown[column] ? `<${tag}>${cell}</${tag}>` : [])).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return scrolling('Table', `<table><thead><tr>${cells('th', header)}</tr></thead><tbody>\n${body}</tbody></table>`);
}
