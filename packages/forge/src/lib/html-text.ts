import { Parser } from 'htmlparser2';
import { ConfigError } from '../errors.ts';
import { type DocumentText, decodeText } from './plain-text.ts';

const words = (text: string) => new Set(text.split(' '));
/** What nobody reads as the text of a page. */
const dropped = words(
  'script style noscript template nav svg math iframe object canvas audio video button select textarea',
);
/** These begin a line and end it. */
const blocks = words(
  'address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary table tr ul',
);
/** Text stands apart on both sides of these. */
const apart = words('td th img');

/** Text with the white space that a browser would show. */
function createPage() {
  const parts: string[] = [];
  let last = '\n';
  const push = (text: string) => {
    if (text === '') return;
    parts.push(text);
    last = text.slice(-1);
  };
  return {
    text: () => parts.join('').trim(),
    addPreformatted: push,
    add(text: string) {
      const one = text.replace(/\s+/g, ' ');
      push(last === ' ' || last === '\n' ? one.replace(/^ /, '') : one);
    },
    startLine() {
      if (last === ' ') parts.push((parts.pop() ?? '').trimEnd());
      if (last !== '\n') push('\n');
    },
  };
}

/** The text of a page without its scripts, styles, navigation and comments; the title is that of the page, or its first heading. */
export function htmlText(bytes: Uint8Array): DocumentText {
  const page = createPage();
  const titles = { title: '', h1: '' };
  const inside = { dropped: 0, pre: 0, title: 0, h1: 0 };
  /** Whether the first one is over. */
  const over = { title: false, h1: false };

  function step(name: string, by: 1 | -1): void {
    if (dropped.has(name)) inside.dropped += by;
    if (inside.dropped > 0) return;
    if (name === 'pre' || name === 'title' || name === 'h1') inside[name] += by;
    if ((name === 'title' || name === 'h1') && by < 0) over[name] ||= titles[name].trim() !== '';
    if (blocks.has(name)) page.startLine();
    else if (apart.has(name)) page.add(' ');
  }
  const parser = new Parser({
    onopentagname: (name) => step(name, 1),
    onclosetag: (name) => step(name, -1),
    ontext(text) {
      if (inside.dropped > 0) return;
      if (inside.h1 > 0 && !over.h1) titles.h1 += text;
      if (inside.title > 0) titles.title += over.title ? '' : text;
      else if (inside.pre > 0) page.addPreformatted(text);
      else page.add(text);
    },
  });
  parser.end(decodeText(bytes));
  const text = page.text();
  if (text === '')
    throw new ConfigError('no text between its tags (a page that scripts fill?); leave it out of the corpus');
  return { title: over.title ? titles.title : titles.h1, text };
}
