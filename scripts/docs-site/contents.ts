import { join } from 'node:path/posix';
import { Marked, type Token, type Tokens } from 'marked';
import { pathOfPage } from './markdown.ts';
import type { Section } from './page.ts';

const isLink = (token: Token): token is Tokens.Link => token.type === 'link';

/** The navigation: sections and lists of links of docs/README.md. Only the first link of an item counts. */
export function readContents(text: string): Section[] {
  const sections: { title: string; links: { title: string; path: string }[] }[] = [];
  for (const token of new Marked().lexer(text)) {
    if (token.type === 'heading' && token.depth === 2) sections.push({ title: token.text, links: [] });
    if (token.type !== 'list') continue;
    for (const item of (token as Tokens.List).items) {
      const words = item.tokens.flatMap((part) => ('tokens' in part ? (part.tokens ?? []) : []));
      const link = words.find(isLink);
      if (link !== undefined) sections.at(-1)?.links.push({ title: link.text, path: pathOfPage(join('', link.href)) });
    }
  }
  return sections.filter(({ links }) => links.length > 0);
}
