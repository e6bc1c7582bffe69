// Writes the documentation as static pages to build/docs: `npm run docs`. `forge serve` has them at /guide; any other server of files can, too.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brokenLinks, externalLinks } from './docs-site/links.ts';
import { buildSite } from './docs-site/site.ts';

const root = join(import.meta.dirname, '..');
const output = join(root, 'build', 'docs');
const { files } = buildSite(root);
const broken = brokenLinks(files);
if (broken.length > 0) {
  console.error(`links that lead nowhere:\n${broken.join('\n')}`);
  process.exit(1);
}
rmSync(output, { recursive: true, force: true });
for (const [path, content] of files) {
  mkdirSync(join(output, dirname(path)), { recursive: true });
  writeFileSync(join(output, path), content);
}
const pages = [...files.keys()].filter((path) => path.endsWith('.html')).length;
console.log(`build/docs: ${pages} pages; ${externalLinks(files).length} addresses elsewhere, not looked at`);
