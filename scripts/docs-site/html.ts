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

/** A named thing, what kind of thing it is, and what it is for; all HTML. */
export interface Entry {
  readonly name: string;
  /** May have empty parts: type, default, ... */
  readonly notes: readonly string[];
  readonly text: string;
}

/** A list of options, parameters and the like: unlike a table it needs no width. */
export function entriesHtml(entries: readonly Entry[]): string {
  if (entries.length === 0) return '';
  const items = entries.map(({ name, notes, text }) => {
    const shown = notes.filter((note) => note !== '').join(', ');
    const note = shown === '' ? '' : ` <span class="note">${shown}</span>`;
    return `<dt>${code(name)}${note}</dt>\n<dd>${text}</dd>`;
  });
  return `<dl>\n${items.join('\n')}\n</dl>\n`;
}
