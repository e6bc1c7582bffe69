import { dirname, join } from 'node:path/posix';

type Files = ReadonlyMap<string, string | Uint8Array>;

interface Link {
  readonly page: string;
  readonly href: string;
}

function linksOf(files: Files): Link[] {
  return [...files].flatMap(([page, content]) =>
    typeof content === 'string' && page.endsWith('.html')
      ? [...content.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, href = '']) => ({
          page,
          href: href.replaceAll('&amp;', '&'),
        }))
      : [],
  );
}

const isExternal = ({ href }: Link) => /^[a-z]+:/.test(href);

function isThere(files: Files, { page, href }: Link): boolean {
  const [path = '', anchor] = href.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  const content = files.get(target);
  return content !== undefined && (anchor === undefined || String(content).includes(` id="${anchor}"`));
}

/** Links within the site that lead nowhere: a page or file that is not there, or an anchor that it lacks. */
export const brokenLinks = (files: Files): string[] =>
  linksOf(files)
    .filter((link) => !isExternal(link) && !isThere(files, link))
    .map(({ page, href }) => `${page} -> ${href}`);

/** Addresses outside of the site, each once; they are not fetched. */
export const externalLinks = (files: Files): string[] =>
  [
    ...new Set(
      linksOf(files)
        .filter(isExternal)
        .map(({ href }) => href),
    ),
  ].sort();
