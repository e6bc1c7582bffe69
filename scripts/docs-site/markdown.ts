import { dirname, join } from 'node:path/posix';
import { Marked, type Tokens } from 'marked';
import { code, escapeHtml, headingHtml, scrolling, slugOf } from './html.ts';
import { mathExtensions } from './math.ts';
import { type Page, relativeLink } from './page.ts';

/** The page of a file below docs/: README.md is the first one. */
export const pathOfPage = (file: string) => file.replace(/(^|\/)README\.md$/, '$1index.md').replace(/\.md$/, '.html');

export interface MarkdownSource {
  /** Below docs/: `guides/training.md`. */
  readonly file: string;
  readonly text: string;
}

export interface RenderedMarkdown extends Page {
  /** Files below docs/ that it shows. */
  readonly images: readonly string[];
}

/** Comments in commands and YAML are less loud than the rest. */
const withComments = (text: string) => escapeHtml(text).replace(/(^|\s)(#.*)$/gm, '$1<span class="comment">$2</span>');

const hasComments = (language: string) => ['bash', 'yaml', 'python'].includes(language);

/**
 * One page. Links to other pages of docs/ lead to their pages on the site, and so do their names in backticks; what is not on the site (source files)
 * is shown as a name. HTML in a text is shown, not obeyed. What follows the language of a block (```yaml my-question.yaml) stands above it.
 */
export function renderMarkdown({ file, text }: MarkdownSource, files: ReadonlySet<string>): RenderedMarkdown {
  const path = pathOfPage(file);
  const images: string[] = [];
  const seen = new Map<string, number>();
  let title = file;

  /** Where a link of this page leads on the site; null: to something that is not there. */
  const target = (href: string): string | null => {
    if (/^(https?:|#)/.test(href)) return href;
    const [name = '', anchor] = href.split('#');
    const wanted = join(dirname(file), name);
    if (!files.has(wanted) && !wanted.startsWith('reference/')) return null;
    return relativeLink(path, pathOfPage(wanted)) + (anchor === undefined ? '' : `#${anchor}`);
  };

  const marked = new Marked({
    gfm: true,
    extensions: mathExtensions,
    renderer: {
      heading({ tokens, depth, text: source }) {
        const plain = source.replace(/`/g, '');
        if (depth === 1) {
          title = plain;
          return `<h1>${this.parser.parseInline(tokens)}</h1>\n`;
        }
        const slug = slugOf(plain);
        const count = seen.get(slug) ?? 0;
        seen.set(slug, count + 1);
        return headingHtml(depth, count === 0 ? slug : `${slug}-${count}`, this.parser.parseInline(tokens));
      },
      link({ href, tokens }) {
        const content = this.parser.parseInline(tokens);
        const to = target(href);
        return to === null ? content : `<a href="${escapeHtml(to)}">${content}</a>`;
      },
      image({ href, text: alternative }) {
        const image = join(dirname(file), href);
        images.push(image);
        return `<img src="${escapeHtml(relativeLink(path, image))}" alt="${escapeHtml(alternative)}" loading="lazy">`;
      },
      codespan({ text: content }) {
        const named = /^docs\/(.+\.md)$/.exec(content)?.[1];
        if (named === undefined || !files.has(named)) return code(content);
        return `<a href="${relativeLink(path, pathOfPage(named))}">${code(content)}</a>`;
      },
      code({ text: content, lang = '' }) {
        const [language = '', ...caption] = lang.split(' ');
        const shown = hasComments(language) ? withComments(content) : escapeHtml(content);
        const above = caption.length === 0 ? '' : `<p class="caption">${escapeHtml(caption.join(' '))}</p>\n`;
        return `${above}<pre tabindex="0"><code>${shown}\n</code></pre>\n`;
      },
      table(token: Tokens.Table) {
        const row = (cells: readonly Tokens.TableCell[], tag: string) =>
          `<tr>${cells
            .map((cell) => {
              const align = cell.align === null ? '' : ` class="${cell.align}"`;
              return `<${tag}${align}>${this.parser.parseInline(cell.tokens)}</${tag}>`;
            })
            .join('')}</tr>`;
        const body = token.rows.map((cells) => row(cells, 'td')).join('\n');
        const head = token.header.some(({ text: cell }) => cell !== '')
          ? `<thead>${row(token.header, 'th')}</thead>`
          : '';
        return scrolling('Table', `<table>${head}<tbody>\n${body}</tbody></table>`);
      },
      html: ({ text: content }) => escapeHtml(content),
    },
  });
  const html = marked.parse(text, { async: false });
  return { path, title, html, images };
}
