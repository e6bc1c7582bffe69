import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forgeVersion } from '../../packages/forge/src/lib/installation.ts';
import { apiPage } from './api-reference.ts';
import { catalogPages } from './catalog-reference.ts';
import { cliPage } from './cli-reference.ts';
import { configurationPage } from './configuration-reference.ts';
import { readContents } from './contents.ts';
import { documentOf, headingsOf } from './layout.ts';
import { renderMarkdown } from './markdown.ts';
import type { Page, Section } from './page.ts';

export interface Site {
  /** Content by path from the root of the site. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly sections: readonly Section[];
}

/** Every .md below docs/, with slashes. */
function markdownFiles(docs: string): string[] {
  return readdirSync(docs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
}

function searchScript(pages: readonly Page[], here: string): string {
  const headings = pages.flatMap((page) => [
    [page.title, page.title, page.path],
    ...headingsOf(page).map(({ id, text }) => [page.title, text, `${page.path}#${id}`]),
  ]);
  return `const headings = ${JSON.stringify(headings)};\n${readFileSync(join(here, 'search.js'), 'utf8')}`;
}

/** The whole site, in memory: pages of docs/, the reference from the program's own definitions, the images that pages show. */
export function buildSite(root: string): Site {
  const docs = join(root, 'docs');
  const sources = markdownFiles(docs).map((file) => ({ file, text: readFileSync(join(docs, file), 'utf8') }));
  const known = new Set(sources.map(({ file }) => file));
  const written = sources.map((source) => renderMarkdown(source, known));
  const reference = [cliPage(), configurationPage(), apiPage(forgeVersion), ...catalogPages()];
  const listed = readContents(readFileSync(join(docs, 'README.md'), 'utf8'));
  const paths = new Set(['index.html', ...listed.flatMap(({ links }) => links.map(({ path }) => path))]);
  // A page that docs/README.md does not list can still be found.
  const others = written.filter(({ path }) => !paths.has(path));
  const sections = [
    ...listed,
    ...(others.length === 0 ? [] : [{ title: 'More', links: others }]),
    { title: 'Reference', links: reference },
  ];
  const pages = [...written, ...reference];
  const files = new Map<string, string | Uint8Array>(pages.map((page) => [page.path, documentOf(page, sections)]));
  for (const image of new Set(written.flatMap(({ images }) => images)))
    files.set(image, readFileSync(join(docs, image)));
  const font = fileURLToPath(new URL('.', import.meta.resolve('@fontsource/stix-two-math/package.json')));
  files.set('math.woff2', readFileSync(join(font, 'files', 'stix-two-math-latin-400-normal.woff2')));
  files.set('math-font-licence.txt', readFileSync(join(font, 'LICENSE'), 'utf8'));
  files.set('icon.svg', readFileSync(join(root, 'packages', 'dashboard', 'app', 'icon.svg'), 'utf8'));
  const styles = ['text.css', 'frame.css'].map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
  files.set('style.css', styles.join('\n'));
  files.set('search.js', searchScript(pages, import.meta.dirname));
  return { files, sections };
}
