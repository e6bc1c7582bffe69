import { escapeHtml } from './html.ts';
import { type Page, relativeLink, type Section } from './page.ts';

export interface Heading {
  readonly level: number;
  readonly id: string;
  /** Plain text. */
  readonly text: string;
}

const characters: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' };
const plain = (html: string) =>
  html
    .replace(/ <a class="anchor".*$/, '')
    .replace(/<[^>]+>/g, '')
    .replace(/&(amp|lt|gt|quot);/g, (entity) => characters[entity] as string);

/** The headings of a page below its title. */
export const headingsOf = ({ html }: Page): Heading[] =>
  [...html.matchAll(/<h([2-6]) id="([^"]+)">(.*)<\/h\1>/g)].map(([, level, id = '', content = '']) => ({
    level: Number(level),
    id,
    text: plain(content),
  }));

function contentsOf(page: Page): string {
  const shown = headingsOf(page).filter(({ level }) => level === 2);
  if (shown.length < 3) return '';
  const links = shown.map(({ id, text }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(text)}</a></li>`);
  return `<details class="contents"><summary>On this page</summary><ul>${links.join('')}</ul></details>\n`;
}

function navigation(page: Page, sections: readonly Section[]): string {
  const link = ({ title, path }: Section['links'][number]) => {
    const here = path === page.path ? ' aria-current="page"' : '';
    return `<li><a href="${relativeLink(page.path, path)}"${here}>${escapeHtml(title)}</a></li>`;
  };
  return sections
    .map(({ title, links }) => `<h2>${escapeHtml(title)}</h2>\n<ul>${links.map(link).join('\n')}</ul>`)
    .join('\n');
}

/** The whole document. On narrow screens the navigation is behind a button, without a script. */
export function documentOf(page: Page, sections: readonly Section[]): string {
  const to = (path: string) => relativeLink(page.path, path);
  const end = page.html.indexOf('</h1>') + '</h1>'.length;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)} · LLM Forge guide</title>
<link rel="icon" href="${to('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${to('style.css')}">
<script src="${to('search.js')}" defer></script>
</head>
<body>
<a class="skip" href="#site-content">Skip to the content</a>
<header class="top">
<a class="home" href="${to('index.html')}">LLM Forge</a>
<div class="search" hidden>
<input type="search" id="site-search" aria-label="Search headings" placeholder="Search" autocomplete="off" spellcheck="false">
<p class="count" role="status"></p>
<ul class="results"></ul>
</div>
<button type="button" class="menu" popovertarget="site-pages">Pages</button>
</header>
<div class="columns">
<nav id="site-pages" aria-label="Pages" popover>
${navigation(page, sections)}
</nav>
<main id="site-content">
${page.html.slice(0, end)}
${contentsOf(page)}${page.html.slice(end)}
</main>
</div>
</body>
</html>
`;
}
